"""/api/v1/company, /api/v1/security and /api/v1/exports: what admins see to, for programs."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django_tenants.utils import tenant_context

from apps.compass.services.credentials import secret_set
from apps.tenants.access import ADMINS
from apps.tenants.exports import export_note
from apps.tenants.models import Role, Tenant, TenantExport
from tests.programs import ask, only_for, person, program

pytestmark = pytest.mark.django_db
COMPANY, SECURITY, EXPORTS = "/api/v1/company", "/api/v1/security", "/api/v1/exports"
DELETION = "/api/v1/company/deletion"


@pytest.fixture
def key(acme: Tenant) -> Client:
    return program(acme, "company:write")


@pytest.fixture
def exporter(acme: Tenant, settings: Any, tmp_path: Path) -> Client:
    settings.MEDIA_ROOT = str(tmp_path)
    return program(acme, "exports:write")


def test_the_details_are_read_and_changed(key: Client, acme: Tenant) -> None:
    assert key.get(COMPANY).json()["slug"] == "acme"
    answer = ask(key, "PATCH", COMPANY, {"country": "de", "timezone": "Europe/Berlin"})
    assert answer.status_code == 200 and answer.json() == key.get(COMPANY).json()
    acme.refresh_from_db()
    assert (acme.name, acme.country, acme.timezone) == ("Acme", "DE", "Europe/Berlin")


@pytest.mark.parametrize(
    ("field", "value"), [("timezone", "Mars/Olympus"), ("country", "XX"), ("name", ""), ("name", "x" * 121), ("name", "a\x00b")]
)
def test_details_that_cannot_be_are_told(key: Client, acme: Tenant, field: str, value: str) -> None:
    answer = ask(key, "PATCH", COMPANY, {"country": "FR", field: value})
    assert answer.status_code == 400 and answer.json()["errors"].keys() == {field}
    acme.refresh_from_db()
    assert acme.country == "US"


def test_what_is_not_the_companys_to_change_stays(key: Client, acme: Tenant) -> None:
    before = key.get(COMPANY).json()
    assert ask(key, "PATCH", COMPANY, {"slug": "globex", "status": "suspended", "delete_at": "2027-01-01"}).json() == before
    assert ask(key, "PATCH", SECURITY, {"sso_required": True}).json()["sso_required"] is False


def test_the_rules_are_read_and_changed(key: Client, acme: Tenant) -> None:
    assert key.get(SECURITY).json()["session_hours"] == 336
    answer = ask(key, "PATCH", SECURITY, {"session_hours": 8, "mfa_required": True})
    told = {"session_hours": 8, "idle_minutes": 0, "password_length": 10, "mfa_required": True, "sso_required": False}
    assert (answer.status_code, answer.json()) == (200, told)
    for field, value in {"session_hours": 0, "idle_minutes": 1441, "password_length": 9}.items():
        refused = ask(key, "PATCH", SECURITY, {"mfa_required": False, field: value})
        assert refused.status_code == 400 and refused.json()["errors"].keys() == {field}
    acme.refresh_from_db()
    assert (acme.session_hours, acme.mfa_required) == (8, True)
    page = person(acme, Role.OWNER).get("/api/v1/calls")
    assert (page.status_code, page.json()["code"]) == (403, "policy")


def test_an_export_is_asked_for_watched_and_taken(
    exporter: Client, acme: Tenant, django_capture_on_commit_callbacks: Any
) -> None:
    with tenant_context(acme):
        secret_set(name="SHOP", value="canary-0001")
    with django_capture_on_commit_callbacks(execute=True):
        made = ask(exporter, "POST", EXPORTS)
    assert (made.status_code, made.json()["state"], made.json()["asked_by"]) == (201, "waiting", None)
    path = f"{EXPORTS}/{made.json()['id']}"
    done = exporter.get(path).json()
    assert done["state"] == "done" and done["tables_done"] == done["tables_total"] > 0
    assert exporter.get(EXPORTS).json()["results"] == [done]
    file = exporter.get(f"{path}/file")
    zipped = b"".join(file.streaming_content)
    assert (file["Content-Type"], len(zipped)) == ("application/zip", done["size"])
    with zipfile.ZipFile(io.BytesIO(zipped)) as archive:
        assert json.loads(archive.read("company.json"))[0]["name"] == "Acme"
        assert all(b"canary-0001" not in archive.read(name) for name in archive.namelist())


def test_one_export_at_a_time(exporter: Client, acme: Tenant) -> None:
    first = ask(exporter, "POST", EXPORTS).json()
    second = ask(exporter, "POST", EXPORTS)
    assert (second.status_code, second.json()["code"]) == (409, "export_running")
    early = exporter.get(f"{EXPORTS}/{first['id']}/file")
    assert (early.status_code, early.json()["code"]) == (409, "export_not_ready")
    export_note(TenantExport.objects.get(pk=first["id"]), state=TenantExport.State.FAILED)
    assert "failed" in exporter.get(f"{EXPORTS}/{first['id']}/file").json()["detail"]
    admin = person(acme, Role.ADMIN)
    assert ask(admin, "POST", EXPORTS).json()["asked_by"] == "admin@acme.test"


def test_whose_company_it_is(exporter: Client, acme: Tenant, globex: Tenant) -> None:
    made = ask(exporter, "POST", EXPORTS).json()["id"]
    one = f"{EXPORTS}/{made}"
    details = [("GET", COMPANY), ("PATCH", COMPANY), ("GET", SECURITY), ("PATCH", SECURITY)]
    only_for(acme, globex, details, scope="company", roles=ADMINS)
    taken = [("GET", EXPORTS), ("POST", EXPORTS), ("GET", one), ("GET", f"{one}/file")]
    only_for(acme, globex, taken, scope="exports", roles=ADMINS)
    theirs = program(globex, "exports:write")
    assert [theirs.get(path).status_code for path in (one, f"{one}/file")] == [404, 404]
    assert theirs.get(EXPORTS).json()["results"] == []
    assert ask(program(acme, "exports:read"), "POST", EXPORTS).json()["code"] == "scope_missing"


def test_a_deletion_is_planned_and_undone(acme: Tenant) -> None:
    client = program(acme, "deletion:write")
    assert client.get(DELETION).json() == {"delete_at": None}
    planned = ask(client, "POST", DELETION, {"name": "Acme"})
    acme.refresh_from_db()
    assert planned.status_code == 201 and acme.delete_at is not None
    assert TenantExport.objects.filter(pk=planned.json()["export_id"], tenant=acme).exists()
    assert client.get(DELETION).json()["delete_at"] == planned.json()["delete_at"] is not None
    again = ask(client, "POST", DELETION, {"name": "Acme"})
    assert (again.status_code, again.json()["code"]) == (409, "deletion_planned")
    assert client.get(DELETION).json()["delete_at"] == planned.json()["delete_at"], "it is not put off"
    assert [client.delete(DELETION).status_code for _ in range(2)] == [204, 204]
    acme.refresh_from_db()
    assert acme.delete_at is None


@pytest.mark.parametrize(("body", "status"), [({}, 400), ({"name": "Globex"}, 422), ({"name": "acme"}, 422)])
def test_nothing_is_deleted_by_mistake(acme: Tenant, body: dict[str, str], status: int) -> None:
    assert ask(program(acme, "deletion:write"), "POST", DELETION, body).status_code == status
    acme.refresh_from_db()
    assert acme.delete_at is None and not TenantExport.objects.exists()


def test_only_owners_delete_a_company(acme: Tenant, globex: Tenant) -> None:
    asked = [(method, DELETION) for method in ("GET", "POST", "DELETE")]
    only_for(acme, globex, asked, scope="deletion", roles=[Role.OWNER])
    assert ask(person(acme, Role.OWNER), "POST", DELETION, {"name": "Acme"}).status_code == 201
