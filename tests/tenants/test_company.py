"""A company's details, policy, export and end, on its pages and by command."""

import io
import json
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from django_tenants.utils import schema_exists, tenant_context

from apps.billing.models import LedgerEntry
from apps.billing.services import call_bill
from apps.calls.models import SipTrunk
from apps.compass.models import ProviderCredential
from apps.compass.services import agent_create
from apps.core.ids import uuid7
from apps.core.models import InboundEvent, MailState
from apps.tenants.audit_log import entries
from apps.tenants.exports import export_note, exports_purge
from apps.tenants.models import Domain, Membership, Role, Tenant, TenantExport, User
from apps.tenants.services import person_add, tenant_create
from apps.tenants.services_company import deletion_undo, tenants_delete_due
from apps.tenants.tasks import export_task
from tests.billing.factories import report_of
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db
ClientFor = Callable[[User | None, str], Client]
CANARY = "sk-canary-0123456789"


@pytest.fixture
def owner(client_for: ClientFor, acme: Tenant) -> Client:
    made = person_add(tenant=acme, email="olga@acme.test", role=Role.OWNER, name="Olga", password=PASSWORD)
    return client_for(made.user, "acme")


def test_the_policy_is_set(admin: Client, acme: Tenant) -> None:
    given = {"session_hours": "8", "idle_minutes": "30", "password_length": "14"}
    assert admin.post("/compass/security/", given).status_code == 302
    acme.refresh_from_db()
    assert (acme.session_hours, acme.idle_minutes, acme.password_length, acme.mfa_required) == (8, 30, 14, False)
    assert admin.post("/compass/security/", {**given, "session_hours": "0"}).status_code == 422


def test_the_details_are_set(admin: Client, acme: Tenant) -> None:
    given = {"name": "Acme GmbH", "country": "DE", "timezone": "Europe/Berlin"}
    assert admin.post("/compass/company/", given).status_code == 302
    acme.refresh_from_db()
    assert (acme.name, acme.country, acme.timezone) == ("Acme GmbH", "DE", "Europe/Berlin")
    assert admin.post("/compass/company/", {**given, "timezone": "Mars/Olympus"}).status_code == 422


def secrets_put(tenant: Tenant) -> None:
    with tenant_context(tenant):
        agent_create(slug="reception", name="Reception", language="en", config={})
        ProviderCredential.objects.create(provider="openai", secret={"api_key": CANARY})
        SipTrunk.objects.create(trunk_id="ST_1", name="Trunk", auth_password=CANARY)


def test_an_export_has_everything_but_secrets(
    admin: Client,
    acme: Tenant,
    globex: Tenant,
    client_for: ClientFor,
    charlie: User,
    settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.MEDIA_ROOT = str(tmp_path)
    monkeypatch.setattr(export_task, "delay_on_commit", export_task)
    secrets_put(acme)
    with tenant_context(acme):
        default_storage.save("documents/menu.txt", ContentFile(b"Soup"))
        default_storage.save("exports/earlier.zip", ContentFile(b"zip"))
    for tenant in (acme, globex):
        report = report_of(call_id=str(uuid7()))
        call_bill(tenant=tenant, call_id=report["call_id"], report=report)
    admin.post("/compass/company/export")
    export = TenantExport.objects.get()
    assert export.state == TenantExport.State.DONE and export.tables_done == export.tables_total
    answer = admin.get(f"/compass/company/exports/{export.pk}/file")
    archive = zipfile.ZipFile(io.BytesIO(b"".join(answer)))
    assert CANARY.encode() not in b"".join(archive.read(name) for name in archive.namelist())
    assert json.loads(archive.read("compass_agent.json"))[0]["slug"] == "reception"
    assert archive.read("files/documents/menu.txt") == b"Soup" and not [name for name in archive.namelist() if ".zip" in name]
    [charge] = json.loads(archive.read("billing_ledgerentry.json"))
    assert charge["total"] == "0.032122"
    assert {row["email"] for row in json.loads(archive.read("people.json"))} == {"alice@acme.test", "bob@acme.test"}
    assert "password" not in json.loads(archive.read("people.json"))[0]
    assert client_for(charlie, "globex").get(f"/compass/company/exports/{export.pk}/file").status_code == 404


def test_only_an_owner_deletes_and_may_undo(admin: Client, owner: Client, acme: Tenant) -> None:
    assert admin.post("/compass/company/delete").status_code == 403
    assert not TenantExport.objects.exists()
    assert owner.post("/compass/company/delete").status_code == 302
    acme.refresh_from_db()
    export = TenantExport.objects.get()
    assert export.tenant == acme and export.asked_by is not None, "everything is there to be taken along"
    assert f"/compass/company/exports/{export.pk}" in owner.get("/compass/company/").content.decode()
    assert acme.delete_at and acme.delete_at > timezone.now() + timedelta(days=29)
    assert owner.get("/").status_code == 200
    assert tenants_delete_due() == 0
    TenantExport.objects.update(created_at=timezone.now() - timedelta(days=29))
    assert exports_purge() == 0, "it is kept as long as the company"
    assert owner.post("/compass/company/keep").status_code == 302
    assert exports_purge() == 1
    acme.refresh_from_db()
    assert acme.delete_at is None


def test_after_the_grace_only_the_ledger_is_left(client_for: ClientFor, bob: User) -> None:
    tenant = tenant_create(slug="initech", name="Initech")
    person_add(tenant=tenant, email=bob.email, role=Role.OWNER)
    report = report_of()
    call_bill(tenant=tenant, call_id=report["call_id"], report=report)
    entry = LedgerEntry.objects.get(tenant=tenant)
    said = {"provider": "meta", "kind": "message", "payload": {"text": "My card is 4242"}, "state": MailState.IGNORED}
    theirs = InboundEvent.objects.create(external_id="a", schema_name="initech", **said)
    others = InboundEvent.objects.create(external_id="b", schema_name="acme", **said)
    Tenant.objects.filter(pk=tenant.pk).update(delete_at=timezone.now() - timedelta(minutes=1))
    assert tenants_delete_due() == 1
    assert list(InboundEvent.objects.filter(pk__in=[theirs.pk, others.pk])) == [others]
    tenant.refresh_from_db()
    entry.refresh_from_db()
    assert (entry.tenant, tenant.status) == (tenant, Tenant.Status.DELETED)
    assert not schema_exists("initech")
    assert not Domain.objects.filter(tenant=tenant).exists() and not Membership.objects.filter(tenant=tenant).exists()
    assert client_for(None, "initech").get("/login").status_code == 404
    assert client_for(bob, "acme").get("/").status_code == 200


def test_a_deletion_that_is_undone_while_another_runs_does_not_happen(
    monkeypatch: pytest.MonkeyPatch, acme: Tenant, globex: Tenant
) -> None:
    """Dropping a schema takes a while, and whoever undoes theirs meanwhile keeps everything."""
    gone: list[Tenant] = []

    def delete(*, tenant: Tenant) -> None:
        gone.append(tenant)
        for other in Tenant.objects.exclude(pk=tenant.pk).exclude(delete_at=None):
            deletion_undo(tenant=other)

    monkeypatch.setattr("apps.tenants.services_company.tenant_delete", delete)
    Tenant.objects.filter(pk__in=[acme.pk, globex.pk]).update(delete_at=timezone.now() - timedelta(minutes=1))
    assert tenants_delete_due() == len(gone) == 1


def run(*arguments: str) -> str:
    said = io.StringIO()
    call_command(*arguments, stdout=said)
    return said.getvalue()


def test_operators_do_it_all_by_command(client_for: ClientFor, tmp_path: Path) -> None:
    assert "initech.localhost" in run("tenant_create", "initech", "Initech", "--owner", "ida@initech.test")
    with pytest.raises(CommandError, match="taken"):
        run("tenant_create", "initech", "Initech", "--owner", "ida@initech.test")
    run("tenant_suspend", "initech")
    assert "suspended" in run("tenant_list")
    assert client_for(None, "initech").get("/login").status_code == 404
    run("tenant_restore", "initech")
    assert client_for(None, "initech").get("/login").status_code == 200
    run("tenant_export", "initech", str(tmp_path / "initech.zip"))
    assert "company.json" in zipfile.ZipFile(tmp_path / "initech.zip").namelist()
    assert "30 days" in run("tenant_delete", "initech")
    assert "goes " in run("tenant_list")
    with pytest.raises(CommandError, match="Initech"):
        run("tenant_delete", "initech", "--now")
    with pytest.raises(CommandError, match="--without-export"):
        run("tenant_delete", "initech", "--now", "--name", "Initech")
    with pytest.raises(CommandError, match="Nothing was deleted"):
        run("tenant_delete", "initech", "--now", "--name", "Initech", "--export", str(tmp_path / "nowhere" / "last.zip"))
    assert schema_exists("initech")
    last = tmp_path / "last.zip"
    assert "ledger is kept" in run("tenant_delete", "initech", "--now", "--name", "Initech", "--export", str(last))
    assert {"company.json", "people.json", "billing_ledgerentry.json"} <= set(zipfile.ZipFile(last).namelist())
    assert not schema_exists("initech")
    with pytest.raises(CommandError, match="Only its ledger"):
        run("tenant_restore", "initech")


def test_who_took_everything_along_stands_in_the_audit_log(admin: Client, acme: Tenant) -> None:
    admin.post("/compass/company/export")
    with tenant_context(acme):
        [entry] = [one for one in entries(who="alice@acme.test") if one.content_type.model == "tenantexport"]
    assert entry.action == 0 and "Alice" in str(entry.changes)
    export_note(TenantExport.objects.get(), state=TenantExport.State.DONE)
    assert "</span> Export <span" in admin.get("/compass/audit/").content.decode()
