"""POST /billing/calls: once per call, everything checked, other calls' tokens refused."""

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from apps.billing.models import BillingConflict, LedgerEntry
from apps.billing.selectors import call_cost, call_costs
from apps.core.ids import uuid7
from apps.core.tokens import token_issue
from tests.billing.factories import USAGE, bill_post, report_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _tenants(acme: Any, globex: Any) -> None:
    """Both tenants are there."""


def test_a_call_is_billed(acme: Any) -> None:
    report = report_of()
    answer = bill_post(report)
    assert answer.status_code == 201
    body = answer.json()
    assert body["cost"] == {
        "transport": "0.001023",
        "stt": "0.005159",
        "llm": "0.000207",
        "tts": "0.015500",
        "messages": "0.000000",
        "platform": "0.010233",
    }
    assert (body["total"], body["total_known"], body["currency"], body["unpriced"]) == ("0.032122", "0.032122", "USD", [])
    entry = LedgerEntry.objects.get(tenant=acme, call_id=report["call_id"])
    assert (entry.duration, entry.source, entry.ended_reason) == (Decimal("61.4"), "report", "caller_hangup")
    assert entry.price_book is not None


def test_the_same_content_again_changes_nothing() -> None:
    report = report_of()
    first = bill_post(report)
    respelled = {**report, "started_at": "2026-03-02T10:00:00+01:00", "duration": 61.40, "new_field": "ignored"}
    second = bill_post(respelled)
    assert (first.status_code, second.status_code) == (201, 200)
    assert second.json() == {**first.json(), "created": False}
    assert LedgerEntry.objects.count() == 1


def test_different_content_is_kept_and_charges_nothing() -> None:
    report = report_of()
    bill_post(report)
    for _ in range(2):
        answer = bill_post({**report, "duration": 60})
        assert (answer.status_code, answer.json()["code"]) == (409, "report_conflict")
    assert answer.json()["billed"]["total"] == "0.032122"
    conflict = BillingConflict.objects.get()
    assert (conflict.report["duration"], conflict.source) == (60, "report")
    assert LedgerEntry.objects.get().duration == Decimal("61.4")


def test_a_model_without_a_price_costs_null(acme: Any) -> None:
    usage = [*USAGE, {"kind": "llm", "provider": "openai", "model": "gpt-unheard", "input_tokens": 1, "output_tokens": 1}]
    report = report_of(usage=usage)
    body = bill_post(report).json()
    assert (body["cost"]["llm"], body["total"], body["total_known"]) == (None, None, "0.031915")
    assert body["unpriced"] == [{"kind": "llm", "provider": "openai", "model": "gpt-unheard"}]
    cost = call_cost(acme, report["call_id"])
    assert cost is not None
    assert not cost.complete
    assert [line.amount is None for line in cost.lines] == [False, False, False, False, True, False]


def test_a_call_before_the_first_price_book_is_unpriced() -> None:
    times = {"started_at": "2019-03-02T09:00:00Z", "ended_at": "2019-03-02T09:02:00Z"}
    body = bill_post(report_of(usage=[], **times)).json()
    assert (body["cost"]["platform"], body["total"], body["price_book"]) == (None, None, None)


def test_another_calls_token_is_refused() -> None:
    report = report_of()
    for other in ({"call_id": str(uuid7())}, {"agent_id": str(uuid7())}):
        answer = bill_post(report, **other)
        assert (answer.status_code, answer.json()["code"]) == (403, "wrong_token")
    assert LedgerEntry.objects.count() == 0


def test_a_turn_token_or_none_is_refused() -> None:
    report = report_of()
    turn = token_issue(kind="turn", tenant="acme", agent_id=report["agent_id"], subject_id=report["call_id"], ttl=60)
    for headers in ({}, {"Authorization": "Bearer x"}, {"Authorization": f"Bearer {turn}"}):
        answer = Client().post("/billing/calls", report, "application/json", headers={"Host": "localhost", **headers})
        assert answer.status_code == 401
        assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_tenant_that_is_gone_is_refused() -> None:
    answer = bill_post(report_of(), tenant="vanished")
    assert (answer.status_code, answer.json()["code"]) == (403, "unknown_tenant")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"duration": -1}, "duration"),
        ({"duration": "61"}, "duration"),
        ({"duration": True}, "duration"),
        ({"duration": 1e300}, "duration"),
        ({"duration": 6140}, "report"),
        ({"ended_at": "2026-03-02T08:59:59Z"}, "report"),
        ({"ended_at": "2126-03-02T08:59:59Z"}, "report"),
        ({"started_at": "2026-03-02T09:00:00"}, "started_at"),
        ({"started_at": None}, "started_at"),
        ({"channel": "pigeon"}, "channel"),
        ({"ended_reason": "bored"}, "ended_reason"),
        ({"usage": "much"}, "usage"),
        ({"usage": [{"kind": "video", "provider": "openai", "model": "sora"}]}, "usage.0"),
        (
            {"usage": [{"kind": "tts", "provider": "openai", "model": "tts-1", "characters_count": -5}]},
            "usage.0.tts.characters_count",
        ),
        ({"usage": [{"kind": "tts", "provider": "openai", "model": "tts-1"}]}, "usage.0.tts.characters_count"),
        ({"usage": [{**USAGE[1], "input_cached_tokens": 901}]}, "usage.0.llm"),
        ({"usage": [{**USAGE[0], "audio_duration": -0.1}]}, "usage.0.stt.audio_duration"),
        ({"usage": [{**USAGE[0], "provider": ""}]}, "usage.0.stt.provider"),
        ({"usage": [{**USAGE[0], "model": "nova\x003"}]}, "usage.0.stt.model"),
        ({"usage": [{**USAGE[0], "model": "nova\ud8003"}]}, "usage.0.stt.model"),
        ({"transcript_ref": "\x00"}, "transcript_ref"),
    ],
)
def test_what_is_wrong_is_named(changes: dict[str, Any], field: str) -> None:
    answer = bill_post(report_of(**changes))
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_report")
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert LedgerEntry.objects.count() == 0


@pytest.mark.parametrize("missing", ["call_id", "agent_id", "duration", "started_at", "ended_reason"])
def test_what_is_missing_is_named(missing: str) -> None:
    report = report_of()
    body = {key: value for key, value in report.items() if key != missing}
    answer = bill_post(body, call_id=report["call_id"], agent_id=report["agent_id"])
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [missing]


@pytest.mark.parametrize("body", [[], '"text"', 7])
def test_a_body_that_is_no_report(body: Any) -> None:
    assert bill_post(body, call_id="c", agent_id="a").status_code == 422


def test_bodies_that_are_not_json() -> None:
    token = token_issue(kind="call", tenant="acme", agent_id="a", subject_id="c", ttl=60)
    headers = {"Authorization": f"Bearer {token}", "Host": "localhost"}
    assert Client().post("/billing/calls", "{", "application/json", headers=headers).status_code == 400
    assert Client().post("/billing/calls", "a=1", "text/plain", headers=headers).status_code == 415


def test_ledgers_of_two_tenants_stay_apart(acme: Any, globex: Any) -> None:
    shared = report_of()
    assert bill_post(shared, tenant="acme").status_code == 201
    assert call_cost(globex, shared["call_id"]) is None
    assert bill_post({**shared, "duration": 30}, tenant="globex").status_code == 201
    assert call_cost(acme, shared["call_id"]) != call_cost(globex, shared["call_id"])
    assert len(call_costs(acme, [shared["call_id"], uuid7()])) == 1
