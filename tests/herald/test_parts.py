"""The parts of a turn that need no database: phrases, cutting, Markdown, and what a model reads of each type."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.herald.conversation import HISTORY_CHARACTERS, prompt_of
from apps.herald.handoff import phrase_in
from apps.herald.payloads import TurnMessage, TurnRequest
from apps.herald.rendering import message_text
from apps.herald.texts import LONGEST, messages_of, whatsapp_text


@pytest.mark.parametrize(
    ("text", "phrases", "found"),
    [
        ("I want a human!", ["human"], "human"),
        ("HUMAN", ["human"], "human"),
        ("humanity", ["human"], None),
        ("inhuman", ["human"], None),
        ("a human_being", ["human"], None),
        ("real\n  person please", ["agent", "Real Person"], "Real Person"),
        ("unreal person", ["real person"], None),
        ("STRASSE", ["straße"], "straße"),
        ("je veux parler à quelqu’un", ["parler à quelqu'un"], "parler à quelqu'un"),
        ("人間と話したい", ["人間"], "人間"),
        ("상담원이랑 연결해 주세요", ["상담원"], "상담원"),
        ("a+b", ["a+b"], "a+b"),
        ("aab", ["a+b"], None),
        ("", ["human"], None),
        ("human", [], None),
        ("human", [" "], None),
    ],
)
def test_phrases(text: str, phrases: list[str], found: str | None) -> None:
    assert phrase_in([text], phrases) == found


def test_short_answers_are_one_message() -> None:
    assert messages_of("  One.\n\nTwo.  ") == ["One.\n\nTwo."]
    assert messages_of(" \n ") == []


@pytest.mark.parametrize("glue", ["\n\n", "\n", ". ", " ", ""])
def test_long_answers_are_cut_where_it_hurts_least(glue: str) -> None:
    parts = [f"{number:03}" + "x" * 96 for number in range(120)]
    messages = messages_of(glue.join(parts))
    assert max(map(len, messages)) <= LONGEST
    assert len(messages) <= 4
    if glue:
        assert all(message.rstrip(".")[-99:] in parts and message[:99] in parts for message in messages)


@given(st.text(alphabet=st.sampled_from("ab .!\n"), max_size=400), st.integers(1, 40))
def test_no_word_is_lost_or_moved(text: str, longest: int) -> None:
    messages = messages_of(text, longest)
    assert "".join("".join(messages).split()) == "".join(whatsapp_text(text).split())
    assert all(0 < len(message) <= longest for message in messages)


@pytest.mark.parametrize(
    ("markdown", "plain"),
    [
        ("**bold** and __bold__", "*bold* and *bold*"),
        ("## Hours\nNine to five", "*Hours*\nNine to five"),
        ("* one\n+ two\n- three", "- one\n- two\n- three"),
        ("[our shop](https://acme.test/x)", "our shop (https://acme.test/x)"),
        ("~~old~~ new", "~old~ new"),
        ("`a ** b ** c`", "`a ** b ** c`"),
        ("```\n# code **x**\n```", "```\n# code **x**\n```"),
        ("2 ** 3 ** 4", "2 ** 3 ** 4"),
        ("*already* _fine_", "*already* _fine_"),
    ],
)
def test_markdown(markdown: str, plain: str) -> None:
    assert whatsapp_text(markdown) == plain


def rendered(kind: str, text: str = "", **more: Any) -> str:
    return message_text(TurnMessage.model_validate({"id": "1", "type": kind, "text": text, **more}))


PLACE = {"latitude": 52.5, "longitude": 13.4, "name": "Shop", "address": "Main 12"}
CARD = {"name": {"formatted_name": "Jo Doe"}, "phones": [{"phone": "+1555"}], "emails": [{"email": "jo@acme.test"}]}
ITEM = {"product_retailer_id": "sofa-1", "quantity": 2, "item_price": 99.5, "currency": "USD"}


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (rendered("text", " Hello "), "Hello"),
        (rendered("text"), "(The contact sent an empty message.)"),
        (rendered("button", "Yes"), "Yes"),
        (rendered("interactive", "Delivery"), "Delivery"),
        (rendered("image"), "(The contact sent an image.)"),
        (rendered("image", "Is this broken?"), "(The contact sent an image: Is this broken?)"),
        (rendered("document", attachments=[{"name": "bill.pdf"}]), "(The contact sent a document named bill.pdf.)"),
        (rendered("video"), "(The contact sent a video.)"),
        (rendered("sticker"), "(The contact sent a sticker.)"),
        (rendered("audio", attachments=[{"transcript": "Call me."}]), "Call me."),
        (rendered("voice", "Call me."), "Call me."),
        (rendered("audio"), "(The contact sent a voice message that could not be understood.)"),
        (
            rendered("location", "Shop, Main 12", payload=PLACE),
            "(The contact sent a location: Shop, Main 12; latitude 52.5, longitude 13.4.)",
        ),
        (rendered("location", "1, 2"), "(The contact sent a location: 1, 2.)"),
        (
            rendered("contacts", "Jo Doe", payload={"contacts": [CARD]}),
            "(The contact sent contact details: Jo Doe, +1555, jo@acme.test.)",
        ),
        (rendered("contacts", "Jo Doe"), "(The contact sent contact details: Jo Doe.)"),
        (rendered("reaction", payload={"emoji": "👍"}), "(The contact reacted with 👍.)"),
        (rendered("reaction", "👍"), "(The contact reacted with 👍.)"),
        (rendered("reaction"), "(The contact took a reaction back.)"),
        (
            rendered("order", "Soon\n2 × sofa-1", payload={"text": "Soon", "product_items": [ITEM]}),
            "(The contact sent an order: 2 x sofa-1 at 99.5 USD. Note: Soon)",
        ),
        (rendered("order", "2 × sofa-1"), "(The contact sent an order: 2 × sofa-1.)"),
        (rendered("system", "Jo changed numbers"), "(WhatsApp says: Jo changed numbers.)"),
        (rendered("system", payload={"body": "Jo changed"}), "(WhatsApp says: Jo changed.)"),
        (rendered("unsupported"), "(The contact sent something that cannot be shown here: unsupported.)"),
        (rendered("poll", "Red or blue?"), "Red or blue?"),
    ],
)
def test_what_a_model_reads(seen: str, expected: str) -> None:
    assert seen == expected


NOISE = st.sampled_from([None, 7, "text", [], [7], ["text"], [{}], {}, {"formatted_name": 7}])
KINDS = st.sampled_from(["location", "contacts", "reaction", "order", "system", "image", "audio", "poll"])
KEYS = st.sampled_from(["name", "phones", "emails", "product_items", "contacts", "location", "order", "latitude", "text"])


@given(KINDS, st.dictionaries(KEYS, NOISE | st.lists(st.dictionaries(KEYS, NOISE, max_size=3), max_size=2)))
def test_no_payload_breaks_it(kind: str, payload: dict[str, Any]) -> None:
    assert rendered(kind, payload=payload)


def test_only_the_newest_history_that_fits_is_told() -> None:
    half = "x" * (HISTORY_CHARACTERS // 2)
    turn = TurnRequest.model_validate(
        {
            "turn_id": "0198c0de-0000-7000-8000-000000000001",
            "conversation_id": "0198c0de-0000-7000-8000-000000000002",
            "agent_id": "0198c0de-0000-7000-8000-000000000003",
            "messages": [{"id": "1", "text": "Now"}],
            "history": [{"role": "contact", "text": text} for text in ("oldest", half, half)],
            "reply_url": "http://localhost/reply",
        }
    )
    config = {"name": "Reception", "prompt": {"system": ""}}
    assert [item["content"] for item in prompt_of(config, turn)][1:] == [half, half, "Now"]
