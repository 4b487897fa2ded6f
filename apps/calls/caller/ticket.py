"""A caller's way in, asked for over HTTP like any other caller's."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from urllib.parse import urlsplit

import httpx
from django.conf import settings
from django.utils import timezone

from apps.calls.services.starts import Ticket
from apps.core.errors import PermanentError
from apps.tenants.keys import api_key_create
from apps.tenants.models import Tenant
from apps.tenants.selectors import tenant_host

TOKEN_PATH = "/api/v1/calls/token"  # noqa: S105 an address
ANSWER_SECONDS = 10.0


def ticket_ask(tenant: Tenant, agent: str) -> Ticket:
    """POST /api/v1/calls/token at the running web side. Raises PermanentError with its sentence."""
    port = urlsplit(settings.PUBLIC_URL).port
    host = tenant_host(tenant) + (f":{port}" if port else "")
    with _api_key(tenant) as key:
        headers = {"Host": host, "Authorization": f"Api-Key {key}", "Accept": "application/json"}
        headers["X-Forwarded-Proto"] = urlsplit(settings.PUBLIC_URL).scheme  # as the proxy says that this call goes around
        try:
            answer = httpx.post(
                settings.API_URL + TOKEN_PATH, json={"agent": agent}, headers=headers, timeout=ANSWER_SECONDS, trust_env=False
            )
        except httpx.HTTPError as error:
            raise PermanentError(
                f"Meridian does not answer at {settings.API_URL} ({type(error).__name__}). Start it with ./script/up first."
            ) from error
    if answer.status_code != httpx.codes.CREATED:
        raise PermanentError(_sentence(answer))
    return Ticket(**answer.json())


@contextmanager
def _api_key(tenant: Tenant) -> Iterator[str]:
    """A key for one request, since strangers are limited and somebody at this terminal is none."""
    soon = timezone.now() + timedelta(minutes=2)
    row, key = api_key_create(tenant=tenant, name="manage.py call", scopes=["calls:write"], expires_at=soon)
    try:
        yield key
    finally:
        row.delete()


def _sentence(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError):
        return f"The web side answered {answer.status_code} where a call should have begun."
