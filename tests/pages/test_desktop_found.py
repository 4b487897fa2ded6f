"""A message that was searched for: the list leads to it, and the conversation is shown about it."""

import re
from collections.abc import Callable, Iterator

import pytest
from django.test import Client
from django_tenants.utils import tenant_context

from apps.core.ids import uuid7
from apps.desktop.models import Conversation, JoinedConversation, Message
from apps.tenants.models import Tenant, User
from tests.pages.desk import chat, desk_channel, hears, talks

ClientFor = Callable[[User | None, str], Client]
HTMX = {"HX-Request": "true"}


@pytest.fixture
def long(acme: Tenant) -> Iterator[tuple[Conversation, list[Message]]]:
    """A conversation of 200 messages."""
    with desk_channel():
        with tenant_context(acme):
            talk = chat("Long Talker")
            made = talks(talk, 200)
        yield talk, made


@pytest.fixture
def as_bob(client_for: ClientFor, bob: User) -> Client:
    return client_for(bob, "acme")


def part(client: Client, conversation: Conversation, query: str = "") -> str:
    answer = client.get(f"/desktop/{conversation.pk}/{query}", headers=HTMX)
    assert answer.status_code == 200
    return answer.content.decode().replace("&amp;", "&")


def shown(html: str) -> tuple[str, str]:
    """The first and the last message that stand in the thread."""
    found = re.findall(r'said-text"[^>]*>Message (\d+)', html)
    assert found == [f"{number:03}" for number in range(int(found[0]), int(found[-1]) + 1)], "none is left out"
    return found[0], found[-1]


def address(html: str, css: str) -> str:
    """Where a part of the thread is fetched from: the query."""
    (found,) = re.findall(rf'class="{css}"[^>]*hx-get="[^"?]*([^"]*)"', html)
    return str(found)


def test_a_hit_leads_to_the_newest_message_that_has_the_words(
    as_bob: Client, long: tuple[Conversation, list[Message]], acme: Tenant
) -> None:
    conversation, made = long
    with tenant_context(acme):
        Message.objects.filter(pk__in=[made[9].pk, made[30].pk]).update(text="The parcel is late")
    html = as_bob.get("/desktop/?view=all&q=parcel").content.decode().replace("&amp;", "&")
    path = f"/desktop/{conversation.pk}/"
    for name in ("href", "hx-get"):
        assert f'{name}="{path}?view=all&q=parcel&at={made[30].pk}"' in html, name
    assert "at=" not in as_bob.get("/desktop/?view=all&q=talker").content.decode(), "found by the contact's name"
    assert "at=" not in as_bob.get("/desktop/?view=all").content.decode()


def test_an_old_message_is_shown_with_those_about_it(as_bob: Client, long: tuple[Conversation, list[Message]]) -> None:
    conversation, made = long
    html = part(as_bob, conversation, f"?at={made[60].pk}")
    assert shown(html) == ("035", "085")
    assert f'data-at="message-{made[60].pk}"' in html
    assert "There are newer messages. Go to the latest" in html
    assert f"?from={made[35].pk}&to={made[85].pk}" in html, "fetched again, it shows the same"
    assert 'data-unread="0"' in html and "unread-break" not in html, "what is unread is not on the screen"


def test_from_there_one_reads_on_in_both_directions(as_bob: Client, long: tuple[Conversation, list[Message]]) -> None:
    conversation, made = long
    html = part(as_bob, conversation, f"?at={made[60].pk}")
    html = part(as_bob, conversation, address(html, "thread-older"))
    assert shown(html) == ("000", "085") and "thread-older" not in html
    for last in ("135", "185", "199"):
        assert "data-thread-end" in html
        html = part(as_bob, conversation, address(html, "thread-newer"))
        assert shown(html) == ("000", last)
    assert "data-thread-end" not in html and "thread-newer" not in html and "&to=" not in html
    assert 'data-unread="1"' in html


def test_another_list_beside_it_keeps_its_place_in_the_address(as_bob: Client, long: tuple[Conversation, list[Message]]) -> None:
    conversation, made = long
    path = f"/desktop/{conversation.pk}/"

    def replaced(here: str) -> str:
        headers = {**HTMX, "HX-Source": "a#view-mine", "HX-Current-URL": f"http://acme.localhost{here}"}
        return as_bob.get("/desktop/list?view=mine", headers=headers)["HX-Replace-Url"]

    assert replaced(f"{path}?view=all&q=parcel&at={made[60].pk}") == f"{path}?view=mine&at={made[60].pk}"
    assert replaced(f"{path}?view=all") == f"{path}?view=mine"
    assert replaced(f"/desktop/?view=all&at={made[60].pk}") == "/desktop/?view=mine", "nothing is open"


def test_in_a_conversation_that_became_part_of_another_it_is_the_same_place(
    as_bob: Client, long: tuple[Conversation, list[Message]], acme: Tenant
) -> None:
    conversation, made = long
    with tenant_context(acme):
        gone = JoinedConversation.objects.create(pk=uuid7(), into=conversation)
    place = f"?view=all&q=parcel&at={made[60].pk}"
    there = f"/desktop/{conversation.pk}/{place}"
    assert as_bob.get(f"/desktop/{gone.pk}/{place}")["Location"] == there
    open_there = {**HTMX, "HX-Current-URL": f"http://acme.localhost/desktop/{gone.pk}/{place}"}
    assert as_bob.get(f"/desktop/{gone.pk}/?from={made[35].pk}", headers=open_there)["HX-Redirect"] == there
    elsewhere = {**HTMX, "HX-Current-URL": "http://acme.localhost/desktop/?view=mine"}
    assert as_bob.get(f"/desktop/{gone.pk}/{place}", headers=elsewhere)["HX-Redirect"] == there, "chosen in a list of before"


def test_where_reading_goes_on_stays_marked_while_older_messages_come(
    as_bob: Client, long: tuple[Conversation, list[Message]], acme: Tenant
) -> None:
    conversation, _ = long
    with tenant_context(acme):
        Conversation.objects.filter(pk=conversation.pk).update(unread=5)
    html = part(as_bob, conversation)
    assert "unread-break" in html
    as_bob.post(f"/desktop/{conversation.pk}/read")
    html = part(as_bob, conversation, address(html, "thread-older"))
    assert shown(html) == ("100", "199") and "unread-break" in html


def test_at_either_end_there_is_nothing_more(as_bob: Client, long: tuple[Conversation, list[Message]]) -> None:
    conversation, made = long
    html = part(as_bob, conversation, f"?at={made[0].pk}")
    assert shown(html) == ("000", "025") and "thread-older" not in html and "data-thread-end" in html
    for recent in (made[150], made[199]):
        html = part(as_bob, conversation, f"?at={recent.pk}")
        assert shown(html) == ("150", "199") and "data-thread-end" not in html, "the page that is loaded first has it"
        assert f'data-at="message-{recent.pk}"' in html


def test_what_happened_later_does_not_stand_below_the_stretch(
    as_bob: Client, long: tuple[Conversation, list[Message]], acme: Tenant
) -> None:
    conversation, made = long
    assert as_bob.post(f"/desktop/{conversation.pk}/claim", headers=HTMX).status_code == 204
    assert "took over from the AI agent" not in part(as_bob, conversation, f"?at={made[60].pk}")
    assert "took over from the AI agent" in part(as_bob, conversation)


def test_a_message_that_is_not_in_it_changes_nothing(
    as_bob: Client, long: tuple[Conversation, list[Message]], acme: Tenant
) -> None:
    conversation, made = long
    with tenant_context(acme):
        other = hears(chat("Somebody Else"), "Something else")
    for query in (f"?at={other.pk}", "?at=nonsense", f"?from={other.pk}&to={other.pk}", f"?from={made[90].pk}&to={made[80].pk}"):
        html = part(as_bob, conversation, query)
        assert shown(html) == ("150", "199") and "data-thread-end" not in html and "Something else" not in html, query
