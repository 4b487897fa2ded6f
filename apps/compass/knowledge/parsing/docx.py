"""DOCX by python-docx: headings by their styles, tables row by row."""

import re
import zipfile
from collections.abc import Iterator
from io import BytesIO

from django.utils.translation import gettext as _
from docx import Document
from docx.opc.exceptions import OpcError
from docx.table import Table
from docx.text.paragraph import Paragraph
from lxml.etree import LxmlError

from apps.compass.knowledge.parsing.blocks import Block, Outline, Text, Unreadable, row_text

MB = 1024 * 1024
MAX_UNPACKED = 300 * MB
MAX_XML = 30 * MB  # as a tree it takes twenty times its size in memory
HEADING = re.compile(r"^(?:Heading|Überschrift|Titre) (\d)$")
BROKEN = (OpcError, LxmlError, zipfile.BadZipFile, KeyError, ValueError, AttributeError, NotImplementedError, OSError)


def read(data: bytes) -> Text:
    """Raises Unreadable: damaged, encrypted, or much larger than it looks."""
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            _check(archive.infolist())
        document = Document(BytesIO(data))
        outline = Outline()
        blocks = [block for item in document.iter_inner_content() for block in _blocks(item, outline)]
        return Text("docx", blocks, (document.core_properties.title or "").strip())
    except BROKEN as error:
        raise Unreadable(_("This document is damaged. Open it in Word, save it anew, and upload that.")) from error


def _check(items: list[zipfile.ZipInfo]) -> None:
    if sum(item.file_size for item in items) > MAX_UNPACKED:
        raise Unreadable(_("This document unpacks to over 300 MB. Leave out its pictures, and upload it again."))
    if sum(item.file_size for item in items if _may_be_xml(item)) > MAX_XML:
        raise Unreadable(_("This document holds over 30 MB of text and drawings. Split it, and upload the parts."))


def _may_be_xml(item: zipfile.ZipInfo) -> bool:
    """By its name, or because it shrinks as photos do not: what a part is, the document itself says elsewhere."""
    return item.filename.lower().endswith((".xml", ".rels")) or item.file_size > 2 * item.compress_size


def _blocks(item: Paragraph | Table, outline: Outline) -> Iterator[Block]:
    if isinstance(item, Table):
        yield from _rows(item, outline.path)
        return
    text = item.text.strip()
    style = (item.style.name if item.style else "") or ""
    level = HEADING.match(style)
    if level or style == "Title":
        outline.enter(int(level[1]) if level else 0, text)
    elif text:
        yield Block(f"- {text}" if style.startswith("List") else text, outline.path)


def _rows(table: Table, heading: tuple[str, ...]) -> Iterator[Block]:
    rows = [[cell.text.strip() for cell in row.cells] for row in table.rows]
    names, body = (rows[0], rows[1:]) if len(rows) > 1 else ([""] * 99, rows)
    for values in body:
        if text := row_text(names, values):
            yield Block(text, heading, whole=True)
