"""Sending: every kind in the form in which Meta takes it, and what is refused before it goes."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.files.base import ContentFile
from django.utils import timezone

from apps.core.errors import PermanentError
from apps.core.models import OutboundEffect
from apps.desktop.channels import channel_for
from apps.desktop.errors import DeskError, WindowClosed
from apps.desktop.models import Conversation, Message
from apps.desktop.services.messages import attachment_upload
from apps.whatsapp.files import media_kind
from apps.whatsapp.models import Sending, Template
from apps.whatsapp.outgoing import text_parts
from apps.whatsapp.services import delivery
from apps.whatsapp.services.delivery import message_deliver
from tests.whatsapp.meta import USER_ID, WABA, Graph, outcome, work

pytestmark = pytest.mark.django_db


def upload(bob: Any, content: bytes, name: str, mime: str) -> Any:
    return attachment_upload(user_id=bob.pk, file=ContentFile(content), name=name, mime=mime).pk


def test_text(write: Any, graph: Graph) -> None:
    message = write("See https://example.com")
    work()
    (body,) = graph.sent
    assert body["text"] == {"body": "See https://example.com", "preview_url": True}
    assert (body["messaging_product"], body["recipient_type"], body["type"]) == ("whatsapp", "individual", "text")
    assert (body["recipient"], body.get("to")) == (USER_ID, None)
    assert body["biz_opaque_callback_data"] == str(message.pk)
    assert outcome(message) == ("sent", "")
    assert message.external_id == "wamid.ours1"
    assert ("POST", "/v26.0/106540352242922/messages") in graph.calls


def test_a_contact_without_user_id_is_written_to_by_number(write: Any, held: Conversation, graph: Graph) -> None:
    held.contact.identities.filter(kind="wa_user_id").delete()
    write("Hello")
    work()
    assert (graph.sent[0]["to"], graph.sent[0].get("recipient")) == ("16505551234", None)


def test_a_message_that_another_worker_has_just_sent_is_not_sent_again(
    write: Any, graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It looked the message up before the other one had ended, and got its turn right after."""
    message = write("Once.")
    work()
    found = iter([message.pk, None])
    monkeypatch.setattr(delivery, "message_next_pending", lambda _: next(found))
    message_deliver(str(message.pk))
    assert graph.texts == ["Once."]
    assert not Sending.objects.exists()


def test_reply_quotes(write: Any, graph: Graph) -> None:
    write("This one.", reply_to_id=Message.objects.get(external_id="wamid.theirs").pk)
    work()
    assert graph.sent[0]["context"] == {"message_id": "wamid.theirs"}


def test_reaction(write: Any, graph: Graph) -> None:
    theirs = Message.objects.get(external_id="wamid.theirs")
    write(kind="reaction", payload={"emoji": "👍"}, reply_to_id=theirs.pk)
    work()
    assert graph.sent[0]["reaction"] == {"message_id": "wamid.theirs", "emoji": "👍"}
    assert "context" not in graph.sent[0]


@pytest.mark.parametrize(
    ("mime", "name", "kind", "extra"),
    [
        ("image/jpeg", "box.jpg", "image", {"caption": "Look"}),
        ("video/mp4", "box.mp4", "video", {"caption": "Look"}),
        ("application/pdf", "terms.pdf", "document", {"caption": "Look", "filename": "terms.pdf"}),
        ("text/plain", "notes.txt", "document", {"caption": "Look", "filename": "notes.txt"}),
        ("audio/ogg", "note.ogg", "audio", {}),
        ("image/webp", "cat.webp", "sticker", {}),
    ],
)
def test_files(write: Any, bob: Any, graph: Graph, mime: str, name: str, kind: str, extra: Any) -> None:
    write("Look" if "caption" in extra else "", attachment_ids=[upload(bob, b"the bytes", name, mime)])
    work()
    assert graph.uploads == [b"the bytes"]
    assert (graph.sent[0]["type"], graph.sent[0][kind]) == (kind, {"id": "media-1", **extra})


@pytest.mark.parametrize(
    ("mime", "size", "words"),
    [
        ("image/png", 6 * 1024 * 1024, "up to 5 MB"),
        ("audio/mpeg", 17 * 1024 * 1024, "up to 16 MB"),
        ("image/webp", 600 * 1024, "up to 0.5 MB"),
        ("image/tiff", 10, "no files of the type image/tiff"),
    ],
)
def test_files_that_meta_does_not_take_are_refused(mime: str, size: int, words: str) -> None:
    with pytest.raises(PermanentError, match=words):
        media_kind(mime, size)


def test_interactive_buttons_and_list(write: Any, graph: Graph) -> None:
    buttons = {"type": "button", "action": {"buttons": [{"type": "reply", "reply": {"id": "yes", "title": "Yes"}}]}}
    write("Shall we?", kind="interactive", payload={"interactive": buttons})
    rows = {"type": "list", "action": {"button": "Choose", "sections": [{"rows": [{"id": "a", "title": "A"}]}]}}
    write("Which?", kind="interactive", payload={"interactive": rows})
    work()
    assert [body["interactive"] for body in graph.sent] == [
        {**buttons, "body": {"text": "Shall we?"}},
        {**rows, "body": {"text": "Which?"}},
    ]


def test_location(write: Any, graph: Graph) -> None:
    write(kind="location", payload={"location": {"latitude": 1.5, "longitude": 2.5, "name": "Office"}})
    work()
    assert graph.sent[0]["location"] == {"latitude": 1.5, "longitude": 2.5, "name": "Office"}


TEMPLATE = {
    "waba_id": WABA,
    "name": "order_ready",
    "language": "en_US",
    "status": "APPROVED",
    "components": [
        {"type": "HEADER", "format": "TEXT", "text": "Order {{1}}"},
        {"type": "BODY", "text": "Hello {{1}}, your order is ready until {{2}}."},
        {"type": "FOOTER", "text": "Thank you"},
        {"type": "BUTTONS", "buttons": [{"type": "URL", "text": "Track", "url": "https://example.com/{{1}}"}]},
    ],
}
VALUES = {"header.1": "77", "1": "Ann\n Lee", "2": "Friday", "button.0.1": "abc"}


def test_template_with_variables(write: Any, graph: Graph, held: Conversation) -> None:
    Template.objects.create(**TEMPLATE)
    (choice,) = channel_for("whatsapp").templates(held)
    assert (choice.name, choice.header, choice.footer, choice.buttons) == ("order_ready", "Order {{1}}", "Thank you", ["Track"])
    assert choice.variables == ["header.1", "1", "2", "button.0.1"]
    write("Hello…", kind="template", payload={"name": "order_ready", "language": "en_US", "variables": VALUES})
    write("Hello…", kind="template", payload={"template": {**TEMPLATE, "variables": list(VALUES.values())}})
    work()
    first, second = (body["template"] for body in graph.sent)
    assert first == second
    assert (first["name"], first["language"]["code"]) == ("order_ready", "en_US")
    assert first["components"] == [
        {"type": "header", "parameters": [{"type": "text", "text": "77"}]},
        {"type": "body", "parameters": [{"type": "text", "text": "Ann Lee"}, {"type": "text", "text": "Friday"}]},
        {"type": "button", "sub_type": "url", "index": "0", "parameters": [{"type": "text", "text": "abc"}]},
    ]


def test_named_variables_carry_their_names(write: Any, graph: Graph) -> None:
    Template.objects.create(**{**TEMPLATE, "components": [{"type": "BODY", "text": "Hello {{first_name}}!"}]})
    write("Hello", kind="template", payload={"name": "order_ready", "language": "en_US", "variables": {"first_name": "Ann"}})
    work()
    parameters = graph.sent[0]["template"]["components"][0]["parameters"]
    assert parameters == [{"type": "text", "parameter_name": "first_name", "text": "Ann"}]


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ({"name": "nothing", "language": "en_US"}, "There is no template “nothing”"),
        ({"name": "order_ready", "language": "de"}, "There is no template “order_ready” in the language de"),
        ({"name": "order_ready", "language": "en_US", "variables": {"1": "x"}}, "needs a value for header.1, 2, button.0.1"),
    ],
)
def test_a_template_that_cannot_go_is_refused_at_once(write: Any, template: Any, message: str) -> None:
    Template.objects.create(**TEMPLATE)
    with pytest.raises(DeskError, match=message):
        write("Hello", kind="template", payload=template)
    assert not Message.objects.filter(author="person").exists()


@pytest.mark.parametrize(
    "component", [{"type": "HEADER", "format": "LOCATION"}, {"type": "BUTTONS", "buttons": [{"type": "FLOW"}]}]
)
def test_templates_that_need_a_program_are_not_offered(held: Conversation, component: Any) -> None:
    Template.objects.create(**{**TEMPLATE, "components": [component, {"type": "BODY", "text": "Hi"}]})
    assert channel_for("whatsapp").templates(held) == []


def test_templates_of_another_account_or_not_approved_are_not_offered(held: Conversation) -> None:
    Template.objects.create(**{**TEMPLATE, "waba_id": "1"})
    Template.objects.create(**{**TEMPLATE, "status": "PAUSED"})
    assert channel_for("whatsapp").templates(held) == []


def test_outside_the_window_only_a_template_goes(write: Any, held: Conversation, graph: Graph) -> None:
    Template.objects.create(**{**TEMPLATE, "components": [{"type": "BODY", "text": "Hi"}]})
    with time_machine.travel(timezone.now() + timedelta(hours=24, seconds=1), tick=False):
        with pytest.raises(WindowClosed):
            write("Still there?")
        write("Hi", kind="template", payload={"name": "order_ready", "language": "en_US"})
        work()
    assert [body["type"] for body in graph.sent] == ["template"]
    assert "components" not in graph.sent[0]["template"]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"text": "x" * 4097}, "at most 4096 characters"),
        ({"kind": "hologram", "payload": {"a": 1}}, "type hologram cannot be sent"),
        ({"kind": "image", "payload": {"a": 1}}, "type image cannot be sent"),
        ({"kind": "interactive", "payload": {"type": "x"}}, "needs a type"),
        ({"kind": "location", "payload": {"latitude": 1}}, "needs latitude and longitude"),
        ({"kind": "reaction", "payload": {"emoji": "x"}}, "to react to is not on WhatsApp"),
    ],
)
def test_what_meta_would_refuse_is_refused_at_once(write: Any, more: Any, words: str) -> None:
    with pytest.raises(DeskError, match=words):
        write(**more)
    assert not OutboundEffect.objects.filter(kind="whatsapp.message").exists()


def test_two_files_and_text_with_a_voice_note_are_refused(write: Any, bob: Any) -> None:
    files = [upload(bob, b"x", "a.jpg", "image/jpeg"), upload(bob, b"x", "b.jpg", "image/jpeg")]
    with pytest.raises(DeskError, match="one file per message"):
        write(attachment_ids=files)
    with pytest.raises(DeskError, match="no text with this kind of file"):
        write("Listen", attachment_ids=[upload(bob, b"x", "a.ogg", "audio/ogg")])


def test_read_marks_the_latest_message_once(held: Conversation, graph: Graph) -> None:
    channel = channel_for("whatsapp")
    channel.read(held)
    channel.read(held)
    work()
    assert graph.marks == [{"messaging_product": "whatsapp", "status": "read", "message_id": "wamid.theirs"}]


def test_typing_of_a_person_is_shown(held: Conversation, graph: Graph, django_capture_on_commit_callbacks: Any) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        for _ in range(5):
            channel_for("whatsapp").typing(held)
    (mark,) = graph.marks
    assert mark["typing_indicator"] == {"type": "text"}


def test_no_number_and_no_text_is_logged(write: Any, graph: Graph, caplog: Any) -> None:
    caplog.set_level("DEBUG")
    write("a very secret text")
    work()
    for forbidden in ("a very secret text", "16505551234", USER_ID, "the-access-token"):
        assert forbidden not in caplog.text


def test_long_texts_are_cut_between_words() -> None:
    text = " ".join(f"word{n}" for n in range(3000))
    parts = text_parts(text)
    assert " ".join(parts) == text
    assert max(map(len, parts)) <= 4096
    assert text_parts("x" * 9000) == ["x" * 4096, "x" * 4096, "x" * 808]
    assert text_parts("  ") == []
