"""A fault of ours is a page in the product's own looks, with a number that leads to the log."""

import re
from collections.abc import Callable

import pytest
from django.test import Client

from apps.tenants import audit_log
from apps.tenants.models import User

pytestmark = pytest.mark.django_db


def test_a_fault_is_a_page_with_a_number(
    client_for: Callable[[User | None, str], Client], alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(audit_log, "entries")
    client = client_for(alice, "acme")
    client.raise_request_exception = False
    answer = client.get("/compass/audit/")
    page = answer.content.decode()
    assert answer.status_code == 500 and "Something broke" in page and "it has been noted" in page
    assert re.search(r"report this number:\s*<span[^>]*>[0-9a-f-]{36}</span>", page)
    assert "Traceback" not in page
