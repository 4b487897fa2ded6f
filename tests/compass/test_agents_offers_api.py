"""Duplicating an agent, discarding its draft, and what voices and models there are, for programs."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.core.cache import cache
from django_tenants.utils import tenant_context

from apps.compass import neighbours
from apps.compass.models import Agent, AgentVersion
from apps.compass.neighbours import PriceTable
from apps.compass.services import agent_create, agent_draft_save, agent_publish, credential_set
from apps.core.ids import uuid7
from apps.tenants.access import ADMINS, MANAGERS
from apps.tenants.models import Tenant
from tests.compass.factories import LOCAL, agent_published
from tests.programs import ask, only_for, program
from tests.standins.elevenlabs import ElevenLabsStandin
from tests.standins.threads import threaded

pytestmark = pytest.mark.django_db


@pytest.fixture
def agent(acme: Tenant) -> Agent:
    """Published, and changed since."""
    with tenant_context(acme):
        agent = agent_published()
        agent_draft_save(agent=agent, config={**LOCAL, "prompt": {"system": "The draft."}})
        return agent


@pytest.fixture
def account(acme: Tenant, settings: Any) -> Iterator[ElevenLabsStandin]:
    settings.TOOL_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    cache.clear()
    with threaded(ElevenLabsStandin(api_key="el-key")) as standin, tenant_context(acme):
        credential_set(provider="elevenlabs", api_key="el-key", base_url=standin.base_url)
        yield standin


def test_a_copy_has_the_draft_and_the_checks(acme: Tenant, agent: Agent) -> None:
    with tenant_context(acme):
        agent.scenarios.create(name="Hours", lines=["When do you open?"])
    client, path = program(acme, "agents:write"), f"/api/v1/agents/{agent.pk}/duplicate"
    made = ask(client, "POST", path)
    assert (made.status_code, made.json()["name"], made.json()["published"]) == (201, "Copy of Reception", None)
    assert made.json()["draft"]["config"]["prompt"]["system"] == "The draft."
    with tenant_context(acme):
        assert Agent.objects.get(pk=made.json()["id"]).scenarios.get().name == "Hours"
    once = [ask(client, "POST", path, {"name": "Desk"}, **{"Idempotency-Key": "one"}).json()["id"] for _ in range(2)]
    assert once[0] == once[1] and client.get(f"/api/v1/agents/{once[0]}").json()["slug"] == "desk"
    assert ask(client, "POST", path, {"named": "Desk"}).json()["errors"][0]["field"] == "named"


def test_a_draft_is_discarded(acme: Tenant, agent: Agent) -> None:
    client, path = program(acme, "agents:write"), f"/api/v1/agents/{agent.pk}"
    assert client.get(path).json()["draft"] is not None
    assert client.delete(f"{path}/draft").status_code == 204
    answer = client.get(path).json()
    assert answer["draft"] is None and answer["published"]["number"] == 1


def test_a_draft_that_is_all_there_is_stays(acme: Tenant) -> None:
    with tenant_context(acme):
        young = agent_create(slug="young", name="Young", config=LOCAL)
    answer = program(acme, "agents:write").delete(f"/api/v1/agents/{young.pk}/draft")
    assert answer.status_code == 409 and "Delete the agent instead" in answer.json()["detail"]
    with tenant_context(acme):
        assert young.versions.get().state == AgentVersion.State.DRAFT


def test_whose_agents_they_are(acme: Tenant, globex: Tenant, agent: Agent) -> None:
    changes = [("POST", f"/api/v1/agents/{agent.pk}/duplicate"), ("DELETE", f"/api/v1/agents/{agent.pk}/draft")]
    only_for(acme, globex, changes, scope="agents", roles=ADMINS)
    only_for(acme, globex, [("GET", "/api/v1/voices"), ("GET", "/api/v1/models")], scope="agents", roles=MANAGERS)
    theirs = program(globex, "agents:write")
    assert [ask(theirs, *change).status_code for change in changes] == [404, 404]
    assert ask(program(acme, "agents:write"), "POST", f"/api/v1/agents/{uuid7()}/duplicate").status_code == 404
    with tenant_context(acme):
        assert Agent.objects.count() == 1 and agent.versions.count() == 2
        agent_publish(agent=agent)


def test_voices_are_narrowed_and_have_prices(acme: Tenant, account: ElevenLabsStandin, monkeypatch: pytest.MonkeyPatch) -> None:
    prices = {("tts", "elevenlabs", "eleven_flash_v2_5", "1k_characters"): Decimal("0.05")}
    monkeypatch.setattr(neighbours, "_prices", [lambda: PriceTable("EUR", prices)])
    client = program(acme, "agents:read")

    def asked(**query: str) -> list[Any]:
        return client.get("/api/v1/voices", {"provider": "elevenlabs", **query}).json()["results"]

    assert [voice["id"] for voice in asked()] == ["standin", "second", "bare"]
    assert [voice["id"] for voice in asked(gender="male")] == ["second"] == [voice["id"] for voice in asked(language="de")]
    assert asked(q="conversational") == [
        {
            "id": "standin",
            "name": "Stand-in",
            "about": "female, young, american, conversational",
            "gender": "female",
            "language": "en",
            "prices": [],
        }
    ]
    priced = [{"unit": "1k_characters", "amount": "0.050000", "currency": "EUR"}]
    assert asked(model="eleven_flash_v2_5", q="bare")[0]["prices"] == priced


def test_what_a_provider_does_not_tell_is_told(acme: Tenant, globex: Tenant, account: ElevenLabsStandin) -> None:
    client = program(acme, "agents:read")
    account.api_key = "another"
    answer = client.get("/api/v1/voices", {"provider": "elevenlabs"})
    [trouble] = answer.json()["troubles"]
    assert (answer.status_code, answer.json()["results"], trouble["provider"]) == (200, [], "elevenlabs")
    assert "Settings, Providers" in trouble["detail"] and "el-key" not in answer.content.decode()
    account.problems.clear()  # it was meant to be refused
    assert client.get("/api/v1/voices", {"provider": "acme"}).json()["errors"].keys() == {"provider"}
    theirs = program(globex, "agents:read").get("/api/v1/voices", {"provider": "elevenlabs"}).json()
    assert theirs["results"] == [] and "no API key" in theirs["troubles"][0]["detail"]


def test_models_have_prices(acme: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    prices = {("stt", "deepgram", "nova-3", "minute"): Decimal("0.0077")}
    monkeypatch.setattr(neighbours, "_prices", [lambda: PriceTable("USD", prices)])
    client = program(acme, "agents:read")
    everything = client.get("/api/v1/models").json()
    assert [one["provider"] for one in everything["troubles"]] == ["openai"]  # nothing speaks there in tests
    rows = client.get("/api/v1/models", {"provider": "deepgram"}).json()["results"]
    assert everything["results"] == rows
    assert rows[0] == {
        "id": "nova-3",
        "part": "stt",
        "provider": "deepgram",
        "prices": [{"unit": "minute", "amount": "0.007700", "currency": "USD"}],
    }
    assert rows[1]["prices"] == [] and {row["part"] for row in rows} == {"stt"}
    assert client.get("/api/v1/models", {"part": "ears"}).json()["errors"].keys() == {"part"}


SAMPLE = "/api/v1/voices/sample"
WANTED = {"provider": "elevenlabs", "model": "eleven_flash_v2_5", "voice": "standin", "language": "de"}


def test_a_voice_is_heard(acme: Tenant, account: ElevenLabsStandin) -> None:
    answer = program(acme, "agents:write").get(SAMPLE, WANTED)
    assert (answer.status_code, answer["Content-Type"]) == (200, "audio/mpeg") and len(answer.content) > 100
    [asked] = [seen for seen in account.seen if "/text-to-speech/standin" in seen.path]
    assert asked.body["model_id"] == "eleven_flash_v2_5" and asked.body["text"].startswith("Guten Tag")


def test_a_provider_that_does_not_speak_is_told(acme: Tenant, account: ElevenLabsStandin) -> None:
    account.api_key = "another"
    answer = program(acme, "agents:write").get(SAMPLE, WANTED)
    assert (answer.status_code, answer.json()["code"]) == (409, "provider_unanswered")
    assert "Settings, Providers" in answer.json()["detail"] and "el-key" not in answer.content.decode()
    account.problems.clear()  # it was meant to be refused


def test_who_may_hear_a_voice_at_the_companys_cost(acme: Tenant, globex: Tenant) -> None:
    only_for(acme, globex, [("GET", SAMPLE)], scope="agents", roles=ADMINS)
    refused = program(acme, "agents:read").get(SAMPLE, WANTED)
    assert (refused.status_code, refused.json()["scope"]) == (403, "agents:write")
    missing = program(acme, "agents:write").get(SAMPLE, {"provider": "elevenlabs"})
    assert missing.status_code == 400 and missing.json()["errors"].keys() == {"model", "voice"}
