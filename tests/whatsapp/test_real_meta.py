"""With WHATSAPP_* set everything goes to Meta, with no other change: from what script/up is given to the first answer."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django_tenants.utils import schema_context
from pytest_httpserver import HTTPServer

from apps.core.schema import schema_current
from apps.desktop.models import Conversation, Message
from apps.desktop.services.conversations import conversation_claim
from apps.desktop.services.messages import message_send
from apps.tenants.models import User
from embedded.environment import parts_needed, stack_environment, surroundings
from embedded.errors import StackError
from embedded.keys import keys_ensure
from embedded.ports import Ports
from tests.whatsapp.meta import Graph, post, said, signature, work

GIVEN = {
    "WHATSAPP_ACCESS_TOKEN": "EAAthe-companys-own-token",
    "WHATSAPP_APP_SECRET": "0123456789abcdef0123456789abcdef",
    "WHATSAPP_VERIFY_TOKEN": "the-companys-verify-token",
}
# Where the product's own parts are; nothing is asked of them here.
PARTS = {"DATABASE_URL": "postgres://nobody@127.0.0.1:1/none", "REDIS_URL": "redis://127.0.0.1:1"}
NAMES = (*GIVEN, "WHATSAPP_GRAPH_URL")
READ = "import json; from django.conf import settings; print(json.dumps({name: getattr(settings, name) for name in %r}))"


def environment(folder: Path, **given: str) -> dict[str, str]:
    return stack_environment(folder, Ports.named({}), keys_ensure(folder), {**GIVEN, **PARTS, **given})


def settings_of(env: dict[str, str]) -> dict[str, str]:
    """What the product's own settings make of a stack's environment, in a process of its own."""
    command = [sys.executable, "-c", READ % (NAMES,)]
    done = subprocess.run(command, env=surroundings() | env, check=True, capture_output=True, text=True, timeout=120)
    read: dict[str, str] = json.loads(done.stdout)
    return read


@pytest.fixture(scope="module")
def elsewhere() -> Any:
    """A Graph API at another address than any that the product knows."""
    with HTTPServer(host="127.0.0.2", threaded=True) as server:
        yield server


def test_nothing_of_the_pretend_meta_is_started_or_named(tmp_path: Path) -> None:
    env = environment(tmp_path)
    assert "meta" not in parts_needed(GIVEN) and "MERIDIAN_PRETEND_META" not in env and "WHATSAPP_GRAPH_URL" not in env
    assert settings_of(env) == {**GIVEN, "WHATSAPP_GRAPH_URL": "https://graph.facebook.com"}
    assert not any(str(Ports.named({}).meta) in value for name, value in env.items() if not name.startswith("AGENT_"))


def test_half_of_it_stops_the_start_with_a_sentence() -> None:
    with pytest.raises(StackError, match="WHATSAPP_APP_SECRET and WHATSAPP_VERIFY_TOKEN have to be given"):
        parts_needed({"WHATSAPP_ACCESS_TOKEN": GIVEN["WHATSAPP_ACCESS_TOKEN"]})


@pytest.mark.django_db
def test_a_first_message_is_answered_there(
    tmp_path: Path, meta_settings: Any, elsewhere: HTTPServer, team_number: Any, bob: User
) -> None:
    graph = Graph(elsewhere)
    for name, value in settings_of(environment(tmp_path, WHATSAPP_GRAPH_URL=graph.url)).items():
        setattr(meta_settings, name, value)
    asked = {"hub.mode": "subscribe", "hub.verify_token": GIVEN["WHATSAPP_VERIFY_TOKEN"], "hub.challenge": "1158201444"}
    with schema_context(schema_current()):
        assert Client(headers={"host": "localhost"}).get("/meta/webhook", asked).content == b"1158201444"
    body = json.dumps(said("Are you open?")).encode()
    assert post(body, signature(body)).status_code == 401, "the secret of before is nobody's"
    assert post(body, signature(body, GIVEN["WHATSAPP_APP_SECRET"])).status_code == 200
    work()
    conversation = conversation_claim(conversation_id=Conversation.objects.get().pk, user_id=bob.pk)
    message_send(conversation=conversation, author="person", user_id=bob.pk, text="Until six.")
    work()
    assert graph.texts == ["Until six."] and graph.tokens[-1] == f"Bearer {GIVEN['WHATSAPP_ACCESS_TOKEN']}"
    assert Message.objects.get(author="person").status == "sent"


def test_no_part_of_the_product_knows_the_pretend_meta() -> None:
    """Its address and secrets come by the same settings as Meta's own; nothing else may lead to it."""
    root = Path(__file__).parents[2]
    sources = [path for folder in ("apps", "config", "agents_worker") for path in (root / folder).rglob("*.py")]
    knowing = [path for path in sources if any(word in path.read_text() for word in ("PRETEND_META", "embedded.meta", "18091"))]
    assert knowing == [] and os.environ.get("MERIDIAN_PRETEND_META") is None
