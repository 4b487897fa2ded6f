"""The audit log: who changed what is told, secrets are not, and only a company's admins read it."""

from collections.abc import Callable

import pytest
from auditlog.models import LogEntry
from django.test import Client
from django_tenants.utils import tenant_context

from apps.calls.models import PhoneNumber
from apps.compass.models import ProviderCredential, Tool
from apps.compass.services import agent_draft_save, agent_publish
from apps.desktop.models import CannedResponse
from apps.desktop.services.team import team_create, team_members_set
from apps.tenants.audit_log import changes_of, what_name
from apps.tenants.audit_words import LONGEST
from apps.tenants.keys import api_key_create
from apps.tenants.models import Membership, Tenant, User
from tests.compass.factories import LOCAL, agent_published

pytestmark = pytest.mark.django_db
ClientFor = Callable[[User | None, str], Client]
HOURS = {"mon": [["09:00", "12:00"], ["13:00", "17:00"]], "sat": [["10:00", "14:00"]]}
CANARY = "sk-canary-0123456789"


@pytest.fixture(autouse=True)
def _nothing_told_yet(acme: Tenant, globex: Tenant) -> None:
    """The people of the suite were made inside their companies."""
    for tenant in (acme, globex):
        with tenant_context(tenant):
            LogEntry.objects.all().delete()


def test_a_change_is_told_with_who_and_what(admin: Client, acme: Tenant, alice: User, bob: User) -> None:
    pk = Membership.objects.get(user=bob).pk
    admin.post(f"/compass/people/{pk}/role", {"role": "supervisor"})
    with tenant_context(acme):
        entry = LogEntry.objects.get(action=LogEntry.Action.UPDATE)
        assert (entry.actor, entry.changes) == (alice, {"role": ["agent", "supervisor"]})
    page = admin.get("/compass/audit/").content.decode()
    assert "Alice" in page and "Supervisor" in page and "Membership" in page


def test_values_are_told_in_words(acme: Tenant) -> None:
    with tenant_context(acme):
        agent = agent_published()
        version = agent.versions.get(state="published")
        LogEntry.objects.all().delete()
        changes = {
            "agent": ["None", str(agent.pk)],
            "state": ["draft", "published"],
            "config": ["{}", "x" * 200],
            "gone": ["None", "1"],
        }
        LogEntry.objects.log_create(version, force_log=True, action=LogEntry.Action.UPDATE, changes=changes)
        LogEntry.objects.log_create(agent, force_log=True, action=LogEntry.Action.UPDATE, changes={"enabled": ["True", "False"]})
        told = {one.field: (one.old, one.new) for entry in LogEntry.objects.all() for one in changes_of(entry)}
    assert told == {
        "Agent": ("", str(agent)),
        "State": ("Draft", "Published"),
        "Config": ("", f"{'x' * LONGEST}…"),
        "gone": ("", "1"),
        "Enabled": ("yes", "no"),
    }


def test_ids_and_settings_are_told_in_words(acme: Tenant, bob: User) -> None:
    with tenant_context(acme):
        agent = agent_published()
        number = PhoneNumber.objects.create(number="+14155550199", agent_id=agent.pk, business_hours=HOURS)
        spec = {"url": "https://crm.test/", "method": "GET", "headers": {"X-Shop": CANARY}, "api_key": CANARY, "retry": True}
        tool = Tool.objects.create(kind="http", name="find_order", description="Finds it.", spec=spec, updated_by=bob.pk)
        team_members_set(team=team_create(slug="sales", name="Sales"), user_ids=[bob.pk])
        told = {(entry.content_type.model, one.field): one.new for entry in LogEntry.objects.all() for one in changes_of(entry)}
        member = LogEntry.objects.get(content_type__model="teammember")
        assert what_name(member) == "Bob in Sales"
    assert told["phonenumber", "Agent"] == agent.name and str(number.pk) not in told.values()
    assert told["phonenumber", "Business hours"] == "Mon 09:00–12:00, 13:00–17:00; Sat 10:00–14:00"
    assert told["teammember", "Person"] == told["tool", "Updated by"] == "Bob"
    assert told["tool", "What it does"] == "api key: ••••••; headers: ••••••; method: GET; retry: yes; url: https://crm.test/"
    assert tool.spec == spec and CANARY not in str(told)
    assert told["agentversion", "Published at"].endswith(" UTC")


def test_a_revoked_key_and_its_return_are_told(admin: Client, acme: Tenant, alice: User) -> None:
    key, _ = api_key_create(tenant=acme, name="Web shop", scopes=["calls:read"])
    for what in ("revoke", "restore"):
        admin.post(f"/compass/keys/{key.pk}/{what}")
    with tenant_context(acme):
        told = LogEntry.objects.filter(action=LogEntry.Action.UPDATE).order_by("timestamp", "pk")
        assert [(entry.actor, list(entry.changes)) for entry in told] == [(alice, ["revoked_at"])] * 2


def test_what_is_changed_for_many_at_once_is_told(acme: Tenant, alice: User, bob: User) -> None:
    with tenant_context(acme):
        team = team_create(slug="sales", name="Sales")
        LogEntry.objects.all().delete()
        team_members_set(team=team, user_ids=[alice.pk, bob.pk])
        team_members_set(team=team, user_ids=[bob.pk])
        told = LogEntry.objects.filter(content_type__model="teammember").order_by("timestamp", "pk")
        assert [entry.action for entry in told] == [LogEntry.Action.CREATE] * 2 + [LogEntry.Action.DELETE]


def test_an_archived_version_is_told(acme: Tenant) -> None:
    with tenant_context(acme):
        agent = agent_published()
        agent_draft_save(agent=agent, config={**LOCAL, "prompt": {"system": "Be brief."}})
        LogEntry.objects.all().delete()
        agent_publish(agent=agent)
        told = LogEntry.objects.filter(content_type__model="agentversion").order_by("timestamp", "pk")
        states = [entry.changes["state"] for entry in told if "state" in entry.changes]
        assert states == [["published", "archived"], ["draft", "published"]]


def test_no_secret_is_in_the_log(admin: Client, acme: Tenant) -> None:
    with tenant_context(acme):
        row = ProviderCredential(provider="openai", secret={"api_key": CANARY})
        row.save()
        row.secret = {"api_key": f"{CANARY}-2"}
        row.save()
        assert LogEntry.objects.count() == 2
        assert CANARY not in str(list(LogEntry.objects.values()))
    assert CANARY not in admin.get("/compass/audit/").content.decode()


def test_the_log_is_filtered_and_leaves_as_a_spreadsheet(admin: Client) -> None:
    for shortcut in ("hours", "=cmd"[1:]):
        admin.post("/compass/responses/new", {"shortcut": shortcut, "title": "=1+1", "text": "Nine to five."})
    assert len(admin.get("/compass/audit/?who=alice").context["rows"]) == 2
    assert admin.get("/compass/audit/?who=bob").context["rows"] == []
    assert admin.get("/compass/audit/?action=delete").context["rows"] == []
    assert len(admin.get("/compass/audit/?since=yesterday").context["rows"]) == 2
    text = b"".join(admin.get("/compass/audit/csv?action=create")).decode()
    assert text.splitlines()[0].startswith("at,who,action") and "'=1+1" in text


def test_another_companys_log_is_not_seen(admin: Client, client_for: ClientFor, charlie: User) -> None:
    admin.post("/compass/responses/new", {"shortcut": "hours", "title": "Opening", "text": "Nine to five."})
    assert client_for(charlie, "globex").get("/compass/audit/").context["rows"] == []
    assert client_for(charlie, "acme").get("/compass/audit/").status_code == 404


def test_what_is_changed_outside_of_every_company_is_not_logged(acme: Tenant) -> None:
    acme.name = "Acme Corp"
    acme.save()
    with tenant_context(acme):
        assert not LogEntry.objects.exists()
        CannedResponse.objects.create(shortcut="x", title="X", text="x")
        assert LogEntry.objects.get().actor is None


@pytest.mark.parametrize("what", ["9" * 5_000, "99999999999999999999", "²"])
def test_a_kind_that_nobody_can_count_up_to_narrows_nothing(client_for: Callable[..., Client], alice: User, what: str) -> None:
    assert client_for(alice, "acme").get(f"/compass/audit/?what={what}").status_code == 200
