"""The desktop's page: reacting to a message, teams by their names, and the sentences of its scripts."""

import json
import re
from collections.abc import Callable, Iterator

import pytest
from django.test import Client
from django.utils.translation import override
from django_tenants.utils import tenant_context

from apps.desktop.models import Conversation, Message
from apps.desktop.services.conversations import conversation_to_team
from apps.tenants.models import Tenant, User
from tests.pages.desk import Desk, DeskChannel, desk_channel, desk_make

ClientFor = Callable[[User | None, str], Client]


@pytest.fixture
def channel() -> Iterator[DeskChannel]:
    with desk_channel() as stand_in:
        yield stand_in


@pytest.fixture
def desk(acme: Tenant, alice: User, bob: User, channel: DeskChannel) -> Desk:
    with tenant_context(acme):
        return desk_make(alice, bob)


def asked(acme: Tenant, conversation: Conversation) -> Message:
    with tenant_context(acme):
        return Message.objects.filter(conversation=conversation, author="contact").latest("at")


def react(client: Client, message: Message, emoji: str) -> int:
    values = {"message": str(message.pk), "emoji": emoji}
    return client.post(f"/desktop/{message.conversation_id}/react", values, headers={"HX-Request": "true"}).status_code


def shown(client: Client, conversation: Conversation) -> str:
    return client.get(f"/desktop/{conversation.pk}/").content.decode()


def test_bob_reacts_and_takes_it_back(client_for: ClientFor, acme: Tenant, bob: User, desk: Desk, channel: DeskChannel) -> None:
    client, message = client_for(bob, "acme"), asked(acme, desk.mine)
    assert react(client, message, "🙏") == 204
    assert channel.sent[-1].payload == {"emoji": "🙏"}
    html = shown(client, desk.mine)
    assert re.search(r"said-reactions.*You: </span>🙏", html)
    assert re.search(r'value=""\s+aria-pressed="true"', html), "the same emoji again takes it back"
    assert react(client, message, "") == 204
    assert "said-reactions" not in shown(client, desk.mine)


def test_others_are_refused(
    client_for: ClientFor, acme: Tenant, alice: User, bob: User, charlie: User, desk: Desk, channel: DeskChannel
) -> None:
    message, before = asked(acme, desk.mine), len(channel.sent)
    assert react(client_for(charlie, "globex"), message, "👍") == 404
    assert react(client_for(charlie, "acme"), message, "👍") == 404
    assert react(client_for(alice, "acme"), message, "👍") == 409
    assert react(client_for(bob, "acme"), message, "a word") == 422
    assert len(channel.sent) == before
    assert "said-react" not in shown(client_for(alice, "acme"), desk.mine)


def test_teams_are_called_by_their_names(client_for: ClientFor, acme: Tenant, bob: User, desk: Desk) -> None:
    with tenant_context(acme):
        conversation_to_team(conversation_id=desk.mine.pk, user_id=bob.pk, team_slug="support")
    html = shown(client_for(bob, "acme"), desk.mine)
    assert "You handed it to Support" in html
    assert "handed it to support" not in html


def test_sentences_of_the_scripts_are_translated(
    client_for: ClientFor, bob: User, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.desktop.views.phrases._", lambda text: f"[{text}]")
    with override("en"):
        html = client_for(bob, "acme").get("/desktop/").content.decode()
    found = re.search(r'<script id="desk-words" type="application/json">(.*?)</script>', html)
    assert found is not None
    words = json.loads(found[1])
    assert words["push_on"] == "[This browser is told.]"
    assert set(words) >= {"offline", "failed", "too_large", "not_uploaded", "no_canned", "unknown_canned"}
