"""What Meta may send one day, or without what belongs to it: the desktop shows a sentence for it, and never an empty bubble."""

import json
from typing import Any

import pytest
from django.template.loader import render_to_string
from django.test import Client

from apps.desktop.effects import _notice
from apps.desktop.models import Message
from apps.desktop.selectors.histories import timeline_of
from apps.desktop.views.content import Content, content_of
from apps.tenants.models import User
from tests.whatsapp.meta import deliver, fresh, recorded, work

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("team_number", "graph")]
PHONE_CALL = {"type": "call_permission_reply", "call_permission_reply": {"response": "accept", "response_source": "user_action"}}
FORM = {"flow_token": "t", "first_name": "Ana", "sizes": ["S", "M"]}


def shown(payload: dict[str, Any]) -> Content:
    """As what the desktop shows the one message that came."""
    deliver(payload)
    work()
    return content_of(Message.objects.get())


def words(content: Content) -> str:
    cards = "".join(render_to_string("components/card.html", {"card": card}) for card in content.cards)
    return f"{content.label} {content.text} {cards}"


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        ({"type": "poll", "poll": {"question": {"x": 1}}}, "cannot be shown here"),
        ({"type": "request_welcome"}, "cannot be shown here"),
        ({"type": "unsupported", "errors": [{"code": 131051}]}, "cannot be shown here"),
        ({"type": None}, "cannot be shown here"),
        ({"type": "a_type_whose_name_is_longer_than_a_column"}, "cannot be shown here"),
        ({"type": "interactive", "interactive": {"type": "new_reply", "new_reply": {"id": "1"}}}, "cannot be shown here"),
        ({"type": "interactive", "interactive": None}, "cannot be shown here"),
        ({"type": "button", "button": {}}, "cannot be shown here"),
        ({"type": "contacts", "contacts": []}, "cannot be shown here"),
        ({"type": "location", "location": {}}, "cannot be shown here"),
        ({"type": "text", "text": {"body": " \n"}}, "came without words"),
        ({"type": "image", "image": {"mime_type": "image/jpeg"}}, "file did not come along"),
        ({"type": "audio"}, "file did not come along"),
        ({"type": "interactive", "interactive": PHONE_CALL}, "You may call me on WhatsApp"),
        ({"type": "order", "order": {"product_items": [{"quantity": None}]}}, "1 × Product without a number"),
        ({"type": "contacts", "contacts": [{"phones": [{"phone": "+493012345678"}]}]}, "+49 30 12345678"),
    ],
)
def test_nothing_is_an_empty_bubble(message: dict[str, Any], sentence: str) -> None:
    content = shown(fresh(**message))
    assert sentence in words(content)
    assert "None" not in words(content)


def test_what_was_filled_in_is_read() -> None:
    flow = {"type": "nfm_reply", "nfm_reply": {"name": "flow", "body": "Sent", "response_json": json.dumps(FORM)}}
    content = shown(fresh(type="interactive", interactive=flow))
    assert [card.lines for card in content.cards] == [(("first name", "Ana"), ("sizes", '["S", "M"]'))]


@pytest.mark.parametrize("given", ["not json", "[1]", None])
def test_a_form_that_cannot_be_read_says_what_came(given: Any) -> None:
    flow = {"type": "nfm_reply", "nfm_reply": {"body": "Sent", "response_json": given}}
    assert "Sent" in shown(fresh(type="interactive", interactive=flow)).text


def test_an_order_lists_its_items_once() -> None:
    item = {"product_retailer_id": "LAMP", "quantity": 2, "item_price": 5, "currency": "EUR"}
    assert words(shown(fresh(type="order", order={"product_items": [item]}))).count("LAMP") == 1


def test_an_advertisement_and_a_product_are_named() -> None:
    content = shown(recorded("text_referral"))
    assert (content.text, content.cards[0].href) == ("Hi, I saw your ad.", "https://fb.me/3cr4Wqqkv")
    assert "Our new succulents are here!" in words(content)
    Message.objects.all().delete()
    assert "di9ozbzfi4" in words(shown(recorded("text_product_question")))


def test_an_address_that_is_none_is_no_link() -> None:
    ad = {"source_url": "javascript:alert(1)", "headline": "Lamps"}
    assert [(card.href, card.link) for card in shown(fresh(referral=ad)).cards] == [("", "")]


def test_a_very_long_message_is_kept_whole() -> None:
    text = "word " * 13_000
    deliver(fresh(type="text", text={"body": text}))
    work()
    assert Message.objects.get().text == text


def test_a_message_without_words_is_called_by_its_kind(client: Client, bob: User) -> None:
    deliver(recorded("voice"))
    work()
    conversation = Message.objects.get().conversation
    client.force_login(bob)
    notice = client.get(f"/desktop/{conversation.pk}/notice", headers={"host": "acme.localhost"}).json()
    assert notice["body"] == "Voice message"
    assert [item.title for item in timeline_of(conversation.contact)] == ["Voice message"]
    assert _notice(conversation)["body"] == "Voice message"
