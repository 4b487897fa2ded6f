"""The demo's document: what a customer of Acme may ask. Uploaded once, then left alone; the worker reads it."""

from django.core.files.uploadedfile import SimpleUploadedFile

from apps.compass.selectors.knowledge import documents_all
from apps.compass.services.knowledge import document_update, document_upload

NAME = "Acme opening hours and services"
TEXT = """# Acme

## Opening hours

We are open Monday to Friday from 9 am to 6 pm, and on Saturday from 10 am to 2 pm. We are closed on Sundays and on public
holidays.

## Services

- Repair of shoes and bags: from 19 dollars, ready in two days.
- New soles: 49 dollars, ready in three days.
- Keys cut while you wait: 9 dollars.

## Where to find us

12 Main Street, next to the post office. There is a garage behind the house; the first two hours are free for customers.

## Returns

Bring it back with the receipt within 30 days and you get your money back. Repairs are guaranteed for a year.
"""


def knowledge_seed() -> list[str]:
    """In the current tenant: upload the document where there is none yet."""
    if documents_all().exists():
        return []
    document = document_upload(file=SimpleUploadedFile("acme.md", TEXT.encode()))
    document_update(document=document, name=NAME)
    return [f"document {NAME}"]
