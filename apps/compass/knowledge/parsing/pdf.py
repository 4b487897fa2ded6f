"""PDF by pypdf, page by page."""

import re
import struct
import zlib
from io import BytesIO

from django.utils.translation import gettext as _
from pypdf import PasswordType, PdfReader
from pypdf.errors import PyPdfError

from apps.compass.knowledge.parsing.blocks import Block, Progress, Text, Unreadable

MAX_PAGES = 3_000
LEAST_CHARACTERS = 10  # of a whole document; a scan has none, or a stamp
# What pypdf lets out when a file is not as it should be.
BROKEN: tuple[type[Exception], ...] = (
    *(PyPdfError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, AssertionError, RecursionError),
    *(NotImplementedError, struct.error, zlib.error, OSError),
)
PARAGRAPH = re.compile(r"\n\s*\n")
HYPHEN = re.compile(r"(?<=\w)-\n(?=[a-z])")


def read(data: bytes, progress: Progress) -> Text:
    """Raises Unreadable: damaged, password, too many pages, or pictures of text only."""
    try:
        reader = PdfReader(BytesIO(data))
        if reader.is_encrypted and reader.decrypt("") == PasswordType.NOT_DECRYPTED:
            raise Unreadable(_("This PDF is protected by a password. Remove the password, and upload it again."))
        return _text(reader, progress)
    except BROKEN as error:
        raise Unreadable(_("This PDF is damaged. Export or print it as a PDF anew, and upload that.")) from error


def _text(reader: PdfReader, progress: Progress) -> Text:
    count = len(reader.pages)
    if count > MAX_PAGES:
        raise Unreadable(_("This PDF has over 3,000 pages. Split it, and upload the parts."))
    blocks: list[Block] = []
    for number, page in enumerate(reader.pages, start=1):
        blocks += [Block(part, page=number) for part in _paragraphs(page.extract_text() or "")]
        progress(number, count)
    if sum(len(block.text) for block in blocks) < LEAST_CHARACTERS:
        raise Unreadable(
            _("This PDF holds pictures of its pages and no text. Run text recognition (OCR) on it, and upload that.")
        )
    title = str((reader.metadata.title if reader.metadata else "") or "").strip()
    return Text("pdf", blocks, title, count)


def _paragraphs(text: str) -> list[str]:
    text = HYPHEN.sub("", text.replace("\x00", ""))
    return [" ".join(part.split()) if len(part) < 2_000 else part.strip() for part in PARAGRAPH.split(text) if part.strip()]
