"""The audit log's values as people read them: rows by name, lists and settings in words, and nothing of a secret."""

import json
import re
from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db.models import BooleanField, DateTimeField, JSONField, Model
from django.utils.dateparse import parse_datetime
from django.utils.dates import WEEKDAYS_ABBR
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from apps.core.hours import DAYS
from apps.tenants.audit import masked

# Columns that hold the id of a row without being a foreign key to it.
REFERENCES = {
    **dict.fromkeys(("agent_id", "out_of_hours_agent_id"), "compass.Agent"),
    **dict.fromkeys(("user_id", "created_by", "updated_by", "published_by"), "tenants.User"),
}
UUID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
SECRET = re.compile(r"secret|token|password|authorization|api.?key|cookie|credential|^headers$", re.IGNORECASE)
LONGEST = 160  # letters of a value that are shown


def value_words(field: Any, value: Any) -> str:
    """A value in words: a choice, yes or no, a day, a row by its name; what is empty is empty."""
    text = "" if value in (None, "None", "{}", "[]") else str(value)
    return _cut(_said(field, text) if field is not None and text else text)


def object_words(text: str) -> str:
    """What an entry is about, with people by their names where it has their ids."""
    return UUID.sub(lambda found: _named(apps.get_model("tenants.User"), found[0]), text)


def _said(field: Any, text: str) -> str:
    if isinstance(field, BooleanField):
        return {"True": _("yes"), "False": _("no")}.get(text, text)
    if field.choices:
        return str({str(key): words for key, words in field.flatchoices}.get(text, text))
    if isinstance(field, DateTimeField):
        return _moment(text)
    if field.name in REFERENCES:
        return _named(apps.get_model(REFERENCES[field.name]), text)
    if field.many_to_one or field.one_to_one:
        return _named(field.related_model, text)
    return _json_words(field, text)


def _moment(text: str) -> str:
    """The log has times in UTC."""
    moment = parse_datetime(text)
    return f"{date_format(moment, 'j F Y, H:i')} UTC" if moment else text


def _named(model: type[Model], key: str) -> str:
    """The row that a key leads to, by its name; the key where it is gone."""
    try:
        row = model._default_manager.filter(pk=key).first()
    except (ValueError, ValidationError):
        return key
    return str(row) if row is not None else key


def _json_words(field: Any, text: str) -> str:
    """Lists and settings; any other text stays as it is."""
    if not text.startswith("[") and not isinstance(field, JSONField):
        return text
    try:
        found = json.loads(text)
    except ValueError:
        return text
    return _hours(found) if field.name == "business_hours" else _words(found)


def _hours(week: dict[str, list[list[str]]]) -> str:
    days = [(WEEKDAYS_ABBR[DAYS.index(day)], ", ".join("–".join(span) for span in week[day])) for day in DAYS if week.get(day)]
    return "; ".join(f"{name} {spans}" for name, spans in days)


def _words(value: Any) -> str:
    if isinstance(value, dict):
        return "; ".join(_pairs(value))
    if isinstance(value, list):
        return ", ".join(filter(None, map(_words, value)))
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return "" if value is None else str(value)


def _pairs(values: dict[str, Any]) -> Iterator[str]:
    for name, value in values.items():
        said = masked(value) if SECRET.search(name) and value else _words(value)
        if said:
            yield f"{name.replace('_', ' ')}: {said}"


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
