"""The templates of a business account, as Meta has them."""

from typing import Any

from django.db import transaction

from apps.core.errors import MeridianError
from apps.whatsapp import graph
from apps.whatsapp.envelope import dicts
from apps.whatsapp.models import AgentPhoneMapping, Template
from apps.whatsapp.payloads import part, text_of

MAX_PAGES = 60  # of a hundred each; Meta allows 6,000 templates


def templates_sync_all(waba_id: str = "") -> int:
    """In the current tenant: refreshes the templates of every business account, or of one; returns how many there are.

    Raises the first error only after every account was tried.
    """
    count, failed = 0, None
    accounts = AgentPhoneMapping.objects.exclude(waba_id="").filter(enabled=True).order_by("waba_id", "pk").distinct("waba_id")
    if waba_id:
        accounts = accounts.filter(waba_id=waba_id)
    for mapping in accounts:
        try:
            count += templates_sync(mapping)
        except MeridianError as error:
            failed = failed or error
    if failed is not None:
        raise failed
    return count


def templates_sync(mapping: AgentPhoneMapping) -> int:
    """Refreshes one account's templates and forgets those that are gone; returns how many there are."""
    found = _all(mapping)
    with transaction.atomic():
        kept = [_keep(mapping.waba_id, row) for row in found]
        Template.objects.filter(waba_id=mapping.waba_id).exclude(pk__in=kept).delete()
    return len(kept)


def _all(mapping: AgentPhoneMapping) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    after: str | None = None
    for _ in range(MAX_PAGES):
        page = graph.templates_page(token=mapping.access_token, waba_id=mapping.waba_id, after=after)
        rows += dicts(page.get("data"))
        paging = part(page.get("paging"))
        after = text_of(part(paging.get("cursors")).get("after")) or None
        if not paging.get("next") or after is None:
            break
    return [row for row in rows if row.get("name") and row.get("language")]


def _keep(waba_id: str, row: dict[str, Any]) -> int:
    template, _ = Template.objects.update_or_create(
        waba_id=waba_id,
        name=text_of(row["name"], 512),
        language=text_of(row["language"], 16),
        defaults={
            "external_id": text_of(row.get("id"), 64),
            "category": text_of(row.get("category"), 24),
            "status": text_of(row.get("status"), 24),
            "components": dicts(row.get("components")),
        },
    )
    return int(template.pk)
