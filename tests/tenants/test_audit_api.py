"""/api/v1/audit-log: a program reads who changed what, page by page, and nothing else."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.test import Client
from django_tenants.utils import tenant_context

from apps.compass.models import ToolSecret
from apps.compass.services.credentials import secret_set
from apps.desktop.models import CannedResponse
from apps.tenants.access import ADMINS
from apps.tenants.models import Membership, Role, Tenant, User
from tests.programs import ask, only_for, person, program

pytestmark = pytest.mark.django_db
LOG = "/api/v1/audit-log"


@pytest.fixture(autouse=True)
def _nothing_told_yet(acme: Tenant, globex: Tenant) -> None:
    """The people of the suite were made inside their companies."""
    for tenant in (acme, globex):
        with tenant_context(tenant):
            LogEntry.objects.all().delete()


@pytest.fixture
def siem(acme: Tenant) -> Client:
    return program(acme, "audit:read")


def results(client: Client, **query: Any) -> list[dict[str, Any]]:
    return list(client.get(LOG, query).json()["results"])


def test_a_change_by_a_person_and_one_by_a_program(siem: Client, acme: Tenant, bob: User) -> None:
    pk = Membership.objects.get(user=bob).pk
    admin = person(acme, Role.ADMIN)
    with tenant_context(acme):
        LogEntry.objects.all().delete()
    admin.post(f"/compass/people/{pk}/role", {"role": "supervisor"})
    ask(program(acme, "conversations:write"), "PUT", "/api/v1/canned-responses/hello", {"title": "Hello", "text": "Hi"})
    by_key, by_person = results(siem, kind="desktop.cannedresponse")[0], results(siem, kind="tenants.membership")[0]
    assert (by_person["email"], by_person["action"], by_person["object_id"]) == ("admin@acme.test", "update", str(pk))
    assert by_person["changes"] == [{"field": "Role", "old": "Agent", "new": "Supervisor"}]
    assert (by_key["action"], by_key["email"]) == ("create", "") and by_key["api_key"].startswith("program")
    assert by_key["who"] == f"API key {by_key['api_key']}" and by_key["at"].endswith("Z")


def test_it_is_narrowed(siem: Client, acme: Tenant) -> None:
    with tenant_context(acme):
        hello = CannedResponse.objects.create(shortcut="hello", title="Hello", text="Hi")
        hello.delete()
    today, day = datetime.now(UTC).date(), timedelta(days=1)
    assert [one["action"] for one in results(siem, kind="desktop.cannedresponse")] == ["delete", "create"]
    assert [one["action"] for one in results(siem, kind="Desktop.CannedResponse", action="create")] == ["create"]
    assert results(siem, who="nobody") == [] == results(siem, until=today - 2 * day) == results(siem, since=today + 2 * day)
    assert len(results(siem, kind="desktop.cannedresponse", since=today - day, until=today + day)) == 2


def test_pages_stay_right_while_entries_come(siem: Client, acme: Tenant) -> None:
    with tenant_context(acme):
        for number in range(5):
            CannedResponse.objects.create(shortcut=f"one-{number}", title="One", text="Hi")
    kind = {"kind": "desktop.cannedresponse"}
    everything = [one["id"] for one in results(siem, **kind)]
    first = siem.get(LOG, {**kind, "limit": 2}).json()
    with tenant_context(acme):
        CannedResponse.objects.create(shortcut="late", title="Late", text="Hi")
    second = siem.get(first["next"]).json()
    third = siem.get(second["next"]).json()
    assert [one["id"] for page in (first, second, third) for one in page["results"]] == everything
    assert (third["next"], len(everything)) == (None, 5)


def test_what_cannot_be_asked_is_told(siem: Client) -> None:
    wrong = {"kind": "compass.nothing", "action": "look", "since": "yesterday"}
    for name, value in wrong.items():
        answer = siem.get(LOG, {name: value})
        assert answer.status_code == 400 and answer.json()["errors"].keys() == {name}
    swapped = siem.get(LOG, {"since": "2026-02-02", "until": "2026-02-01"})
    assert "swap the two" in str(swapped.json()["errors"])
    assert siem.get(LOG, {"cursor": "nonsense"}).status_code == 404
    assert ask(siem, "POST", LOG, {}).status_code in (403, 405)


def test_it_holds_no_secret(siem: Client, acme: Tenant) -> None:
    with tenant_context(acme):
        secret_set(name="SHOP", value="canary-0001")
        assert ToolSecret.objects.get().value == "canary-0001"
    answer = siem.get(LOG, {"kind": "compass.toolsecret"})
    assert answer.json()["results"] and "canary" not in answer.content.decode()


def test_whose_log_it_is(siem: Client, acme: Tenant, globex: Tenant) -> None:
    only_for(acme, globex, [("GET", LOG)], scope="audit", roles=ADMINS)
    with tenant_context(acme):
        CannedResponse.objects.create(shortcut="hello", title="Hello", text="Hi")
    assert results(program(globex, "audit:read"), kind="desktop.cannedresponse") == []
    assert results(person(acme, Role.ADMIN), kind="desktop.cannedresponse")
