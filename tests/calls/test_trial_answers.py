"""What stands behind a call to a draft: the cost of each answer, the prompt as it was sent, and the tools as they ran."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django_tenants.utils import tenant_context
from redis.exceptions import ConnectionError as RedisGone

from apps.calls.models import Call
from apps.calls.trials import answers_of, answers_used
from apps.compass.services import agent_draft_save
from apps.compass.trial_notes import TrialNotes, trial_notes
from apps.core.tokens import DRAFT, token_issue
from apps.tenants.models import Tenant, User
from tests.compass.factories import LOCAL, agent_published, public_get, public_post
from tests.compass.servers import ALLOWED, reply, serving
from tests.pages.factories import call_make, events_make

pytestmark = pytest.mark.django_db
LLM = {"kind": "llm", "provider": "openai", "model": "gpt-4o-mini"}
TTS = {"kind": "tts", "provider": "openai", "model": "tts-1"}


def said(at: float, text: str, speaker: str = "agent") -> tuple[str, float, dict[str, Any]]:
    return "transcript", at, {"speaker": speaker, "text": text}


def used(at: float, tokens: int, letters: int) -> tuple[str, float, dict[str, Any]]:
    rows = [{**LLM, "input_tokens": tokens, "output_tokens": tokens // 10}] if tokens else []
    return "usage", at, {"usage": [*rows, {**TTS, "characters_count": letters}]}


@pytest.fixture
def trial(in_acme: Tenant) -> Call:
    call = call_make(trial=True)
    events_make(
        call,
        "atlas",
        said(2, "Hello."),
        used(2.1, 0, 6),
        said(5, "When do you open?", "caller"),
        used(6, 900, 6),
        said(8, "At nine."),
        used(8.1, 1000, 14),
    )
    events_make(call, "media-bot", ("usage", 3, {"usage": [{**LLM, "input_tokens": 500, "output_tokens": 5}]}))
    return call


def test_each_answer_costs_what_came_on_top(trial: Call) -> None:
    events = list(trial.events.order_by("at", "seq"))
    assert list(answers_used(events).values()) == [
        [{**TTS, "characters_count": 6}],
        [{**LLM, "input_tokens": 1000, "output_tokens": 100}, {**TTS, "characters_count": 8}],
    ]
    hello, open_at = answers_of(trial, events)
    assert (hello.turn.text, open_at.turn.text) == ("Hello.", "At nine.")
    assert hello.cost is not None and open_at.cost is not None
    assert hello.cost.amount is not None and open_at.cost.amount is not None
    assert Decimal(0) < hello.cost.amount < open_at.cost.amount


def test_a_successor_counts_from_nothing(trial: Call) -> None:
    events_make(trial, "atlas.2", said(20, "I am back."), used(20.1, 30, 10))
    found = {text: rows for (_at, text), rows in answers_used(list(trial.events.all())).items()}
    assert found["I am back."] == [
        {**LLM, "input_tokens": 30, "output_tokens": 3},
        {**TTS, "characters_count": 10},
    ]


@pytest.fixture
def shop(settings: Any) -> Any:
    settings.TOOL_ALLOWED_NETWORKS = [f"{ALLOWED}/32"]
    with serving(reply(body=b'{"state": "shipped"}')) as running:
        yield running


def draft_headers(call: Call, agent: Any, version: str = DRAFT) -> dict[str, str]:
    token = token_issue(kind="call", tenant="acme", agent_id=str(agent.pk), subject_id=str(call.pk), ttl=60, version=version)
    return {"Authorization": f"Bearer {token}", "Host": "localhost"}


def test_the_prompt_and_the_tools_are_shown_as_they_were(
    trial: Call, shop: Any, client_for: Callable[[User | None, str], Client], alice: User, bob: User, acme: Tenant
) -> None:
    http = {"method": "GET", "url": f"http://{ALLOWED}:{shop.port}/", "headers": {}}
    tool = {"kind": "http", "name": "order", "description": "Finds it.", "http": http}
    agent = agent_published()
    agent_draft_save(agent=agent, config={**LOCAL, "prompt": {"system": "You work for {{company}}."}, "tools": [tool]})
    headers = draft_headers(trial, agent)
    assert public_get(f"/agents/{agent.pk}", headers).status_code == 200
    assert public_post(f"/agents/{agent.pk}/tools/order", {"arguments": {}}, headers).json()["ok"] is True
    agent_draft_save(agent=agent, config={**LOCAL, "prompt": {"system": "Written afterwards."}})
    page = client_for(alice, "acme").get(reverse("call-trial-turns", urlconf="config.urls_tenant", args=[trial.pk]))
    text = page.content.decode()
    assert "You work for Acme." in text and "Written afterwards." not in text
    assert "shipped" in text and "order" in text and "At nine." in text
    with tenant_context(acme):
        [noted] = trial_notes(str(trial.pk)).tools
    assert (noted.name, noted.ok) == ("order", True) and "shipped" in noted.result


def test_a_call_of_a_customer_leaves_no_note(trial: Call) -> None:
    agent = agent_published()
    assert public_get(f"/agents/{agent.pk}", draft_headers(trial, agent, "published")).status_code == 200
    assert trial_notes(str(trial.pk)) == TrialNotes()


def test_nothing_of_it_is_found_by_another_company(trial: Call, globex: Tenant) -> None:
    agent = agent_published()
    public_get(f"/agents/{agent.pk}", draft_headers(trial, agent))
    assert trial_notes(str(trial.pk)).prompt
    with tenant_context(globex):
        assert trial_notes(str(trial.pk)) == TrialNotes()


def test_a_cache_that_is_away_stops_no_call(trial: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*args: Any, **kwargs: Any) -> None:
        raise RedisGone("gone")

    agent = agent_published()
    monkeypatch.setattr(cache, "set", gone)
    monkeypatch.setattr(cache, "get", gone)
    assert public_get(f"/agents/{agent.pk}", draft_headers(trial, agent)).status_code == 200
    assert trial_notes(str(trial.pk)) == TrialNotes()
