"""The desktop's pages without a browser: what they show, to whom, and what each action leaves behind."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from django_tenants.utils import tenant_context

from apps.desktop.models import Attachment, Colleague, Conversation, Message, PushSubscription
from apps.desktop.services.conversations import conversation_claim
from apps.desktop.services.messages import message_failed, message_reaction_set, message_send, message_status_set, note_add
from apps.tenants.models import Membership, Role, Tenant, User
from tests.pages.desk import PNG, Desk, DeskChannel, chat, desk_channel, desk_make, file_of, hears, part, says

ClientFor = Callable[[User | None, str], Client]
NOWHERE = "01a20e90-2a8c-7216-868d-0fdf7e6f836a"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def channel() -> Iterator[DeskChannel]:
    with desk_channel() as stand_in:
        yield stand_in


@pytest.fixture
def desk(acme: Tenant, alice: User, bob: User, channel: DeskChannel) -> Iterator[Desk]:
    """Made in acme; the test itself goes on outside, as a request would."""
    with tenant_context(acme):
        made = desk_make(alice, bob)
    yield made


@pytest.fixture
def as_bob(client_for: ClientFor, bob: User) -> Client:
    return client_for(bob, "acme")


def page(client: Client, path: str, **headers: str) -> str:
    answer = client.get(path, headers=headers)
    assert answer.status_code == 200, answer.content[:300]
    return answer.content.decode()


def act(client: Client, conversation: Conversation, action: str, **values: Any) -> HttpResponse:
    return client.post(f"/desktop/{conversation.pk}/{action}", values, headers=HTMX)  # type: ignore[return-value]


def toast(answer: HttpResponse) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(answer.headers["HX-Trigger"])["toast"]
    return said


def fresh(acme: Tenant, conversation: Conversation) -> Conversation:
    with tenant_context(acme):
        return Conversation.objects.get(pk=conversation.pk)


def last_message(acme: Tenant, conversation: Conversation) -> Message:
    with tenant_context(acme):
        return Message.objects.filter(conversation=conversation).order_by("-created_at").select_related("reply_to")[0]


# Lists


def test_each_view_lists_its_own(as_bob: Client, desk: Desk) -> None:
    names = {"Maria Gonzales", "Tom Becker", "Aiko Tanaka"}
    for view, expected in {
        "mine": {"Tom Becker"},
        "unassigned": {"Maria Gonzales"},
        "all": names,
        "resolved": set(),
        "nonsense": {"Tom Becker"},
    }.items():
        html = page(as_bob, f"/desktop/?view={view}")
        assert {name for name in names if name in html} == expected, view


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("q=parcel", {"Maria Gonzales"}),
        ("q=tom", {"Tom Becker"}),
        ("team=support", {"Maria Gonzales"}),
        ("tag=vip", {"Tom Becker"}),
        ("channel=whatsapp", {"Maria Gonzales", "Tom Becker", "Aiko Tanaka"}),
        ("team=nonsense", {"Maria Gonzales", "Tom Becker", "Aiko Tanaka"}),
        ("q=nobody+like+this", set()),
    ],
)
def test_filters_and_search(as_bob: Client, desk: Desk, acme: Tenant, query: str, expected: set[str]) -> None:
    with tenant_context(acme):
        desk.mine.contact.tags = ["vip"]
        desk.mine.contact.save()
    html = page(as_bob, f"/desktop/?view=all&{query}")
    assert {name for name in ("Maria Gonzales", "Tom Becker", "Aiko Tanaka") if name in html} == expected


def test_only_the_list_when_htmx_asks_and_filters_go_to_the_address(as_bob: Client, desk: Desk) -> None:
    current = f"http://acme.localhost/desktop/{desk.mine.pk}/?view=mine"
    headers = {**HTMX, "HX-Current-URL": current, "HX-Source": "form#form-desk-filter"}
    answer = as_bob.get("/desktop/list?view=all&q=tom", headers=headers)
    html = answer.content.decode()
    assert "<html" not in html
    assert 'aria-current="true">Tom Becker' in html
    assert answer.headers["HX-Replace-Url"] == f"/desktop/{desk.mine.pk}/?view=all&q=tom"


def names_in(html: str, names: tuple[str, ...]) -> list[str]:
    return sorted((name for name in names if name in html), key=html.index)


def test_each_has_the_order_they_chose(
    as_bob: Client, client_for: ClientFor, alice: User, acme: Tenant, channel: DeskChannel
) -> None:
    with tenant_context(acme):
        for name, ago in (("Long Waiting", 900), ("Short Waiting", 60)):
            hears(chat(name, agent=False), ago=ago)
    both = ("Long Waiting", "Short Waiting")
    path = "/desktop/?view=unassigned"
    assert names_in(page(as_bob, path), both) == ["Long Waiting", "Short Waiting"]
    assert "Longest waiting first" in page(as_bob, path)
    answer = as_bob.post("/desktop/sort", {"view": "unassigned", "sort": "newest"}, headers=HTMX)
    assert json.loads(answer.headers["HX-Trigger"]) == {"changed": {}}
    assert names_in(page(as_bob, path), both) == ["Short Waiting", "Long Waiting"]
    assert names_in(page(client_for(alice, "acme"), path), both) == ["Long Waiting", "Short Waiting"]
    for wrong in ({"view": "unassigned", "sort": "x"}, {"view": "x", "sort": "newest"}, {}):
        assert as_bob.post("/desktop/sort", wrong, headers=HTMX).status_code == 422


def test_the_list_of_one_colleague_and_of_one_state(as_bob: Client, alice: User, bob: User, desk: Desk) -> None:
    names = ("Maria Gonzales", "Tom Becker", "Aiko Tanaka")
    for query, expected in {
        f"view=all&assignee={bob.pk}": ["Tom Becker"],
        f"view=all&assignee={alice.pk}": [],
        "view=all&status=pending": ["Aiko Tanaka"],
        "view=mine&status=snoozed": [],
        f"view=unassigned&assignee={bob.pk}&status=pending": ["Maria Gonzales"],
        "view=all&assignee=nonsense&status=resolved": list(names),
    }.items():
        assert sorted(names_in(page(as_bob, f"/desktop/?{query}"), names)) == sorted(expected), query
    assert "Who has it" not in page(as_bob, "/desktop/?view=mine")


def test_a_long_list_offers_more(as_bob: Client, acme: Tenant, channel: DeskChannel) -> None:
    with tenant_context(acme):
        for number in range(42):
            hears(chat(f"Person {number:02}", agent=False), "Hello", ago=1000 - number)
    html = page(as_bob, "/desktop/?view=unassigned")
    assert "Person 39" in html and "Person 40" not in html
    assert "limit=80" in html
    assert "Person 41" in page(as_bob, "/desktop/?view=unassigned&limit=80")


def test_what_happens_while_a_page_is_made_is_fetched_again(as_bob: Client, desk: Desk) -> None:
    html = page(as_bob, f"/desktop/{desk.mine.pk}/")
    assert html.count("data-event=") == 2
    assert 'data-live="desk"' in html and f'data-live="desk:{desk.mine.pk}"' in html


def test_the_list_asks_the_database_no_more_for_more_rows(
    as_bob: Client, acme: Tenant, channel: DeskChannel, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    with tenant_context(acme):
        for number in range(30):
            hears(chat(f"Person {number}", agent=False))
    with django_assert_max_num_queries(24):
        as_bob.get("/desktop/?view=unassigned")


# A conversation


def test_a_conversation_tells_who_said_what_and_what_happened(as_bob: Client, desk: Desk) -> None:
    html = page(as_bob, f"/desktop/{desk.waiting.pk}/")
    for words in (
        "my parcel is late",
        "Reception",
        "The AI agent handed over: Asked for a person",
        "Order A-4711 is late",
        "Why it was handed over",
        "Claim this conversation to reply",
        "Today",
    ):
        assert words in html, words
    assert "<strong>delivery</strong>" in page(as_bob, f"/desktop/{desk.mine.pk}/")
    begun = page(as_bob, f"/desktop/{desk.with_ai.pk}/")
    assert begun.index("The conversation began") < begun.index('id="message-'), "before the message that began it"


def test_messages_of_every_kind(as_bob: Client, desk: Desk, acme: Tenant) -> None:
    with tenant_context(acme):
        file_of(hears(desk.mine, "Look", kind="image", attachments=part("image/png")), "lamp.png", "image/png", PNG)
        voice = file_of(hears(desk.mine, "", kind="audio", attachments=part("audio/ogg")), "v.ogg", "audio/ogg", b"OggS")
        voice.attachments.update(transcript="It fell down")
        hears(desk.mine, "", kind="document", attachments=part("application/pdf"))
        place = {"latitude": 52.52, "longitude": 13.405, "name": "Reichstag"}
        hears(desk.mine, "Reichstag", kind="location", payload=place)
        person = {"name": {"formatted_name": "Ana Silva"}, "phones": [{"phone": "+493012345678"}]}
        hears(desk.mine, "Ana Silva", kind="contacts", payload={"contacts": [person]})
        chosen = {"type": "button_reply", "button_reply": {"id": "1", "title": "Yes, please"}}
        hears(desk.mine, "Yes, please", kind="interactive", payload=chosen)
        item = {"product_retailer_id": "LAMP", "quantity": 2, "item_price": 5, "currency": "EUR"}
        hears(desk.mine, "", kind="order", payload={"product_items": [item]})
        hears(desk.mine, "", kind="unsupported", payload={"errors": [{"code": 131051}]})
        hears(desk.mine, "odd", kind="something_new", payload={"content": [1, None]})
    html = page(as_bob, f"/desktop/{desk.mine.pk}/")
    for words in (
        "data-lightbox",
        "<audio",
        "It fell down",
        "Being fetched",
        "openstreetmap.org/?mlat=52.52",
        "+49 30 12345678",
        "Chose",
        "2 × LAMP",
        "€5.00",
        "cannot be shown here",
        "odd",
    ):
        assert words in html, words


def test_replies_reactions_and_how_far_a_message_has_come(as_bob: Client, desk: Desk, acme: Tenant, bob: User) -> None:
    with tenant_context(acme):
        asked = hears(desk.mine, "Does it work?")
        answer = says(desk.mine, "It does", by=bob, reply_to_id=asked.pk)
        message_status_set(external_id=str(answer.external_id), status="read", at=timezone.now())
        message_reaction_set(external_id=str(answer.external_id), who="contact", emoji="👍")
        lost = says(desk.mine, "Good bye", by=bob)
        message_failed(message_id=lost.pk, code="131026", text="This number is not on WhatsApp.")
        note_add(conversation_id=desk.mine.pk, user_id=bob.pk, text="Be kind")
    html = page(as_bob, f"/desktop/{desk.mine.pk}/")
    for words in (
        f'href="#message-{asked.pk}"',
        "tick-read",
        "👍",
        "This number is not on WhatsApp.",
        "131026",
        "said-note",
        "Be kind",
    ):
        assert words in html, words


def test_older_messages_come_on_demand_and_stay(as_bob: Client, acme: Tenant, channel: DeskChannel) -> None:
    with tenant_context(acme):
        conversation = chat()
        made = [hears(conversation, f"Message {number:03}", ago=1000 - number) for number in range(120)]
    html = page(as_bob, f"/desktop/{conversation.pk}/")
    assert "Message 070" in html and "Message 069" not in html
    assert f"?from={made[70].pk}" in html and f"?from={made[20].pk}" in html
    more = page(as_bob, f"/desktop/{conversation.pk}/?from={made[20].pk}", **HTMX)
    assert "Message 020" in more and "Message 119" in more and "Message 019" not in more
    assert page(as_bob, f"/desktop/{conversation.pk}/?from=nonsense")


def test_what_contacts_write_cannot_become_markup(as_bob: Client, acme: Tenant, channel: DeskChannel) -> None:
    with tenant_context(acme):
        conversation = chat("<img src=x>")
        hears(conversation, '<script>alert(1)</script> *<b>* https://a.test/"><script>x</script> javascript:alert(1)')
        hears(conversation, "", kind="contacts", payload={"contacts": [{"name": {"formatted_name": "<b>bold</b>"}}]})
        bad = {"latitude": "<b>", "longitude": 2, "name": "<i>"}
        hears(conversation, "", kind="location", payload=bad)
    html = page(as_bob, f"/desktop/{conversation.pk}/?view=all")
    for mark in ("<script>alert", "<img src=x>", "<b>bold", "<i>", 'href="javascript'):
        assert mark not in html, mark


def test_where_reading_goes_on_stays_marked(as_bob: Client, desk: Desk, acme: Tenant) -> None:
    html = page(as_bob, f"/desktop/{desk.waiting.pk}/")
    assert html.count("unread-break") == 1
    address = next(part for part in html.split('"') if part.startswith(f"/desktop/{desk.waiting.pk}/?from="))
    act(as_bob, desk.waiting, "read")
    assert "unread-break" in page(as_bob, address.replace("&amp;", "&"), **HTMX)
    assert "unread-break" not in page(as_bob, f"/desktop/{desk.waiting.pk}/")


def last_lines(html: str) -> list[str]:
    """What the list shows of each conversation."""
    return re.findall(r'class="chat-text"[^>]*>(.*?)</span>', html)


def test_a_message_without_words_is_called_by_its_kind(as_bob: Client, desk: Desk, acme: Tenant) -> None:
    with tenant_context(acme):
        hears(desk.mine, "", kind="audio", attachments=part("audio/ogg"))
    assert "Voice message" in last_lines(page(as_bob, "/desktop/?view=mine"))


def test_the_service_worker_is_served_at_the_root(as_bob: Client, tmp_path: Any, settings: Any) -> None:
    (tmp_path / "ui").mkdir()
    (tmp_path / "ui" / "sw.js").write_text("// worker")
    settings.STATICFILES_DIRS = [tmp_path]
    finders.get_finder.cache_clear()
    answer = as_bob.get("/sw.js")
    finders.get_finder.cache_clear()
    assert (answer.content, answer.headers["Content-Type"]) == (b"// worker", "text/javascript; charset=utf-8")


def test_reading_marks_as_read(as_bob: Client, desk: Desk, acme: Tenant, channel: DeskChannel) -> None:
    assert act(as_bob, desk.waiting, "read").status_code == 204
    assert fresh(acme, desk.waiting).unread == 0
    assert [row.pk for row in channel.reads] == [desk.waiting.pk]


# Actions


def test_the_list_tells_who_said_the_last_line(as_bob: Client, desk: Desk, acme: Tenant, alice: User, bob: User) -> None:
    with tenant_context(acme):
        hers = conversation_claim(conversation_id=desk.waiting.pk, user_id=alice.pk)
        message_send(conversation=desk.mine, author="person", user_id=bob.pk, text="I will look")
        message_send(conversation=hers, author="person", user_id=alice.pk, text="Good morning")
        message_send(conversation=desk.with_ai, author="ai", text="We open at nine")
    html = page(as_bob, "/desktop/?view=all")
    for line in ("<bdi>You:</bdi> I will look", "<bdi>AI:</bdi> We open at nine", "<bdi>Alice:</bdi> Good morning"):
        assert line in html
    with tenant_context(acme):
        hears(desk.mine, "Thanks")
    assert "Thanks" in last_lines(page(as_bob, "/desktop/?view=all"))


def test_a_search_shows_where_the_words_are(as_bob: Client, desk: Desk, acme: Tenant, bob: User) -> None:
    with tenant_context(acme):
        message_send(
            conversation=desk.mine, author="person", user_id=bob.pk, text="For as long as I know, the invoice was\nsent twice"
        )
        hears(desk.mine, "Thanks")
    html = page(as_bob, "/desktop/?view=all&q=twice+inv")
    assert "<bdi>You:</bdi> … I know, the invoice was sent twice" in html
    assert "Thanks" in last_lines(page(as_bob, "/desktop/?view=all&q=Tom")), "by the name"


def test_claim_and_undo(as_bob: Client, desk: Desk, acme: Tenant, bob: User) -> None:
    said = toast(act(as_bob, desk.waiting, "claim"))
    assert said["text"] == "The conversation is yours."
    assert fresh(acme, desk.waiting).assignee_id == bob.pk
    assert as_bob.post(said["undo"], headers=HTMX).status_code == 204
    assert fresh(acme, desk.waiting).assignee_id is None


def test_who_comes_second_is_told_who_was_first(client_for: ClientFor, alice: User, desk: Desk, as_bob: Client) -> None:
    act(as_bob, desk.waiting, "claim")
    answer = act(client_for(alice, "acme"), desk.waiting, "claim")
    assert answer.status_code == 409
    assert toast(answer)["text"] == "Bob has claimed this conversation already."
    assert "changed" in json.loads(answer.headers["HX-Trigger"])


def test_take_over_from_the_ai_and_return(as_bob: Client, desk: Desk, acme: Tenant, channel: DeskChannel) -> None:
    assert "Take over" in page(as_bob, f"/desktop/{desk.with_ai.pk}/")
    said = toast(act(as_bob, desk.with_ai, "claim"))
    assert said["text"] == "You took over from the AI agent."
    assert fresh(acme, desk.with_ai).status == "open"
    assert toast(act(as_bob, desk.with_ai, "ai"))["text"] == "The AI agent answers again."
    assert fresh(acme, desk.with_ai).status == "pending"
    assert [row.pk for row in channel.returned] == [desk.with_ai.pk]


def test_assign_and_back(as_bob: Client, desk: Desk, acme: Tenant, alice: User, bob: User) -> None:
    said = toast(act(as_bob, desk.mine, "assign", assignee=str(alice.pk)))
    assert said["text"] == "Assigned to Alice."
    assert fresh(acme, desk.mine).assignee_id == alice.pk
    assert toast(as_bob.post(said["undo"], headers=HTMX))["text"] == "It is back where it was."
    assert fresh(acme, desk.mine).assignee_id == bob.pk
    again = as_bob.post(said["undo"], headers=HTMX)
    assert again.status_code == 409 and "Others have gone on" in toast(again)["text"]
    assert act(as_bob, desk.mine, "assign", assignee="nonsense").status_code == 422


def test_hand_to_a_team(as_bob: Client, desk: Desk, acme: Tenant) -> None:
    said = toast(act(as_bob, desk.mine, "team", team="support"))
    assert said["text"] == "Handed to Support."
    changed = fresh(acme, desk.mine)
    assert (changed.assignee_id, changed.status) == (None, "open")
    back = toast(as_bob.post(said["undo"], headers=HTMX))
    assert (back["text"], back["href"]) == ("It is back where it was.", f"/desktop/{desk.mine.pk}/")
    assert fresh(acme, desk.mine).assignee_id == desk.mine.assignee_id
    assert act(as_bob, desk.mine, "team", team="nowhere").status_code == 422


def test_snooze_until_and_undo(as_bob: Client, desk: Desk, acme: Tenant) -> None:
    until = timezone.now() + timedelta(hours=3)
    said = toast(act(as_bob, desk.mine, "snooze", until=until.isoformat()))
    assert (said["text"], said["at"]) == ("Snoozed until {at}.", until.isoformat())
    assert fresh(acme, desk.mine).snoozed_until == until
    as_bob.post(said["undo"], headers=HTMX)
    assert fresh(acme, desk.mine).status == "open"
    assert act(as_bob, desk.mine, "snooze", until="yesterday").status_code == 422
    assert act(as_bob, desk.mine, "snooze", until="2001-01-01T00:00").status_code == 422


def test_resolve_with_an_outcome_and_undo(as_bob: Client, desk: Desk, acme: Tenant, bob: User) -> None:
    said = toast(act(as_bob, desk.mine, "resolve", outcome="Solved"))
    assert (fresh(acme, desk.mine).status, fresh(acme, desk.mine).outcome) == ("resolved", "Solved")
    html = page(as_bob, f"/desktop/{desk.mine.pk}/?view=resolved")
    assert "You resolved it: Solved" in html and "Reopen" in html
    as_bob.post(said["undo"], headers=HTMX)
    assert (fresh(acme, desk.mine).status, fresh(acme, desk.mine).assignee_id) == ("open", bob.pk)


def test_reopen_and_undo(as_bob: Client, desk: Desk, acme: Tenant) -> None:
    assert "undo" in toast(act(as_bob, desk.mine, "resolve", outcome="Solved"))
    said = toast(act(as_bob, desk.mine, "reopen"))
    assert (said["text"], fresh(acme, desk.mine).status) == ("Open again.", "open")
    assert toast(act(as_bob, desk.mine, "reopen"))["undo"] == "", "it was open already"
    back = toast(as_bob.post(said["undo"], headers=HTMX))
    assert (back["text"], fresh(acme, desk.mine).status, fresh(acme, desk.mine).outcome) == (
        "It is back where it was.", "resolved", "Solved",
    )  # fmt: skip
    said = toast(act(as_bob, desk.mine, "reopen"))
    act(as_bob, desk.mine, "claim")
    late = as_bob.post(said["undo"], headers=HTMX)
    assert late.status_code == 409 and "Others have gone on" in toast(late)["text"]
    assert fresh(acme, desk.mine).status == "open"


def test_without_htmx_an_action_leads_back_to_the_page(as_bob: Client, desk: Desk) -> None:
    answer = as_bob.post(f"/desktop/{desk.waiting.pk}/claim")
    assert answer.status_code == 302
    assert "The conversation is yours." in page(as_bob, answer.headers["Location"])


# Writing


def test_only_who_holds_it_replies(client_for: ClientFor, as_bob: Client, alice: User, desk: Desk, acme: Tenant) -> None:
    answered = hears_in(acme, desk.mine, "And then?")
    assert act(as_bob, desk.mine, "reply", text="Then it arrives", reply_to=str(answered.pk)).status_code == 204
    sent = last_message(acme, desk.mine)
    assert (sent.text, sent.author, sent.reply_to) == ("Then it arrives", "person", answered)
    refused = act(client_for(alice, "acme"), desk.mine, "reply", text="Me too")
    assert refused.status_code == 409 and "Claim this conversation first" in toast(refused)["text"]
    assert act(as_bob, desk.mine, "reply", text="  ").status_code == 422
    assert act(as_bob, desk.mine, "reply", text="x" * 4097).status_code == 422
    assert act(as_bob, desk.mine, "reply", text="x", attachments="nonsense").status_code == 422


def hears_in(acme: Tenant, conversation: Conversation, text: str) -> Message:
    with tenant_context(acme):
        return hears(conversation, text)


def test_anybody_at_the_desk_adds_a_note(client_for: ClientFor, alice: User, desk: Desk, acme: Tenant) -> None:
    assert act(client_for(alice, "acme"), desk.mine, "note", text="Ask for the receipt").status_code == 204
    assert last_message(acme, desk.mine).private


def test_outside_the_window_only_a_template_goes(as_bob: Client, desk: Desk, acme: Tenant) -> None:
    with tenant_context(acme):
        Conversation.objects.filter(pk=desk.mine.pk).update(window_until=timezone.now() - timedelta(minutes=1))
    html = page(as_bob, f"/desktop/{desk.mine.pk}/")
    assert 'data-window="closed"' in html and "takes only a template now" in html
    assert act(as_bob, desk.mine, "reply", text="Too late").status_code == 409
    offered = page(as_bob, f"/desktop/{desk.mine.pk}/templates")
    assert "order_arrived" in offered and offered.count("your order {{2}} has arrived") == 2, "read before it is opened"
    wanted = {"name": "order_arrived", "language": "en", "variable-0": "Tom", "variable-1": "Tom", "variable-2": "A-4711"}
    assert act(as_bob, desk.mine, "template", **wanted).status_code == 204
    sent = last_message(acme, desk.mine)
    assert sent.text == "Hello Tom, your order A-4711 has arrived. Shall we talk about it?"
    assert sent.payload["variables"] == ["Tom", "Tom", "A-4711"] and sent.payload["header"] == "News for Tom"
    assert act(as_bob, desk.mine, "template", **{**wanted, "variable-2": " "}).status_code == 422
    assert act(as_bob, desk.mine, "template", name="gone", language="en").status_code == 422


def upload(client: Client, name: str, data: bytes, mime: str) -> dict[str, str]:
    answer = client.post("/desktop/attachments", {"file": SimpleUploadedFile(name, data, mime)})
    found: dict[str, str] = answer.json()
    return found


def test_files_are_uploaded_sent_and_served(client_for: ClientFor, as_bob: Client, alice: User, desk: Desk, acme: Tenant) -> None:
    picture, paper = upload(as_bob, "a.png", PNG, "image/png"), upload(as_bob, "b.html", b"<script>", "text/html")
    as_alice = client_for(alice, "acme")
    assert as_alice.get(picture["url"]).status_code == 404, "nobody else's until it is sent"
    ids = f"{picture['id']},{paper['id']}"
    assert act(as_bob, desk.mine, "reply", text="See here", attachments=ids).status_code == 204
    with tenant_context(acme):
        sent = list(Message.objects.filter(conversation=desk.mine, attachments__isnull=False).order_by("at", "id"))
    assert [(one.kind, one.text) for one in sent] == [("image", "See here"), ("document", "")]
    shown, kept = as_alice.get(picture["url"]), as_alice.get(paper["url"])
    assert shown.headers["Content-Disposition"].startswith("inline") and shown.headers["Content-Type"] == "image/png"
    assert kept.headers["Content-Disposition"].startswith("attachment")
    assert kept.headers["Content-Type"] == "application/octet-stream"
    for answer in (shown, kept):
        assert answer.headers["X-Content-Type-Options"] == "nosniff" and "sandbox" in answer.headers["Content-Security-Policy"]
    assert act(as_bob, desk.mine, "reply", text="again", attachments=ids).status_code == 422


def test_a_player_may_ask_for_a_part_of_a_file(as_bob: Client, desk: Desk) -> None:
    url = upload(as_bob, "a.mp3", b"0123456789", "audio/mpeg")["url"]
    for wanted, status, body in (
        ("bytes=2-4", 206, b"234"),
        ("bytes=7-", 206, b"789"),
        ("bytes=-3", 206, b"789"),
        ("bytes=5-99", 206, b"56789"),
        ("nonsense", 200, b"0123456789"),
        ("bytes=10-", 416, b""),
    ):
        answer = as_bob.get(url, headers={"Range": wanted})
        body_got = b"".join(answer.streaming_content) if answer.streaming else answer.content  # type: ignore[attr-defined]
        assert (answer.status_code, body_got) == (status, body), wanted


def test_an_empty_upload_says_what_to_do(as_bob: Client, desk: Desk) -> None:
    assert "empty" in upload(as_bob, "a.txt", b"", "text/plain")["error"]
    assert as_bob.post("/desktop/attachments").status_code == 422


# The contact


def test_the_contact_is_edited(as_bob: Client, desk: Desk, acme: Tenant) -> None:
    values = {"name": "Thomas Becker", "email": "tom@example.test", "fields_text": "Customer: 4711\n\nPlan: Gold: since 2021"}
    assert toast(act(as_bob, desk.mine, "contact", **values))["text"] == "Saved."
    contact = fresh(acme, desk.mine).contact_id
    with tenant_context(acme):
        changed = Conversation.objects.get(pk=desk.mine.pk).contact
    assert changed.pk == contact and changed.name == "Thomas Becker"
    assert changed.fields == {"Customer": "4711", "Plan": "Gold: since 2021"}
    assert act(as_bob, desk.mine, "contact", email="nonsense").status_code == 422
    assert "has no name" in toast(act(as_bob, desk.mine, "contact", fields_text="just words"))["text"]
    assert "Gold: since 2021" in page(as_bob, f"/desktop/{desk.mine.pk}/")


def test_tags_come_and_go(as_bob: Client, desk: Desk, acme: Tenant) -> None:
    for tag in ("vip", "vip", "late"):
        act(as_bob, desk.mine, "tags", tag=tag)
    act(as_bob, desk.mine, "untag", tag="vip")
    with tenant_context(acme):
        assert Conversation.objects.get(pk=desk.mine.pk).contact.tags == ["late"]
    assert act(as_bob, desk.mine, "tags", tag="x" * 41).status_code == 422


# A person's own settings


def test_presence_and_preferences(as_bob: Client, desk: Desk, acme: Tenant, bob: User) -> None:
    assert as_bob.post("/desktop/presence", {"presence": "busy"}, headers=HTMX).status_code == 204
    assert as_bob.post("/desktop/presence", {"presence": "asleep"}, headers=HTMX).status_code == 422
    as_bob.post("/desktop/preferences", {"notify_email": "on", "capacity": "5"}, headers=HTMX)
    assert as_bob.post("/desktop/preferences", {"capacity": "0"}, headers=HTMX).status_code == 422
    with tenant_context(acme):
        own = Colleague.objects.get(user_id=bob.pk)
    assert (own.presence, own.notify_desktop, own.notify_email, own.capacity) == ("busy", False, True, 5)
    assert "Busy" in page(as_bob, "/desktop/")


def test_a_browser_subscribes_to_push(as_bob: Client, desk: Desk, acme: Tenant, settings: Any) -> None:
    assert "data-push-on" not in page(as_bob, "/desktop/"), "no key, no push"
    settings.WEBPUSH_PUBLIC_KEY = "BPublicKey"
    assert 'data-push-key="BPublicKey"' in page(as_bob, "/desktop/")
    subscription = {"endpoint": "https://push.example.test/1", "keys": {"p256dh": "BKey", "auth": "secret"}}
    post = {"content_type": "application/json", "headers": HTMX}
    assert as_bob.post("/desktop/push", json.dumps(subscription), **post).status_code == 204
    with tenant_context(acme):
        assert PushSubscription.objects.get().endpoint == "https://push.example.test/1"
    assert as_bob.post("/desktop/push", json.dumps({**subscription, "off": True}), **post).status_code == 204
    with tenant_context(acme):
        assert not PushSubscription.objects.exists()
    for nonsense in ("nonsense", "[]", "{}", '{"endpoint": "https://a.test", "keys": 3}', "[" * 20_000, b"\xff"):
        assert as_bob.post("/desktop/push", nonsense, **post).status_code == 422, nonsense


def test_what_a_notification_says(as_bob: Client, desk: Desk) -> None:
    said = as_bob.get(f"/desktop/{desk.waiting.pk}/notice").json()
    assert said == {
        "title": "Maria Gonzales waits for an answer",
        "body": "Asked for a person",
        "url": f"/desktop/{desk.waiting.pk}/",
    }


# Who may come in

PAGES = ("/desktop/", "/desktop/list", "/desktop/{}/", "/desktop/{}/templates", "/desktop/{}/notice")
ACTIONS = ("read", "claim", "release", "assign", "team", "snooze", "resolve", "reopen", "ai")
ACTIONS += ("reply", "note", "template", "contact", "tags", "untag")
OWN = ("/desktop/presence", "/desktop/preferences", "/desktop/sort", "/desktop/push", "/desktop/attachments")


@pytest.mark.parametrize("role", [Role.OWNER, Role.ADMIN, Role.SUPERVISOR, Role.AGENT])
def test_who_works_at_the_desk_may_use_it(as_bob: Client, bob: User, desk: Desk, role: Role) -> None:
    Membership.objects.filter(user=bob).update(role=role)
    for path in PAGES:
        page(as_bob, path.format(desk.mine.pk))
    assert 'href="/desktop/"' in page(as_bob, "/")


def test_finance_may_not(as_bob: Client, bob: User, desk: Desk) -> None:
    Membership.objects.filter(user=bob).update(role=Role.FINANCE)
    for path in PAGES:
        assert as_bob.get(path.format(desk.mine.pk)).status_code == 403, path
    for action in ACTIONS:
        assert act(as_bob, desk.mine, action).status_code == 403, action
    for path in OWN:
        assert as_bob.post(path).status_code == 403, path
    assert 'href="/desktop/"' not in page(as_bob, "/")


def test_another_company_finds_nothing(client_for: ClientFor, charlie: User, desk: Desk, acme: Tenant) -> None:
    with tenant_context(acme):
        message = hears(desk.mine, "", kind="image", attachments=part("image/png"))
        file_of(message, "secret.png", "image/png", PNG)
        secret = Attachment.objects.get(message=message)
    version = fresh(acme, desk.mine).version
    for tenant in ("globex", "acme"):
        client = client_for(charlie, tenant)
        for path in ("/desktop/{}/", "/desktop/{}/templates", "/desktop/{}/notice"):
            assert client.get(path.format(desk.mine.pk)).status_code == 404, (tenant, path)
        for action in ACTIONS:
            assert act(client, desk.mine, action, assignee=str(charlie.pk), text="x").status_code in (404, 422), (tenant, action)
        assert client.get(f"/desktop/attachments/{secret.pk}").status_code == 404
    assert client_for(charlie, "acme").get("/desktop/").status_code == 404
    assert fresh(acme, desk.mine).version == version
    assert "Tom Becker" not in page(client_for(charlie, "globex"), "/desktop/?view=all")


def test_strangers_are_asked_to_log_in(client_for: ClientFor, acme: Tenant) -> None:
    for path in PAGES:
        answer = client_for(None, "acme").get(path.format(NOWHERE))
        assert (answer.status_code, answer.headers["Location"][:12]) == (302, "/login?next="), path


def test_actions_are_posted(as_bob: Client, desk: Desk) -> None:
    for action in ACTIONS:
        assert as_bob.get(f"/desktop/{desk.mine.pk}/{action}").status_code == 405, action


def test_no_conversation_of_that_id(as_bob: Client, acme: Tenant) -> None:
    assert as_bob.get(f"/desktop/{NOWHERE}/").status_code == 404
    assert as_bob.post(f"/desktop/{NOWHERE}/claim").status_code == 404


def test_a_company_nobody_has_written_to_is_told_where_to_begin(
    client_for: ClientFor, alice: User, bob: User, acme: Tenant
) -> None:
    for person, link in ((alice, True), (bob, False)):
        shown = page(client_for(person, "acme"), "/desktop/")
        assert "No conversations yet" in shown and "Nothing is yours" not in shown
        assert ("Connect a number" in shown) == link


def test_what_was_not_delivered_can_be_written_again_by_whoever_holds_it(
    as_bob: Client, client_for: ClientFor, alice: User, bob: User, desk: Desk, acme: Tenant
) -> None:
    with tenant_context(acme):
        lost = says(desk.mine, 'Say "hello" & go', by=bob)
        Message.objects.filter(pk=lost.pk).update(status="failed")
    words = 'data-write-again="Say &quot;hello&quot; &amp; go"'
    assert words in page(as_bob, f"/desktop/{desk.mine.pk}/")
    assert words not in page(client_for(alice, "acme"), f"/desktop/{desk.mine.pk}/")


# Once, and back again


def test_a_reply_that_is_posted_twice_is_sent_once(as_bob: Client, desk: Desk, acme: Tenant, channel: DeskChannel) -> None:
    with tenant_context(acme):
        before = len(channel.sent)
    values = {"text": "On its way", "request_id": "0d1c9c52-6a43-4c6f-9a55-2a9c8a0f6f11"}
    for _ in range(2):
        assert act(as_bob, desk.mine, "reply", **values).status_code == 204
    assert [message.text for message in channel.sent[before:]] == ["On its way"]
    assert f'data-request="{values["request_id"]}"' in page(as_bob, f"/desktop/{desk.mine.pk}/")
    assert act(as_bob, desk.mine, "reply", **{**values, "text": "Other words"}).status_code == 409
    assert act(as_bob, desk.mine, "reply", **{**values, "request_id": "nonsense"}).status_code == 422


def test_files_and_words_that_are_posted_twice_are_sent_once(
    as_bob: Client, desk: Desk, acme: Tenant, channel: DeskChannel
) -> None:
    kept = [
        as_bob.post("/desktop/attachments", {"file": SimpleUploadedFile(name, PNG, "image/png")}).json()["id"]
        for name in ("a.png", "b.png")
    ]
    before = len(channel.sent)
    values = {"text": "Two", "attachments": ",".join(kept), "request_id": "0d1c9c52-6a43-4c6f-9a55-2a9c8a0f6f12"}
    for _ in range(2):
        assert act(as_bob, desk.mine, "reply", **values).status_code == 204
    assert [message.kind for message in channel.sent[before:]] == ["image", "image"]


def test_notes_and_templates_that_are_posted_twice_are_there_once(
    as_bob: Client, desk: Desk, acme: Tenant, channel: DeskChannel
) -> None:
    template = {"name": "we_missed_you", "language": "en", "request_id": "0d1c9c52-6a43-4c6f-9a55-2a9c8a0f6f13"}
    note = {"text": "A kind man", "request_id": "0d1c9c52-6a43-4c6f-9a55-2a9c8a0f6f14"}
    for _ in range(2):
        assert act(as_bob, desk.mine, "template", **template).status_code == 204
        assert act(as_bob, desk.mine, "note", **note).status_code == 204
    with tenant_context(acme):
        kinds = Message.objects.filter(conversation=desk.mine, request_id__isnull=False).order_by("kind")
        assert list(kinds.values_list("kind", flat=True)) == ["note", "template"]


def test_undoing_a_resolve_from_another_conversation_links_back(as_bob: Client, desk: Desk, acme: Tenant) -> None:
    waited = fresh(acme, desk.mine).waiting_since
    undo = toast(act(as_bob, desk.mine, "resolve"))["undo"]
    elsewhere = {**HTMX, "HX-Current-URL": f"http://acme.localhost/desktop/{desk.waiting.pk}/"}
    said = toast(as_bob.post(undo, headers=elsewhere))  # type: ignore[arg-type]
    assert said["href"] == f"/desktop/{desk.mine.pk}/"
    back = fresh(acme, desk.mine)
    assert (back.status, back.assignee_id, back.waiting_since) == ("open", desk.mine.assignee_id, waited)
