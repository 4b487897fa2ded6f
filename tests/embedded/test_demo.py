"""The demo: made once through the apps' services, left alone afterwards, in step with the providers that are there."""

from io import StringIO
from pathlib import Path

import pytest
from django.contrib.auth import authenticate
from django.core.management import call_command
from django_tenants.utils import schema_context
from pytest_django import Settings

from apps.calls.models import PhoneNumber
from apps.compass.selectors import agent_by_slug, agent_config, agent_for_call
from apps.compass.selectors.knowledge import documents_all
from apps.compass.services import agent_draft_save, agent_publish
from apps.desktop.models import CannedResponse
from apps.desktop.selectors import members_of, teams_all
from apps.desktop.selectors.people import ColleagueRow
from apps.tenants.models import Membership, Role, Tenant
from apps.tenants.services import person_add
from apps.whatsapp.selectors import mapping_for
from embedded.demo import PASSWORD, demo_seed

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_files(settings: Settings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = str(tmp_path)
    settings.MULTITENANT_RELATIVE_MEDIA_ROOT = "%s"  # its change is what has the storage look again


@pytest.fixture(autouse=True)
def _local_models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MERIDIAN_LOCAL_MODELS", "1")
    monkeypatch.delenv("DEEPGRAM_API_KEY", raising=False)
    monkeypatch.delenv("ELEVENLABS_API_KEY", raising=False)
    monkeypatch.setenv("MERIDIAN_PRETEND_META", "1")


def reception(tenant: str) -> dict:
    with schema_context(tenant):
        agent = agent_by_slug("reception")
        assert agent is not None
        return agent_config(agent_for_call(agent.pk))


def test_both_companies_get_their_reception_and_number() -> None:
    demo_seed()
    assert reception("acme")["prompt"]["greeting"] == "Hello, this is Reception at Acme. How can I help you?"
    assert reception("globex")["prompt"]["greeting"] == "Hello, this is Reception at Globex. How can I help you?"
    assert reception("acme")["tts"]["model"] == "piper"
    with schema_context("globex"):
        assert [row.number for row in PhoneNumber.objects.all()] == ["+12125550101"]


def test_each_company_has_a_whatsapp_number_and_a_team_behind_it() -> None:
    demo_seed()
    for tenant, number in (("acme", "1000000001"), ("globex", "1000000002")):
        with schema_context(tenant):
            mapping = mapping_for(number)
            agent = agent_by_slug("reception")
            assert mapping is not None
            assert agent is not None
            assert (mapping.agent_id, mapping.team) == (agent.pk, "support")
            assert CannedResponse.objects.count() == 3
            (team,) = teams_all()
    assert [person.name for person in _support("acme")] == ["Alice", "Bob"]
    assert [person.name for person in _support("globex")] == ["Charlie"]
    assert team.name == "Support"


def _support(tenant: str) -> list[ColleagueRow]:
    with schema_context(tenant):
        return members_of(teams_all().get(slug="support"))


def test_with_meta_itself_no_number_is_invented(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MERIDIAN_PRETEND_META")
    demo_seed()
    with schema_context("acme"):
        assert mapping_for("1000000001") is None


def test_people_can_log_in_with_the_password_that_is_printed() -> None:
    demo_seed()
    staff = authenticate(username="root@meridian.test", password=PASSWORD)
    assert staff is not None
    assert staff.is_superuser
    roles = {(row.user.email, row.tenant.schema_name, row.role) for row in Membership.objects.select_related("user", "tenant")}
    assert ("alice@acme.test", "acme", "owner") in roles
    assert ("bob@acme.test", "acme", "agent") in roles
    assert ("charlie@globex.test", "globex", "owner") in roles


def test_a_second_seed_makes_nothing() -> None:
    demo_seed()
    out = StringIO()
    call_command("seed_demo", stdout=out)
    assert out.getvalue() == "made nothing: all of it is there\n"
    assert reception("acme")["version"] == 1


def test_reception_follows_the_providers_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    demo_seed()
    monkeypatch.delenv("MERIDIAN_LOCAL_MODELS")
    assert demo_seed() == ["agent acme/reception with other providers", "agent globex/reception with other providers"]
    assert reception("acme")["llm"]["model"] == "gpt-4o-mini"
    assert demo_seed() == []


def test_what_a_person_changed_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    demo_seed()
    with schema_context("acme"):
        agent = agent_by_slug("reception")
        assert agent is not None
        agent_draft_save(
            agent=agent,
            config={
                "prompt": {"system": "Mine."},
                "tts": {"provider": "openai", "model": "piper", "voice": "joe"},
                "stt": {"provider": "openai", "model": "whisper-tiny.en"},
            },
        )
        agent_publish(agent=agent)
    monkeypatch.delenv("MERIDIAN_LOCAL_MODELS")
    assert demo_seed() == ["agent globex/reception with other providers"]
    assert reception("acme")["prompt"]["system"] == "Mine."


def test_acme_gets_a_document_once() -> None:
    assert any("document" in line for line in demo_seed())
    assert not any("document" in line for line in demo_seed())
    with schema_context("acme"):
        assert [document.name for document in documents_all()] == ["Acme opening hours and services"]
    with schema_context("globex"):
        assert not documents_all().exists()


def test_a_company_that_found_its_own_owner_keeps_them() -> None:
    acme = Tenant.objects.get(schema_name="acme")
    person_add(tenant=acme, email="olga@acme.test", role=Role.OWNER)
    demo_seed()
    assert [row.user.email for row in acme.memberships.filter(role=Role.OWNER)] == ["olga@acme.test"]
