from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from agents_worker import backend
from agents_worker.backend import ApiRefused, ApiUnavailable, CallApi, ToolFailed, backoff
from agents_worker.contracts import BillingReport, Dispatch, utc_now
from tests.agents_worker.web_side import AGENT_ID, CALL_ID, TOKEN, WebSide


def dispatch(web: WebSide, **changes: str) -> Dispatch:
    fields = {"call_id": CALL_ID, "agent_id": AGENT_ID, "token": TOKEN, "api_url": web.base_url}
    return Dispatch.model_validate(fields | changes)


@pytest.fixture
async def api(web: WebSide) -> AsyncIterator[CallApi]:
    async with CallApi(dispatch(web)) as client:
        yield client


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend, "_BACKOFF_FIRST", 0.001)


def report() -> BillingReport:
    now = utc_now()
    return BillingReport(
        call_id=CALL_ID,
        agent_id=AGENT_ID,
        channel="webrtc",
        started_at=now,
        ended_at=now,
        duration=0.0,
        ended_reason="caller_hangup",
        transcript_ref=f"/calls/{CALL_ID}/transcript",
    )


async def test_configuration_after_two_failures(api: CallApi, web: WebSide) -> None:
    web.failing = [503, 500]
    assert (await api.agent_config()).slug == "reception"
    assert len(web.seen) == 3


async def test_configuration_gives_up_in_the_end(api: CallApi, web: WebSide) -> None:
    web.failing = [503] * 9
    with pytest.raises(ApiUnavailable, match="503"):
        await api.agent_config(attempts=3)
    assert len(web.seen) == 3


async def test_a_refusal_is_not_retried_and_keeps_its_reason(api: CallApi, web: WebSide) -> None:
    web.config = {}
    with pytest.raises(ApiRefused) as caught:
        await api.agent_config()
    assert (caught.value.status, caught.value.code) == (404, "unknown_agent")
    assert str(caught.value) == "404 unknown_agent: There is no such agent."


async def test_a_wrong_configuration_names_the_field(api: CallApi, web: WebSide) -> None:
    web.config["llm"] = {"provider": "nobody", "model": "x"}
    with pytest.raises(ApiRefused, match=r"llm\.provider"):
        await api.agent_config()


async def test_a_wrong_token_is_refused(web: WebSide) -> None:
    async with CallApi(dispatch(web, token="another")) as client:
        with pytest.raises(ApiRefused, match="401 bad_token"):
            await client.events_send([])


async def test_nobody_listening_is_unavailable() -> None:
    gone = Dispatch(call_id=CALL_ID, agent_id=AGENT_ID, token=TOKEN, api_url="http://127.0.0.1:9")
    async with CallApi(gone) as client:
        with pytest.raises(ApiUnavailable):
            await client.agent_config(attempts=1)


async def test_a_tool_runs_at_compass(api: CallApi, web: WebSide) -> None:
    assert await api.tool_run("slots", {"day": "Monday"}) == {"free": ["10:00"]}
    assert web.tool_calls == [("slots", {"arguments": {"day": "Monday"}, "call_id": CALL_ID})]


async def test_a_tool_that_failed_says_why(api: CallApi, web: WebSide) -> None:
    web.tool_answer = {"ok": False, "error": "The shop is closed."}
    with pytest.raises(ToolFailed, match="The shop is closed"):
        await api.tool_run("slots", {})


async def test_a_tool_is_never_run_twice(api: CallApi, web: WebSide) -> None:
    web.failing = [503]
    with pytest.raises(ApiUnavailable):
        await api.tool_run("book", {})
    assert web.tool_calls == []


async def test_the_bill_is_sent_until_it_is_accepted(api: CallApi, web: WebSide) -> None:
    web.failing = [500, 502, 503, 429]
    assert await api.bill(report())
    assert len(web.bills) == 1


async def test_the_same_bill_again_is_accepted(api: CallApi, web: WebSide) -> None:
    once = report()
    assert await api.bill(once)
    assert await api.bill(once)
    assert len(web.bills) == 1


@pytest.mark.parametrize("status", [401, 403, 409, 422])
async def test_a_refused_bill_is_not_sent_again(api: CallApi, web: WebSide, status: int) -> None:
    web.failing = [status]
    assert not await api.bill(report())
    assert len(web.seen) == 1


def test_backoff_doubles_up_to_a_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend, "_BACKOFF_FIRST", 0.2)
    assert [backoff(n) for n in (0, 1, 2, 50)] == [0.2, 0.4, 0.8, 5.0]
