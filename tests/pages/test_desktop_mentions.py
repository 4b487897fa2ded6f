"""Notes that name a colleague: who is told, what they read, and until when."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from django_tenants.utils import tenant_context

from apps.core.errors import Ignored
from apps.core.models import OutboundEffect
from apps.desktop.effects import email_send
from apps.desktop.models import Colleague, Conversation, Mention, Message
from apps.desktop.selectors.people import ColleagueRow
from apps.desktop.services.conversations import conversation_resolve
from apps.desktop.services.messages.mentions import mentioned_in
from apps.tenants.models import Tenant, User
from tests.pages.desk import Desk, DeskChannel, desk_channel, desk_make, talks

ClientFor = Callable[[User | None, str], Client]


@pytest.fixture
def channel() -> Iterator[DeskChannel]:
    with desk_channel() as stand_in:
        yield stand_in


@pytest.fixture
def desk(acme: Tenant, alice: User, bob: User, channel: DeskChannel) -> Desk:
    with tenant_context(acme):
        return desk_make(alice, bob)


def note(client: Client, desk: Desk, text: str) -> int:
    return client.post(f"/desktop/{desk.mine.pk}/note", {"text": text}, headers={"HX-Request": "true"}).status_code


def person(name: str) -> ColleagueRow:
    return ColleagueRow(name, name, "", "agent", "available", 0, 8)  # type: ignore[arg-type]


def test_names_are_found_where_they_stand_after_an_at() -> None:
    people = [person(name) for name in ("Ann", "Ann Lee", "Bob", "José")]

    def found(text: str) -> set[str]:
        return {one.name for one in mentioned_in(text, people)}

    assert found("@Ann Lee, please look") == {"Ann Lee"}
    assert found("@ann and @BOB?") == {"Ann", "Bob"}
    assert found("(@José)") == {"José"}
    assert found("Ann, mail to x@Bob or info@ann.example, or @Bobby") == set()


def test_whoever_is_named_is_told_until_they_have_read_it(
    client_for: ClientFor, acme: Tenant, alice: User, bob: User, desk: Desk
) -> None:
    hers, his = client_for(alice, "acme"), client_for(bob, "acme")
    assert note(his, desk, f"@{alice} can we refund this? @{bob} asks.") == 204
    with tenant_context(acme):
        mention = Mention.objects.get()
        assert (mention.user_id, mention.seen_at) == (alice.pk, None)
        assert Message.objects.get(pk=mention.message_id).payload == {"mentions": {str(alice.pk): str(alice)}}
    said = hers.get(f"/desktop/{desk.mine.pk}/notice").json()
    assert said["title"].startswith(f"{bob} mentioned you") and "refund" in said["body"]
    assert said["url"].endswith(f"/{desk.mine.pk}/?at={mention.message_id}")
    assert 'id="mentions"' in hers.get("/desktop/").content.decode()
    assert 'id="mentions"' not in his.get("/desktop/").content.decode()
    page = hers.get(f"/desktop/{desk.mine.pk}/").content.decode()
    assert f"<strong>@{alice}</strong>" in page and 'data-unread="1"' in page
    hers.post(f"/desktop/{desk.mine.pk}/read")
    assert 'id="mentions"' not in hers.get("/desktop/").content.decode()


def test_the_list_shows_where_one_was_named_also_when_resolved(
    client_for: ClientFor, acme: Tenant, alice: User, bob: User, desk: Desk
) -> None:
    note(client_for(bob, "acme"), desk, f"@{alice} look")
    with tenant_context(acme):
        conversation_resolve(conversation_id=desk.mine.pk, user_id=bob.pk)
    shown = client_for(alice, "acme").get("/desktop/?view=all&mentioned=on").content.decode()
    assert f"row-{desk.mine.pk}" in shown and shown.count("data-row>") == 1
    assert f"row-{desk.mine.pk}" not in client_for(bob, "acme").get("/desktop/?view=all&mentioned=on").content.decode()


def test_from_the_list_one_comes_to_the_latest_note_that_names_one(
    client_for: ClientFor, acme: Tenant, alice: User, bob: User, desk: Desk
) -> None:
    his = client_for(bob, "acme")
    for text in (f"@{alice} look", f"@{alice} look again", "Nobody in particular"):
        note(his, desk, text)
    shown = client_for(alice, "acme").get("/desktop/?view=all&mentioned=on").content.decode()
    with tenant_context(acme):
        named = Message.objects.get(text__endswith="look again")
    assert f'href="/desktop/{desk.mine.pk}/?view=all&amp;mentioned=True&amp;at={named.pk}"' in shown
    assert f"@{alice} look again" in shown, "the row says what the note says"


def test_the_list_of_mentions_is_none_of_the_views_and_each_leads_away_from_it(
    client_for: ClientFor, acme: Tenant, alice: User, bob: User, desk: Desk
) -> None:
    note(client_for(bob, "acme"), desk, f"@{alice} look")
    shown = client_for(alice, "acme").get("/desktop/?view=all&mentioned=on&team=support").content.decode()
    current = re.findall(r'id="(view-\w+|mentions)"[^>]*aria-current', shown)
    assert current == ["mentions"]
    (away,) = re.findall(r'href="([^"]*)"[^>]*id="view-mine"', shown)
    assert away == "/desktop/?view=mine&amp;team=support"


def test_an_old_note_is_read_where_it_is_shown_and_nothing_after_it(
    client_for: ClientFor, acme: Tenant, alice: User, bob: User, desk: Desk
) -> None:
    his, hers = client_for(bob, "acme"), client_for(alice, "acme")
    note(his, desk, f"@{alice} look")
    with tenant_context(acme):
        old = Message.objects.get(private=True)
        talks(desk.mine, 120)
        Message.objects.filter(pk=old.pk).update(at=timezone.now() - timedelta(hours=2))
    note(his, desk, f"@{alice} and here")
    html = hers.get(f"/desktop/{desk.mine.pk}/?at={old.pk}", headers={"HX-Request": "true"}).content.decode()
    (address,) = re.findall(r'data-read-url="([^"]+)"', html)
    assert 'data-unread="1"' in html
    hers.post(address)
    with tenant_context(acme):
        seen = dict(Mention.objects.values_list("message__text", "seen_at"))
        assert seen[f"@{alice} look"] and not seen[f"@{alice} and here"]
        assert Conversation.objects.get(pk=desk.mine.pk).unread == 120
    assert 'data-unread="0"' in hers.get(f"/desktop/{desk.mine.pk}/?at={old.pk}", headers={"HX-Request": "true"}).content.decode()


def test_the_letter_says_who_and_what_and_is_not_sent_once_it_was_read(
    client_for: ClientFor, acme: Tenant, alice: User, bob: User, desk: Desk, mailoutbox: Any
) -> None:
    with tenant_context(acme):
        Colleague.objects.update_or_create(user_id=alice.pk, defaults={"notify_email": True, "presence": "away"})
    note(client_for(bob, "acme"), desk, f"@{alice} can we refund this?")
    with tenant_context(acme):
        effect = OutboundEffect.objects.get(kind="desktop.email", payload__has_key="mention")
        email_send(effect)
        assert "mentioned you" in mailoutbox[0].subject and "refund" in mailoutbox[0].body
        assert f"/desktop/{desk.mine.pk}/?at={Mention.objects.get().message_id}" in mailoutbox[0].body
        client_for(alice, "acme").post(f"/desktop/{desk.mine.pk}/read")
        with tenant_context(acme), pytest.raises(Ignored):
            email_send(effect)


def test_people_of_other_companies_are_nobody_here(
    client_for: ClientFor, acme: Tenant, bob: User, charlie: User, desk: Desk
) -> None:
    assert note(client_for(charlie, "globex"), desk, f"@{bob} hello") == 404
    note(client_for(bob, "acme"), desk, f"@{charlie} hello")
    with tenant_context(acme):
        assert not Mention.objects.exists()
    assert str(charlie) not in client_for(bob, "acme").get("/desktop/").content.decode()
