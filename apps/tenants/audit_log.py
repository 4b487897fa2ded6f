"""Reads of the audit log: who changed what, and when, of the tenant whose schema is current."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from auditlog.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import FieldDoesNotExist
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.core.csvs import Echo, cell
from apps.core.numbers import whole_number
from apps.tenants.audit_words import object_words, value_words

ACTIONS = {0: "create", 1: "update", 2: "delete", 3: "access"}
SILENT = frozenset({"id", "created_at", "updated_at"})
# What the pages call a thing whose model has another name.
KINDS = {
    "agentphonemapping": gettext_lazy("WhatsApp number"),
    "providercredential": gettext_lazy("Key of a provider"),
    "siptrunk": gettext_lazy("SIP trunk"),
    "tenant": gettext_lazy("Company"),
    "tenantapikey": gettext_lazy("API key"),
    "tenantexport": gettext_lazy("Export"),
    "toolsecret": gettext_lazy("Secret"),
    "webhookendpoint": gettext_lazy("Webhook"),
}
LABELS = {
    "made_by_key": gettext_lazy("Made by the key"),
    "url": gettext_lazy("Address"),
    "agent_id": gettext_lazy("Agent"),
    "slug": gettext_lazy("Name in addresses"),
    "out_of_hours_agent_id": gettext_lazy("Agent out of hours"),
    "user_id": gettext_lazy("Person"),
    "waba_id": gettext_lazy("WhatsApp Business account"),
    "phone_number_id": gettext_lazy("Meta's id of the number"),
    "spec": gettext_lazy("What it does"),
}


@dataclass(frozen=True)
class Change:
    """One field, before and after."""

    field: str
    old: str
    new: str


def entries(
    *, who: str = "", what: str = "", action: str = "", since: date | None = None, until: date | None = None
) -> QuerySet[LogEntry]:
    """The newest first. `who` is part of an e-mail or of an API key's name, `what` a content type's id, days in UTC."""
    found = LogEntry.objects.select_related("content_type", "actor")
    if who:
        found = found.filter(actor_email__icontains=who) | found.filter(additional_data__api_key__icontains=who)
    if (kind := whole_number(what)) is not None:
        found = found.filter(content_type_id=kind)
    if action in ACTIONS.values():
        found = found.filter(action=next(number for number, name in ACTIONS.items() if name == action))
    if since:
        found = found.filter(timestamp__date__gte=since)
    if until:
        found = found.filter(timestamp__date__lte=until)
    return found.order_by("-timestamp", "-pk")


def kinds() -> list[tuple[str, str]]:
    """What the log speaks of, for a choice: (content type's id, name)."""
    ids = LogEntry.objects.order_by().values_list("content_type_id", flat=True).distinct()
    return sorted(
        ((str(one.pk), kind_name(one)) for one in ContentType.objects.filter(pk__in=list(ids))), key=lambda pair: pair[1]
    )


def kind_name(kind: ContentType) -> str:
    if kind.model in KINDS:
        return str(KINDS[kind.model])
    model = kind.model_class()
    return str(model._meta.verbose_name).capitalize() if model else kind.model


def actor_name(entry: LogEntry) -> str:
    """A person, an API key, or the system itself."""
    if key := (entry.additional_data or {}).get("api_key"):
        return _("API key %(name)s") % {"name": key}
    return str(entry.actor or entry.actor_email or _("Meridian"))


def what_name(entry: LogEntry) -> str:
    """What was changed, by its name."""
    return object_words(entry.object_repr)


def changes_of(entry: LogEntry) -> list[Change]:
    """Field by field, in words where the model has them. What was empty before and after is no change."""
    model = entry.content_type.model_class()
    told = (
        (name, value) for name, value in (entry.changes or {}).items() if name not in SILENT and not _points_here(model, name)
    )
    return [change for change in (_change(model, name, value) for name, value in told) if change.old or change.new]


def _points_here(model: Any, name: str) -> bool:
    """Whether it is no field but other rows that point here, which the log has as the name of a manager."""
    return bool(getattr(_field(model, name), "one_to_many", False))


def _change(model: Any, name: str, value: Any) -> Change:
    field = _field(model, name)
    label = LABELS.get(name) or (str(field.verbose_name).capitalize() if field is not None else name)
    if isinstance(value, dict):  # many to many: {"operation": "add", "objects": […]}
        listed = ", ".join(value.get("objects", []))
        return Change(str(label), listed, "") if value.get("operation") == "delete" else Change(str(label), "", listed)
    old, new = value
    return Change(str(label), value_words(field, old), value_words(field, new))


def _field(model: Any, name: str) -> Any:
    """The model's field; None for what is none, or none any more."""
    try:
        return model._meta.get_field(name)
    except (AttributeError, FieldDoesNotExist):
        return None


def csv_lines(found: QuerySet[LogEntry], limit: int = 50_000) -> Iterator[str]:
    """The log as a spreadsheet reads it; a cell that would be a formula is kept from being one."""
    writer = csv.writer(Echo())
    yield writer.writerow(["at", "who", "action", "kind", "what", "field", "old", "new", "address"])
    for entry in found[:limit].iterator(chunk_size=500):
        head = [entry.timestamp.isoformat(), actor_name(entry), ACTIONS.get(entry.action, ""), kind_name(entry.content_type)]
        for change in changes_of(entry) or [Change("", "", "")]:
            cells = [*head, what_name(entry), change.field, change.old, change.new, entry.remote_addr or ""]
            yield writer.writerow([cell(one) for one in cells])
