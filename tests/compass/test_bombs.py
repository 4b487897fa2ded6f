"""Small files that would take gigabytes to read are refused before they are read."""

import zipfile
from io import BytesIO
from typing import Any

import pytest

from apps.compass.knowledge.parsing import Unreadable, docx
from tests.compass.knowledge_side import docx_make


def docx_with(name: str, data: bytes) -> bytes:
    """A Word document with one more part."""
    made = BytesIO(docx_make())
    with zipfile.ZipFile(made, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return made.getvalue()


@pytest.mark.parametrize("name", ["word/footnotes.xml", "word/media/image1.png"])
def test_a_word_document_of_millions_of_empty_paragraphs(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def parsed(*_: Any) -> None:
        raise AssertionError("It was read.")

    monkeypatch.setattr(docx, "Document", parsed)
    bomb = docx_with(name, b"<w:p/>" * (31 * docx.MB // 6))
    assert len(bomb) < docx.MB
    with pytest.raises(Unreadable, match="over 30 MB"):
        docx.read(bomb)


def test_photos_do_not_count() -> None:
    photos = bytes(range(256)) * 4096  # an image shrinks by little: stored as it is
    made = BytesIO(docx_make())
    with zipfile.ZipFile(made, "a", zipfile.ZIP_STORED) as archive:
        for number in range(32):
            archive.writestr(f"word/media/image{number}.jpeg", photos)
    assert docx.read(made.getvalue()).blocks
