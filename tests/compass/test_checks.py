"""Checks: talked, asserted, judged; never passed when nobody could tell; one run at a time, which survives its worker."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from apps.compass.models import Agent, CheckResult, CheckRun, TrialUsage
from apps.compass.payloads_checks import ScenarioIn
from apps.compass.selectors.checks import readiness_of, standing_of
from apps.compass.selectors.trials import agent_for_trial
from apps.compass.services import agent_draft_save, agent_publish
from apps.compass.services.checks import (
    SILENT_AFTER,
    ChecksRefused,
    policy_set,
    run_begin,
    run_cancel,
    runs_interrupt,
    scenario_delete,
    scenario_save,
)
from apps.compass.services.checks_assertions import BadPattern, assertion_check, pattern_matches
from apps.compass.services.checks_language import language_of
from apps.compass.services.checks_people import scores_read
from apps.compass.services.checks_running import run_work
from tests.herald.factories import text_agent
from tests.herald.sides import model_running
from tests.standins.openai import Answer, OpenAIStandin, last_user_text

pytestmark = pytest.mark.django_db
SCRIPTED: dict[str, Any] = {
    "name": "Hours",
    "lines": ["When do you open?"],
    "assertions": [{"kind": "contains", "value": "nine"}],
}


@pytest.fixture
def model() -> Any:
    with model_running() as standin:
        yield standin


def scenario(agent: Agent, **changes: Any) -> Any:
    return scenario_save(agent=agent, given=ScenarioIn.model_validate({**SCRIPTED, **changes}))


def ran(agent: Agent) -> CheckRun:
    """A run of all scenarios, worked off as the worker would."""
    run = run_begin(agent=agent)
    run_work(run_id=run.pk)
    return CheckRun.objects.get(pk=run.pk)


def only(run: CheckRun) -> CheckResult:
    return run.results.get()


def test_a_scripted_customer(in_acme: Any, model: OpenAIStandin) -> None:
    agent = text_agent(model)
    scenario(agent, lines=["When do you open?", "And on Sunday?"])
    model.answers = [Answer("At nine."), Answer("We are closed.")]
    result = only(ran(agent))
    assert (result.outcome, result.detail) == ("passed", "")
    assert [(turn["line"], turn["reply"]) for turn in result.turns] == [
        ("When do you open?", "At nine."),
        ("And on Sunday?", "We are closed."),
    ]
    assert [message["role"] for message in model.chats[1].body["messages"]] == ["system", "user", "assistant", "user"]
    assert result.turns[0]["first_token"] > 0 and result.usage[0]["output_tokens"] == 5


def test_what_does_not_hold_fails(in_acme: Any, model: OpenAIStandin) -> None:
    agent = text_agent(model)
    scenario(agent)
    result = only(ran(agent))
    assert result.outcome == "failed"
    assert [(row["holds"], row["detail"]) for row in result.assertions] == [(False, "No reply says it.")]


def test_a_simulated_customer_until_done(in_acme: Any, model: OpenAIStandin) -> None:
    agent = text_agent(model)
    scenario(agent, lines=[], customer="You are Maria and want the hours.", turns=5)
    policy_set(agent=agent, require_green=False, customer_model="maria")
    said = iter(["When are you open?", "Thanks! [END]"])

    def script(body: dict[str, Any]) -> Answer | None:
        return Answer(next(said)) if body["model"] == "maria" else Answer("From nine.")

    model.script = script
    result = only(ran(agent))
    assert (result.outcome, [turn["line"] for turn in result.turns]) == ("passed", ["When are you open?"])
    asked = [chat.body["messages"] for chat in model.chats if chat.body["model"] == "maria"]
    assert "You are Maria" in asked[0][0]["content"]
    assert [message["role"] for message in asked[1]] == ["system", "user", "assistant", "user"]
    assert {row["model"] for row in result.usage} == {"maria", "gpt-4o-mini"}


def judge(answer: str) -> Any:
    def script(body: dict[str, Any]) -> Answer:
        return Answer(answer) if body["model"] == "judge" else Answer("At nine.")

    return script


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ('Here: {"scores": [{"criterion": 1, "score": 0.9, "reason": "Polite."}]}', "passed"),
        ('{"scores": [{"criterion": 1, "score": 0.2, "reason": "Rude."}]}', "failed"),
        ("It was very good!", "unjudged"),
        ('{"scores": [{"criterion": 1, "score": 7, "reason": "Good."}]}', "unjudged"),
        ('{"scores": [{"criterion": 1, "score": 1.0, "reason": "…"}]}', "unjudged"),
        ('{"scores": [{"criterion": 2, "score": 1.0, "reason": "Good."}]}', "unjudged"),
        ('{"scores": [true]}', "unjudged"),
    ],
    ids=["good", "bad", "prose", "too-much", "no-reason", "other", "junk"],
)
def test_a_judge_that_cannot_be_read_never_passes(in_acme: Any, model: OpenAIStandin, answer: str, outcome: str) -> None:
    agent = text_agent(model)
    scenario(agent, criteria=["It is polite."])
    policy_set(agent=agent, require_green=False, judge_model="judge")
    model.script = judge(answer)
    result = only(ran(agent))
    assert result.outcome == outcome
    assert (result.scores[0]["score"] is None) == (outcome == "unjudged")
    transcript = last_user_text(next(chat.body for chat in model.chats if chat.body["model"] == "judge"))
    assert "1. It is polite." in transcript and "Customer: When do you open?\nAssistant: At nine." in transcript


def test_a_judge_that_does_not_answer(in_acme: Any, model: OpenAIStandin) -> None:
    agent = text_agent(model)
    scenario(agent, criteria=["It is polite."])
    policy_set(agent=agent, require_green=False, judge_model="judge")
    model.model_answers = {"judge": Answer(status=404), "gpt-4o-mini": Answer("At nine.")}
    result = only(ran(agent))
    assert result.outcome == "unjudged" and "no model named judge" in result.scores[0]["reason"]


def test_a_model_that_fails_fails_the_check_in_words(in_acme: Any, model: OpenAIStandin) -> None:
    agent = text_agent(model)
    scenario(agent)
    model.model_answers = {"gpt-4o-mini": Answer(status=401)}
    result = only(ran(agent))
    assert result.outcome == "failed" and "refused the API key" in result.detail


def test_tools_with_set_answers_and_a_handoff(in_acme: Any, model: OpenAIStandin) -> None:
    tool = {"kind": "http", "name": "book", "description": "Books.", "http": {"url": "https://api.example.com/x"}}
    agent = text_agent(model, tools=[tool])
    asserted = [{"kind": "tool", "value": "book", "arguments": {"day": "monday"}}, {"kind": "handoff", "value": ""}]
    scenario(agent, assertions=asserted, tool_answers={"book": {"ok": True}}, lines=["Book!", "Never said"])
    model.answers = [Answer(tool_calls=[("book", {"day": "Monday"})]), Answer(tool_calls=[("handoff", {"reason": "Asked."})])]
    result = only(ran(agent))
    assert (result.outcome, len(result.turns), result.turns[0]["tools"][0]["canned"]) == ("passed", 1, True)


def turn(reply: str = "", **more: Any) -> dict[str, Any]:
    return {"reply": reply, "tools": [], "handoff": None, "first_token": 0.5, **more}


BOOKED = turn("Booked.", tools=[{"name": "book", "arguments": {"day": "Monday", "people": 2}}])


@pytest.mark.parametrize(
    ("kind", "value", "turns", "holds"),
    [
        ("contains", "BOOKED", [BOOKED], True),
        ("lacks", "price", [BOOKED], True),
        ("lacks", "booked", [BOOKED], False),
        ("matches", r"^b\w+\.$", [BOOKED], True),
        ("matches", r"^\d", [BOOKED], False),
        ("tool", "book", [BOOKED], True),
        ("tool", "cancel", [BOOKED], False),
        ("no_tool", "book", [BOOKED], False),
        ("no_tool", "cancel", [BOOKED], True),
        ("handoff", "", [BOOKED], False),
        ("handoff", "sales", [turn(handoff={"team": "sales", "reason": "x"})], True),
        ("handoff", "support", [turn(handoff={"team": "sales", "reason": "x"})], False),
        ("no_handoff", "", [BOOKED], True),
        ("language", "de", [turn("Wir haben von neun bis fünf für Sie auf.")], True),
        ("language", "en-GB", [turn("Wir haben von neun bis fünf für Sie auf.")], False),
        ("language", "en", [turn("Ok.")], None),
        ("max_turns", "1", [BOOKED], True),
        ("max_turns", "1", [BOOKED, BOOKED], False),
        ("first_token", "0.6", [BOOKED], True),
        ("first_token", "0.4", [BOOKED], False),
        ("first_token", "1", [turn(first_token=None)], None),
    ],
)
def test_assertions(in_acme: Any, kind: str, value: str, turns: list[dict[str, Any]], holds: bool | None) -> None:
    assert assertion_check({"kind": kind, "value": value}, turns).holds is holds


@pytest.mark.parametrize(
    ("arguments", "holds"),
    [({"day": "monday"}, True), ({"people": 2}, True), ({"people": 3}, False), ({"name": "x"}, False)],
    ids=["text", "number", "other", "missing"],
)
def test_arguments_of_a_tool(in_acme: Any, arguments: dict[str, Any], holds: bool) -> None:
    assert assertion_check({"kind": "tool", "value": "book", "arguments": arguments}, [BOOKED]).holds is holds


def test_a_pattern_cannot_hold_a_worker_up(in_acme: Any) -> None:
    with pytest.raises(BadPattern):
        pattern_matches(r"(a", "a")
    assert pattern_matches("a+", "aaa")
    with pytest.raises(ChecksRefused, match="regular expression"):
        scenario(Agent.objects.create(slug="x", name="X"), assertions=[{"kind": "matches", "value": "(a"}])


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("We are open from nine to five and you can call us.", "en"),
        ("Nous sommes ouverts de neuf à cinq heures pour vous.", "fr"),
        ("Мы открыты с девяти до пяти.", "ru"),
        ("九時から五時まで営業しています。", "ja"),
        ("Ok", None),
        ("", None),
    ],
    ids=["en", "fr", "ru", "ja", "short", "empty"],
)
def test_languages(text: str, language: str | None) -> None:
    assert language_of(text) == language


def test_scores_of_junk() -> None:
    for junk in ("", "{", '{"scores": 5}', '{"scores": [{"criterion": true, "score": 1, "reason": "x"}]}', json.dumps([1])):
        assert scores_read(junk) == {}


def test_one_run_at_a_time_and_none_without_checks(in_acme: Any, model: OpenAIStandin) -> None:
    agent = text_agent(model)
    with pytest.raises(ChecksRefused, match="nothing to check"):
        run_begin(agent=agent)
    scenario(agent)
    run_begin(agent=agent)
    with pytest.raises(ChecksRefused, match="running already"):
        run_begin(agent=agent)


def test_a_run_is_run_once(in_acme: Any, model: OpenAIStandin) -> None:
    agent = text_agent(model)
    scenario(agent)
    run = ran(agent)
    asked = len(model.chats)
    assert run_work(run_id=run.pk) == "not ours"
    assert (len(model.chats), TrialUsage.objects.filter(kind="check").count()) == (asked, 1)


def test_a_cancelled_run_stops(in_acme: Any, model: OpenAIStandin) -> None:
    agent = text_agent(model)
    scenario(agent, lines=["One", "Two"])
    scenario(agent, name="Second")
    run = run_begin(agent=agent)

    def cancels(body: dict[str, Any]) -> Answer:
        return Answer("Yes.")

    model.script = cancels
    assert run_cancel(run=run) and not run_cancel(run=run)
    assert run_work(run_id=run.pk) == "not ours"
    run.refresh_from_db()
    assert run.state == "cancelled" and {row.outcome for row in run.results.all()} == {"skipped"}
    assert model.chats == []


def test_a_killed_worker_leaves_a_run_that_can_be_run_again(in_acme: Any, model: OpenAIStandin) -> None:
    agent = text_agent(model)
    scenario(agent)
    run = run_begin(agent=agent)
    CheckRun.objects.update(state="running", seen_at=timezone.now() - SILENT_AFTER - timedelta(seconds=1))
    runs_interrupt(agent=agent)
    run.refresh_from_db()
    assert run.state == "interrupted" and "Run the checks again" in run.detail
    assert run_work(run_id=run.pk) == "not ours"
    model.answers = [Answer("At nine.")]
    assert ran(agent).state == "done"


def test_a_run_keeps_the_draft_that_it_checked(in_acme: Any, model: OpenAIStandin) -> None:
    agent = text_agent(model)
    scenario(agent)
    run = run_begin(agent=agent)
    agent_draft_save(agent=agent, config={**run.config, "prompt": {"system": "Another one."}})
    run_work(run_id=run.pk)
    assert "Another one." not in model.chats[0].body["messages"][0]["content"]


def test_what_got_worse_is_told(in_acme: Any, model: OpenAIStandin) -> None:
    agent = text_agent(model)
    scenario(agent)
    model.model_answers = {"gpt-4o-mini": Answer("At nine.")}
    first = ran(agent)
    assert standing_of(first).before is None
    draft = agent_draft_save(agent=agent, config={**first.config, "prompt": {"system": "Worse."}})
    assert not readiness_of(agent_for_trial(agent.pk)).is_current
    model.model_answers = {"gpt-4o-mini": Answer("No idea.")}
    standing = standing_of(ran(agent))
    assert [line.change for line in standing.lines] == ["worse"] and standing.run.number == draft.number
    assert standing.before is not None and standing.before.pk == first.pk
    policy_set(agent=agent, require_green=True)
    readiness = readiness_of(agent_for_trial(agent.pk))
    assert (readiness.is_current, readiness.is_green, readiness.blocks) == (True, False, True)
    with pytest.raises(ChecksRefused, match="0 of 1 did"):
        agent_publish(agent=agent)
    model.model_answers = {"gpt-4o-mini": Answer("At nine.")}
    ran(agent)
    assert not readiness_of(agent_for_trial(agent.pk)).blocks
    assert agent_publish(agent=agent).number == draft.number


def test_a_draft_that_changed_is_checked_again_before_it_is_published(in_acme: Any, model: OpenAIStandin) -> None:
    agent = text_agent(model)
    scenario(agent)
    policy_set(agent=agent, require_green=True)
    model.answers = [Answer("At nine.")]
    run = ran(agent)
    agent_draft_save(agent=agent, config={**run.config, "prompt": {"system": "Changed."}})
    with pytest.raises(ChecksRefused, match="was not checked"):
        agent_publish(agent=agent)


def test_results_outlive_their_scenario(in_acme: Any, model: OpenAIStandin) -> None:
    agent = text_agent(model)
    kept = scenario(agent)
    run = ran(agent)
    scenario_delete(scenario=kept)
    assert only(run).name == "Hours" and only(run).scenario is None


def test_what_a_run_costs(in_acme: Any, model: OpenAIStandin, monkeypatch: pytest.MonkeyPatch) -> None:
    agent = text_agent(model)
    scenario(agent)
    run = ran(agent)
    used = TrialUsage.objects.get(kind="check")
    assert used.usage == only(run).usage and used.cost == only(run).cost
    assert standing_of(run).cost == (used.cost if used.cost is not None else None)
    assert used.cost is None or used.cost > Decimal(0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"lines": [], "customer": ""},
        {"assertions": [], "criteria": []},
        {"assertions": [{"kind": "contains"}]},
        {"assertions": [{"kind": "max_turns", "value": "many"}]},
        {"assertions": [{"kind": "sings", "value": "x"}]},
        {"pass_mark": 2},
    ],
    ids=["nobody", "nothing", "empty", "number", "kind", "mark"],
)
def test_impossible_scenarios(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        ScenarioIn.model_validate({**SCRIPTED, **wrong})
