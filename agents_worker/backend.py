"""HTTP client of the web side, for one call."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

import aiohttp
from pydantic import ValidationError

from agents_worker.contracts import AgentConfig, BillingReport, Dispatch, RecordingPart, Transcript, iso_z

logger = logging.getLogger(__name__)

_TIMEOUT = aiohttp.ClientTimeout(total=10, connect=3)
_TOOL_TIMEOUT = aiohttp.ClientTimeout(total=20, connect=3)
_RETRY_STATUSES = frozenset({408, 425, 429})
_BACKOFF_FIRST = 0.2
_BACKOFF_CAP = 5.0


class ApiUnavailable(Exception):
    """The web side did not answer or asked to be tried again later."""


class ToolFailed(Exception):
    """A tool that ran and did not work; the sentence is meant for the model."""


class ApiRefused(Exception):
    """The web side answered with an error that trying again will not change."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(f"{status} {code}: {detail}" if code else f"{status}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail


def backoff(attempt: int) -> float:
    """Seconds to wait before retry number `attempt` (from 0), doubling up to a cap."""
    return float(min(_BACKOFF_CAP, _BACKOFF_FIRST * 2 ** min(attempt, 10)))


async def _problem(response: aiohttp.ClientResponse) -> ApiRefused:
    """An `application/problem+json` body as an error; any other body by its status alone."""
    try:
        body = await response.json(content_type=None)
    except (ValueError, aiohttp.ClientError):
        body = None
    fields = body if isinstance(body, dict) else {}
    detail = fields.get("detail") or fields.get("title") or response.reason or "no reason given"
    return ApiRefused(response.status, str(fields.get("code") or ""), str(detail))


class CallApi:
    """The web side as seen by one job: the call's token opens only this call and its agent."""

    def __init__(self, dispatch: Dispatch, session: aiohttp.ClientSession | None = None) -> None:
        self._dispatch = dispatch
        self._base = dispatch.api_url.rstrip("/")
        self._session = session or aiohttp.ClientSession()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self._session.close()

    async def agent_config(self, *, attempts: int = 6) -> AgentConfig:
        """The agent's published configuration.

        Raises ApiRefused when Compass refuses or answers something else, ApiUnavailable when
        it stayed silent through every attempt.
        """
        body = await self._retried("GET", f"/agents/{self._dispatch.agent_id}", attempts=attempts)
        try:
            return AgentConfig.model_validate(body)
        except ValidationError as error:
            raise ApiRefused(200, "bad_config", _first_problem(error)) from error

    async def transcript(self, *, attempts: int = 3) -> Transcript:
        """What earlier runs of this call said and used. Raises as agent_config does."""
        path = f"/calls/{self._dispatch.call_id}/transcript"
        body = await self._retried("GET", path, attempts=attempts)
        try:
            return Transcript.model_validate(body)
        except ValidationError as error:
            raise ApiRefused(200, "bad_transcript", _first_problem(error)) from error

    async def tool_run(self, name: str, arguments: Mapping[str, Any]) -> Any:
        """Have Compass run one tool; its result as JSON. Never retried: it may have effects.

        Raises ToolFailed with a sentence for the model when the tool did not work.
        """
        path = f"/agents/{self._dispatch.agent_id}/tools/{name}"
        body = {"arguments": dict(arguments), "call_id": self._dispatch.call_id}
        answer = await self._request("POST", path, json=body, timeout=_TOOL_TIMEOUT)
        if not isinstance(answer, dict) or not answer.get("ok"):
            error = answer.get("error") if isinstance(answer, dict) else None
            raise ToolFailed(str(error or "it gave no result"))
        return answer.get("result")

    async def events_send(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Deliver one batch of events, once."""
        path = f"/calls/{self._dispatch.call_id}/events"
        await self._request("POST", path, json={"events": list(events)})

    async def recording_send(self, part: RecordingPart) -> None:
        """Deliver one part of the call's recording, once. Raises ApiUnavailable, ApiRefused."""
        path = f"/calls/{self._dispatch.call_id}/recording"
        told = {"run": part.run, "part": part.number, "started_at": iso_z(part.started_at), "last": int(part.last)}
        await self._request("PUT", f"{path}?{urlencode(told)}", data=part.data)

    async def bill(self, report: BillingReport) -> bool:
        """Report the finished call, retried until the web side accepts or refuses it.

        True when accepted (201, or 200 for the same report again); False when refused.
        Endless by design: the caller bounds it with the time the job may take to end.
        """
        body = report.model_dump(mode="json")
        attempt = 0
        while True:
            try:
                await self._request("POST", "/billing/calls", json=body)
            except ApiUnavailable as error:
                logger.warning("billing report not delivered yet: %s", error)
                await asyncio.sleep(backoff(attempt))
                attempt += 1
            except ApiRefused as error:
                logger.error("billing report refused: %s", error)
                return False
            else:
                return True

    async def _retried(self, method: str, path: str, *, attempts: int) -> Any:
        for attempt in range(attempts):
            try:
                return await self._request(method, path)
            except ApiUnavailable:
                if attempt == attempts - 1:
                    raise
                await asyncio.sleep(backoff(attempt))
        raise ApiUnavailable(f"{method} {path}: no attempts allowed")

    async def _request(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        data: bytes | None = None,
        timeout: aiohttp.ClientTimeout = _TIMEOUT,
    ) -> Any:
        headers = {"Authorization": f"Bearer {self._dispatch.token}", "Accept": "application/json"}
        if data is not None:
            headers["Content-Type"] = "audio/ogg"
        sent: dict[str, Any] = {"json": json, "data": data, "headers": headers, "timeout": timeout}
        try:
            async with self._session.request(method, self._base + path, **sent) as response:
                if response.status < 300:
                    return await response.json(content_type=None)
                refused = await _problem(response)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            reason = str(error) or type(error).__name__
            raise ApiUnavailable(f"{method} {path}: {reason}") from error
        if response.status >= 500 or response.status in _RETRY_STATUSES:
            raise ApiUnavailable(f"{method} {path}: {refused}")
        raise refused


def _first_problem(error: ValidationError) -> str:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"{place}: {first['msg']}"
