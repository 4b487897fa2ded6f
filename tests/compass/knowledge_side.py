"""The local embedding model behind its address, and small documents of every kind, made here."""

import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import docx
import uvicorn
from django.core.files.uploadedfile import SimpleUploadedFile
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from apps.compass.models import Document
from apps.compass.services.knowledge import document_upload
from apps.compass.services.knowledge_index import document_work
from embedded.models.embeddings import Embedder
from embedded.models.errors import ApiError, api_error_response
from embedded.ports import port_free

HOURS = b"""# Acme

## Opening hours

We are open Monday to Friday from 9 to 18, and on Saturday from 10 to 14. We are closed on Sundays.

## Parking

There is a garage behind the house; the first two hours are free.

## Returns

Send it back within 30 days and you get your money back.
"""


@contextmanager
def embeddings_serving() -> Iterator[str]:
    """MiniLM alone, at `<address>/embeddings`."""
    embedder = Embedder()

    async def answer(request: Request) -> Response:
        return await embedder.endpoint(request)

    app = Starlette(routes=[Route("/v1/embeddings", answer, methods=["POST"])], exception_handlers={ApiError: api_error_response})
    port = port_free()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    ends_at = time.monotonic() + 30
    while not server.started and time.monotonic() < ends_at:
        thread.join(0.02)
    yield f"http://127.0.0.1:{port}/v1"
    server.should_exit = True
    thread.join(10)


def upload(name: str, data: bytes) -> Document:
    """A document that nobody works on yet."""
    return document_upload(file=SimpleUploadedFile(name, data))


def indexed(name: str = "hours.md", data: bytes = HOURS) -> Document:
    """A document that is ready, or failed."""
    return finish(upload(name, data))


def finish(document: Document) -> Document:
    """Works on a document until nothing happens by itself any more."""
    while document_work(document.pk):
        document.refresh_from_db()
        if not document.is_working:
            break
    document.refresh_from_db()
    return document


def pdf_make(*pages: str, extra: str = "") -> bytes:
    """A PDF with a line of text a page; pages with no text are as empty as a scan is for a reader."""
    objects = ["<< /Type /Catalog /Pages 2 0 R >>"]
    kids = " ".join(f"{4 + 2 * index} 0 R" for index in range(len(pages)))
    objects += [f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>"]
    objects += ["<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"]
    for index, text in enumerate(pages):
        font = "/Resources << /Font << /F1 3 0 R >> >>"
        objects += [f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] {font} /Contents {5 + 2 * index} 0 R >>"]
        stream = f"BT /F1 12 Tf 72 700 Td ({text}) Tj ET" if text else ""
        objects += [f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream"]
    return _pdf_file(objects)


def _pdf_file(objects: list[str]) -> bytes:
    body, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, start=1):
        places.append(len(body))
        body += f"{number} 0 obj\n{content}\nendobj\n".encode("latin-1")
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    head = f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}"
    tail = f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(body)}\n%%EOF\n"
    return body + head.encode() + tail.encode()


def pdf_locked() -> bytes:
    """A PDF that wants a password."""
    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter(clone_from=PdfReader(BytesIO(pdf_make("Secret prices"))))
    writer.encrypt("a-password", algorithm="AES-128")
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


def docx_make() -> bytes:
    """A Word document with a heading, a paragraph, a list and a table."""
    made: Any = docx.Document()
    made.add_heading("Services", level=1)
    made.add_paragraph("We repair shoes and bags.")
    made.add_paragraph("Laces are free", style="List Bullet")
    table = made.add_table(rows=2, cols=2)
    for row, values in zip(table.rows, (("Service", "Price"), ("New soles", "49 euro")), strict=True):
        for cell, value in zip(row.cells, values, strict=True):
            cell.text = value
    out = BytesIO()
    made.save(out)
    return out.getvalue()


def picture() -> bytes:
    """The start of a PNG."""
    return b"\x89PNG\r\n\x1a\n" + zlib.compress(b"0" * 50)
