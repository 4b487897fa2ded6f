"""What was deleted can be answered no more, neither by a reply nor by a reaction."""

from collections.abc import Callable, Iterator

import pytest
from django.test import Client
from django.utils import timezone
from django_tenants.utils import tenant_context

from apps.desktop.errors import DeletedMessage
from apps.desktop.models import Conversation, Message
from apps.desktop.services.messages import message_react, message_revoke, message_send
from apps.tenants.models import Tenant, User
from tests.pages.desk import desk_channel, desk_make, says

ClientFor = Callable[[User | None, str], Client]
SENTENCE = "The message you reply to was deleted. Send yours without quoting it."


@pytest.fixture
def mine(acme: Tenant, alice: User, bob: User) -> Iterator[Conversation]:
    """Bob's; the contact has deleted the last message and the company its answer."""
    with desk_channel():
        with tenant_context(acme):
            desk = desk_make(alice, bob)
            says(desk.mine, "I will look", by=bob)
            for message in (theirs(desk.mine), ours(desk.mine)):
                message_revoke(external_id=message.external_id or "", at=timezone.now(), ours=message.author != "contact")
        yield desk.mine


def theirs(conversation: Conversation) -> Message:
    return conversation.messages.filter(author="contact").latest("at")


def ours(conversation: Conversation) -> Message:
    return conversation.messages.filter(author="person").latest("at")


def test_neither_side_s_is_answered(mine: Conversation, acme: Tenant, bob: User) -> None:
    with tenant_context(acme):
        before = mine.messages.count()
        for message in (theirs(mine), ours(mine)):
            with pytest.raises(DeletedMessage):
                message_send(conversation=mine, author="person", user_id=bob.pk, text="What?", reply_to_id=message.pk)
        for emoji in ("👍", ""):
            with pytest.raises(DeletedMessage, match="react"):
                message_react(conversation=mine, message_id=theirs(mine).pk, user_id=bob.pk, emoji=emoji)
        assert mine.messages.count() == before


def test_programs_and_the_page_are_told_so(mine: Conversation, acme: Tenant, client_for: ClientFor, bob: User) -> None:
    client = client_for(bob, "acme")
    with tenant_context(acme):
        message = theirs(mine)
    path, given = f"/api/v1/conversations/{mine.pk}/messages", {"text": "What?", "reply_to": str(message.pk)}
    answer = client.post(path, given, content_type="application/json")
    assert (answer.status_code, answer.json()["code"], answer.json()["detail"]) == (409, "message_deleted", SENTENCE)
    answer = client.post(f"/desktop/{mine.pk}/reply", given, headers={"HX-Request": "true"})
    assert answer.status_code == 409 and SENTENCE in answer.headers["HX-Trigger"]


def test_the_page_offers_it_at_what_is_there_only(mine: Conversation, acme: Tenant, client_for: ClientFor, bob: User) -> None:
    with tenant_context(acme):
        Message.objects.filter(pk=ours(mine).pk).update(status="failed")
    html = client_for(bob, "acme").get(f"/desktop/{mine.pk}/").content.decode()
    assert "data-write-again" not in html
    with tenant_context(acme):
        deleted = [theirs(mine), ours(mine)]
        there = mine.messages.filter(author="contact").exclude(kind="revoked").latest("at")
    assert f'data-answers="{there.pk}"' in html and f"react-{there.pk}" in html
    for message in deleted:
        assert f"message-{message.pk}" in html
        assert f'data-answers="{message.pk}"' not in html and f"react-{message.pk}" not in html
