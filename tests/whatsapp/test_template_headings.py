"""Templates that begin with a picture, a video or a PDF: chosen at the desk, or linked to by a program."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from apps.desktop.channels import channel_for
from apps.desktop.errors import DeskError
from apps.desktop.models import Attachment, Conversation, Message
from apps.tenants.models import User
from apps.whatsapp.models import Template
from tests.whatsapp.meta import WABA, Graph, work

pytestmark = pytest.mark.django_db
Clients = Callable[[User | None, str], Client]
MB = 1024 * 1024


def template(kind: str, **more: Any) -> Template:
    components = [{"type": "HEADER", "format": kind}, {"type": "BODY", "text": "Spring is here, {{1}}."}]
    values = {"waba_id": WABA, "name": "spring", "language": "en", "status": "APPROVED", "components": components, **more}
    return Template.objects.create(**values)


def send(client: Client, conversation: Conversation, **files: Any) -> Any:
    given = {"name": "spring", "language": "en", "variable-0": "Ann", **files}
    return client.post(f"/desktop/{conversation.pk}/template", given, headers={"hx-request": "true"})


def told(answer: Any) -> str:
    return str(json.loads(answer.headers["HX-Trigger"])["toast"]["text"])


@pytest.mark.parametrize(
    ("kind", "name", "mime", "named"),
    [
        ("IMAGE", "spring.png", "image/png", {}),
        ("VIDEO", "spring.mp4", "video/mp4", {}),
        ("DOCUMENT", "spring.pdf", "application/pdf", {"filename": "spring.pdf"}),
    ],
)
def test_the_file_goes_up_and_stands_in_the_heading(
    held: Conversation, graph: Graph, client_for: Clients, bob: User, kind: str, name: str, mime: str, named: dict[str, str]
) -> None:
    template(kind)
    client = client_for(bob, "acme")
    offered = client.get(f"/desktop/{held.pk}/templates").content.decode()
    assert 'name="heading"' in offered and mime in offered and "multipart/form-data" in offered
    assert told(send(client, held, heading=SimpleUploadedFile(name, b"bytes", mime))) == "Template sent."
    work()
    part = kind.lower()
    assert graph.uploads == [b"bytes"]
    assert graph.sent[0]["template"]["components"] == [
        {"type": "header", "parameters": [{"type": part, part: {"id": "media-1", **named}}]},
        {"type": "body", "parameters": [{"type": "text", "text": "Ann"}]},
    ]
    message = Message.objects.get(author="person")
    assert (message.kind, message.status, message.text) == ("template", "sent", "Spring is here, Ann.")
    page = client.get(f"/desktop/{held.pk}/").content.decode()
    assert f"/desktop/attachments/{message.attachments.get().pk}" in page


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        (None, "Choose the file that stands in the heading of this template."),
        (SimpleUploadedFile("a.pdf", b"pdf", "application/pdf"), "The heading of this template takes another type of file."),
        (SimpleUploadedFile("a.png", bytes(5 * MB + 1), "image/png"), "That file is over 5 MB."),
    ],
)
def test_what_cannot_stand_there_is_told_and_nothing_is_kept(
    held: Conversation, graph: Graph, client_for: Clients, bob: User, file: Any, sentence: str
) -> None:
    template("IMAGE")
    assert told(send(client_for(bob, "acme"), held, **({"heading": file} if file else {}))).startswith(sentence)
    assert not Attachment.objects.exists() and not Message.objects.filter(author="person").exists()


def test_a_program_names_a_link(write: Any, graph: Graph) -> None:
    template("IMAGE")
    given = {"name": "spring", "language": "en", "variables": ["Ann"]}
    write("Spring", kind="template", payload={**given, "heading_link": "https://example.com/spring.jpg"})
    work()
    assert graph.sent[0]["template"]["components"][0] == {
        "type": "header", "parameters": [{"type": "image", "image": {"link": "https://example.com/spring.jpg"}}]
    }  # fmt: skip
    for payload in (given, {**given, "heading_link": "http://example.com/spring.jpg"}):
        with pytest.raises(DeskError, match="Attach one, or say `heading_link`, over https"):
            write("Spring", kind="template", payload=payload)


def test_a_file_for_a_template_without_one_is_refused(
    held: Conversation, write: Any, graph: Graph, client_for: Clients, bob: User
) -> None:
    template("TEXT", components=[{"type": "BODY", "text": "Hello"}])
    file = SimpleUploadedFile("a.png", b"png", "image/png")
    kept = client_for(bob, "acme").post("/desktop/attachments", {"file": file}).json()
    with pytest.raises(DeskError, match="no file in its heading"):
        write("Hello", kind="template", payload={"name": "spring", "language": "en"}, attachment_ids=[kept["id"]])


def test_a_place_in_the_heading_is_not_offered(held: Conversation) -> None:
    template("LOCATION")
    assert channel_for("whatsapp").templates(held) == []


def test_the_page_knows_before_the_upload_what_whatsapp_takes(held: Conversation, client_for: Clients, bob: User) -> None:
    page = client_for(bob, "acme").get(f"/desktop/{held.pk}/").content.decode()
    assert f"&quot;image/png&quot;: {5 * MB}" in page and f"&quot;application/pdf&quot;: {100 * MB}" in page
