"""The demo: made once through the apps' services, left alone afterwards, in step with the providers that are there."""

from io import StringIO

import pytest
from django.contrib.auth import authenticate
from django.core.management import call_command
from django_tenants.utils import schema_context

from apps.calls.models import PhoneNumber
from apps.compass.selectors import agent_by_slug, agent_config, agent_for_call
from apps.compass.services import agent_draft_save, agent_publish
from apps.tenants.models import Membership
from embedded.demo import PASSWORD, demo_seed

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _local_models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MERIDIAN_LOCAL_MODELS", "1")
    monkeypatch.delenv("DEEPGRAM_API_KEY", raising=False)
    monkeypatch.delenv("ELEVENLABS_API_KEY", raising=False)


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


def test_people_can_log_in_with_the_password_that_is_printed() -> None:
    demo_seed()
    staff = authenticate(username="root@meridian.test", password=PASSWORD)
    assert staff is not None
    assert staff.is_superuser
    roles = {(row.user.email, row.tenant.schema_name, row.role) for row in Membership.objects.select_related("user", "tenant")}
    assert ("alice@acme.test", "acme", "admin") in roles
    assert ("bob@acme.test", "acme", "agent") in roles
    assert ("charlie@globex.test", "globex", "admin") in roles


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
