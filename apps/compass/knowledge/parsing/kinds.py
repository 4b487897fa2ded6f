"""Which kind of document some bytes are. The content decides; the name only tells plain texts apart."""

import re
import zipfile
from io import BytesIO
from pathlib import PurePosixPath

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.compass.knowledge.parsing import docx, html, pdf, plain, table
from apps.compass.knowledge.parsing.blocks import Progress, Text, Unreadable

MAX_BYTES = 25 * 1024 * 1024
PDF_START = 1024  # bytes within which a PDF says that it is one
HTML_START = re.compile(rb"<(!doctype html|html|head|body|article|main)\b", re.IGNORECASE)
OTHERS = (
    (b"\xd0\xcf\x11\xe0", gettext_lazy("This is an old Word or Office file. Save it as .docx or PDF, and upload that.")),
    (b"\x89PNG", gettext_lazy("This is a picture. Upload a document with text in it.")),
    (b"\xff\xd8\xff", gettext_lazy("This is a picture. Upload a document with text in it.")),
    (b"GIF8", gettext_lazy("This is a picture. Upload a document with text in it.")),
)
SUFFIXES = {".md": "markdown", ".markdown": "markdown", ".csv": "csv", ".tsv": "csv", ".html": "html", ".htm": "html"}


def kind_of(data: bytes, filename: str) -> str:
    """pdf, docx, html, markdown, text or csv. Raises Unreadable for anything else, for nothing, and for over 25 MB."""
    if len(data) > MAX_BYTES:
        raise Unreadable(_("This document is over 25 MB. Split it, or leave out its pictures, and upload the parts."))
    if not data.strip():
        raise Unreadable(_("This document is empty. Choose one with text in it."))
    if b"%PDF-" in data[:PDF_START]:
        return "pdf"
    if data.startswith(b"PK"):
        return _zipped(data)
    sentence = next((words for magic, words in OTHERS if data.startswith(magic)), None)
    if sentence is not None:
        raise Unreadable(str(sentence))
    plain.decoded(data)
    if HTML_START.search(data[:4096]):
        return "html"
    return SUFFIXES.get(PurePosixPath(filename.lower()).suffix, "text")


def document_read(data: bytes, filename: str, progress: Progress) -> Text:
    """The document's text. `progress(done, total)` is called as it goes on. Raises Unreadable."""
    kind = kind_of(data, filename)
    if kind == "pdf":
        text = pdf.read(data, progress)
    elif kind == "docx":
        text = docx.read(data)
    else:
        words = plain.decoded(data)
        readers = {"html": html.read, "markdown": plain.markdown_read, "csv": table.read, "text": plain.read}
        text = readers[kind](words)
    if not any(block.text.strip() for block in text.blocks):
        raise Unreadable(_("There is no text in this document. Choose one with text in it."))
    return text


def _zipped(data: bytes) -> str:
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            if "word/document.xml" in archive.namelist():
                return "docx"
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise Unreadable(_("This file is damaged. Export or download it anew, and upload that.")) from error
    raise Unreadable(_("This is no document that can be read. Upload PDF, DOCX, HTML, Markdown, TXT or CSV."))
