"""The connection check of a SIP trunk against a real livekit-server: what its page says, from set-up to a trunk that was lost."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django_tenants.utils import schema_context

from apps.calls import livekit
from apps.calls.livekit import LiveKitServer
from apps.calls.models import SipTrunk
from apps.calls.services.numbers import number_set
from apps.calls.services.trunks import sip_trunk_create
from apps.tenants.models import Tenant, User
from embedded.ports import ports_free
from tests.calls.real_server import server, wait_for
from tests.calls.test_real_livekit import agent, call_in, in_room, sip_token
from tests.calls.webhooks import NUMBER

__all__ = ["agent", "server"]
pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]
Check = Callable[[], str]


@pytest.fixture
def trunk(server: LiveKitServer, acme: Tenant) -> SipTrunk:
    with schema_context("acme"):
        return sip_trunk_create(name="3CX", numbers=[NUMBER], allowed_addresses=["127.0.0.1"])


@pytest.fixture
def check(client_for: Callable[..., Client], alice: User, trunk: SipTrunk) -> Check:
    """What the page says."""

    def look() -> str:
        with schema_context("public"):
            address = reverse("trunk-check", urlconf="config.urls_tenant", args=[trunk.pk])
            answer = client_for(alice, "acme").get(address)
        assert answer.status_code == 200
        return " ".join(answer.content.decode().split())

    return look


def test_from_set_up_to_the_first_call(check: Check, trunk: SipTrunk, agent: Any, settings: Any) -> None:
    page = check()
    assert "SIP service answers" in page and "The trunk is there" in page
    assert "Nobody answers some of its numbers" in page and "No call has come through it yet" in page
    with schema_context("acme"):
        number_set(number=NUMBER, agent_id=agent.pk)
    room = "call_acme_+15551111_check"
    rings = lambda: wait_for(call_in("ringing"), "the call's record")  # noqa: E731
    asyncio.run(in_room(settings.LIVEKIT_URL, sip_token(room, trunk.trunk_id, NUMBER), rings))
    wait_for(call_in("missed"), "the end of the call")
    page = check()
    assert "Every number has somebody who answers" in page and "A call came through it" in page


def test_a_trunk_that_livekit_lost(check: Check, trunk: SipTrunk, server: LiveKitServer) -> None:
    server.sip_trunk_delete(trunk.trunk_id)
    page = check()
    assert "SIP service answers" in page and "does not know this trunk any more" in page


def test_a_secret_that_is_not_the_servers(check: Check, settings: Any) -> None:
    settings.LIVEKIT_API_SECRET = "x" * 40
    livekit.client.cache_clear()
    assert "does not let Meridian look" in check()


def test_a_server_that_is_away(check: Check, settings: Any) -> None:
    (port,) = ports_free(1)
    settings.LIVEKIT_URL = f"ws://127.0.0.1:{port}"
    livekit.client.cache_clear()
    assert "SIP service does not answer" in check()
