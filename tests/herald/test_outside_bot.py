"""The twenty lines of docs/herald.md, run as they are printed: they take a turn and answer it."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db.models import Q
from django.utils import timezone
from django_tenants.utils import schema_context

from apps.core.models import MailState, OutboundEffect
from apps.desktop.models import Conversation, Message
from apps.whatsapp.models import Turn
from apps.whatsapp.payloads import message_of
from apps.whatsapp.services.inbound import message_arrive
from apps.whatsapp.services.numbers import mapping_set
from apps.whatsapp.services.turns import turn_start
from embedded.paths import CHECKOUT
from embedded.ports import port_answers, port_free
from embedded.process import Process
from tests.compass.factories import agent_published
from tests.embedded.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

NUMBER = "1000000001"


def printed_bot() -> str:
    """The only Python block of the page."""
    (code,) = re.findall(r"^```python\n(.*?)^```", (CHECKOUT / "docs" / "herald.md").read_text(), re.DOTALL | re.MULTILINE)
    return str(code)


@pytest.fixture
def bot(tmp_path: Path, live_server: Any, settings: Any) -> Iterator[None]:
    """The bot on a free port, in Herald's place."""
    port = port_free()
    program = tmp_path / "bot.py"
    program.write_text(printed_bot().replace("8100", str(port)))
    settings.HERALD_URL = f"http://127.0.0.1:{port}/turn"
    settings.API_URL = live_server.url
    settings.WHATSAPP_GRAPH_URL = "http://127.0.0.1:1"
    with Process("bot", [sys.executable, str(program)], log_path=tmp_path / "bot.log") as process:
        process.wait_ready(lambda: port_answers(port), 30)
        yield


def arrive(text: str) -> Turn:
    """A contact's message, whose turn is due."""
    agent = agent_published()
    mapping = mapping_set(phone_number_id=NUMBER, agent_id=agent.pk)
    message = {"from": "15550001", "id": f"wamid.{text}", "type": "text", "text": {"body": text}}
    payload = {"metadata": {"phone_number_id": NUMBER}, "contact": {"wa_id": "15550001"}, "message": message}
    message_arrive(mapping=mapping, payload=payload, message=message_of(payload, timezone.now()))
    Turn.objects.update(due_at=timezone.now())
    return Turn.objects.get()


def calm() -> bool:
    """Every effect has been tried, and none is being carried out (Meta is away in this test)."""
    return not OutboundEffect.objects.filter(Q(attempts=0) | Q(state=MailState.PROCESSING)).exists()


def test_it_has_about_twenty_lines() -> None:
    assert len([line for line in printed_bot().splitlines() if line.strip()]) <= 24


@pytest.mark.parametrize(("text", "status"), [("Hello there", "pending"), ("A person, please", "open")])
def test_it_answers(acme: Any, bot: None, text: str, status: str) -> None:
    with schema_context("acme"):
        turn = arrive(text)
        assert turn_start(turn.pk)
        wait_until(lambda: Turn.objects.get(pk=turn.pk).state == Turn.State.DONE)
        wait_until(calm)
        said = Message.objects.filter(author=Message.Author.AI).values_list("text", flat=True)
        assert list(said) == [f"You said: {text}"]
        assert Conversation.objects.get().status == status
