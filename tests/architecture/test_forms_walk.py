"""Every form of a company's pages, as its owner has it before them, with one odd value after the other in each of its fields.

Which forms and fields there are is not listed here: the pages are read for them, and a form that comes is walked, too.
"""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin

import pytest
from django.db import connection, transaction
from django.test import Client
from django_tenants.utils import tenant_context

from apps.tenants.models import Membership, Role, Tenant, User
from tests.browser.every_page import PAGES, company_fill, page_path
from tests.fields import names_asked_for

pytestmark = [pytest.mark.django_db, pytest.mark.slow, pytest.mark.timeout(900)]
ODD = ("a\0b", "[" * 20_000, "9" * 5_000, "http://[")
JARGON = re.compile(r"(String|Input) should|Value error|Traceback|NoneType|invalid literal|Extra inputs")
SHOWN_AGAIN = re.compile(r"<textarea[^>]*>[^<]*|<input[^>]*>")
ID = re.compile(r"[0-9a-f-]{36}")


class Forms(HTMLParser):
    """`found`: of each form that is posted where it goes, and what its fields hold."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self._fields: dict[str, str] = {}
        self._name = self._select = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._fields = {}
            if "hx-post" in given or given.get("method", "").lower() == "post":
                self.found.append((given.get("hx-post") or given.get("action", ""), self._fields))
        elif tag in ("input", "textarea") and given.get("name") and (given.get("type") != "checkbox" or "checked" in given):
            self._fields.setdefault(given["name"], given.get("value", ""))
            self._name = given["name"] if tag == "textarea" else ""
        elif tag == "select":
            self._select = given.get("name", "")
        elif tag == "option" and self._select and ("selected" in given or self._select not in self._fields):
            self._fields[self._select] = given.get("value", "")

    def handle_data(self, data: str) -> None:
        if self._name:
            self._fields[self._name] += data

    def handle_endtag(self, tag: str) -> None:
        self._name, self._select = "", self._select if tag == "option" else ""


class Walk:
    """Posts forms; what each asks its fields for is noted. Nothing that it does stays."""

    def __init__(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        client.raise_request_exception = False
        self.client, self.read, self.tried = client, names_asked_for(monkeypatch), 0

    def wrong(self, address: str, fields: dict[str, str]) -> Iterator[str]:
        """What is answered with a mistake of ours, or in words of ours."""
        self.read.clear()
        yield from self._wrong(address, fields, "as it is")
        for name in sorted(self.read - {"csrfmiddlewaretoken", "_method"}):
            for value in ODD:
                yield from self._wrong(address, {**fields, name: value}, f"{name}={value[:9]!r}")

    def _wrong(self, address: str, fields: dict[str, str], what: str) -> Iterator[str]:
        self.tried += 1
        point = transaction.savepoint()
        answer = self.client.post(address, fields)
        transaction.savepoint_rollback(point)
        connection.set_schema_to_public()
        said = "" if answer.streaming else JARGON.search(SHOWN_AGAIN.sub("", answer.content.decode("utf-8", "replace")))
        if answer.status_code >= 500 or said:
            yield f"{address} {what} -> {answer.status_code} {said and said[0]}"


def test_no_form_breaks(acme: Tenant, alice: User, client_for: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.core.outbox._wake", lambda pk: None)
    Membership.objects.filter(user=alice).update(role=Role.OWNER)
    with tenant_context(acme):
        made = company_fill(acme)
    client = client_for(alice, "acme")
    forms: dict[str, tuple[str, dict[str, str]]] = {}
    for name in PAGES:
        path = page_path(name, made)
        for action, fields in Forms(client.get(path).content.decode()).found:
            address = urljoin(path, action)
            if "logout" not in address:
                forms.setdefault(ID.sub("", address), (address, fields))
        connection.set_schema_to_public()
    walk = Walk(client, monkeypatch)
    assert [line for address, fields in forms.values() for line in walk.wrong(address, fields)] == []
    assert len(forms) > 60 and walk.tried > 800
