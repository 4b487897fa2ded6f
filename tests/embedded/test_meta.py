"""The pretend Meta, with pywa as its client and a webhook address that checks signatures as the product."""

import asyncio
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import httpx
import pytest
from pywa import WhatsApp
from pywa.errors import (
    ExpiredAccessToken,
    InvalidParameter,
    MessageUndeliverable,
    ReEngagementMessage,
    TooManyMessages,
    WhatsAppError,
)
from pywa.types import Button, Section, SectionList, SectionRow, URLButton
from pywa.types.templates import BaseParams, BodyText, HeaderImage, TemplateLanguage
from pywa.types.templates import URLButton as TemplateURLButton

from embedded.meta.deliveries import Deliveries
from embedded.meta.faults import Faults
from embedded.meta.journal import Journal
from embedded.meta.settings import Settings, businesses_read
from tests.embedded.product import Product
from tests.embedded.waiting import wait_until
from tests.standins.meta import ACCESS_TOKEN, Meta

ACME, GLOBEX = "1000000001", "1000000002"
ANN = "15550102001"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)


class ToPretendMeta(httpx.BaseTransport):
    """Sends what is meant for graph.facebook.com to the pretend one."""

    def __init__(self, url: str) -> None:
        self.url = httpx.URL(url)
        self.inner = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.host == "graph.facebook.com":
            request.url = request.url.copy_with(scheme="http", host=self.url.host, port=self.url.port)
        return self.inner.handle_request(request)

    def close(self) -> None:
        self.inner.close()


def client(meta: Meta, *, token: str = ACCESS_TOKEN, number: str = ACME) -> WhatsApp:
    waba = {ACME: "2000000001", GLOBEX: "2000000002"}[number]
    session = httpx.Client(transport=ToPretendMeta(meta.graph_url), timeout=20)
    return WhatsApp(phone_id=number, token=token, waba_id=waba, session=session)


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    with Product() as product:
        yield product


@pytest.fixture(scope="module")
def running(product: Product) -> Iterator[Meta]:
    with Meta(product.url) as meta:
        yield meta


@pytest.fixture
def meta(running: Meta, product: Product) -> Meta:
    running.ask("POST", "/reset")
    wait_until(lambda: running.ask("GET", "/state")["connected"] and not running.log["pending"])
    product.bodies.clear()
    return running


@pytest.fixture
def wa(meta: Meta) -> WhatsApp:
    return client(meta)


@pytest.fixture
def hello(meta: Meta) -> str:
    """The id of a first message of Ann's, which opens the window."""
    return str(meta.write("ann", "Hello")["id"])


def statuses(product: Product, status: str) -> list[dict[str, Any]]:
    return [entry for entry in product.statuses if entry["status"] == status]


# What contacts write


def test_a_message_arrives_signed_and_in_metas_shape(meta: Meta, product: Product) -> None:
    sent = meta.write("ann", "Grüezi 👋")
    wait_until(lambda: bool(product.messages))
    assert product.forged == 0
    (body,) = product.bodies
    assert (body["object"], body["entry"][0]["id"]) == ("whatsapp_business_account", "2000000001")
    (value,) = product.values
    assert value["metadata"] == {"display_phone_number": "15550100001", "phone_number_id": ACME}
    assert value["contacts"][0]["wa_id"] == ANN
    message = value["messages"][0]
    assert (message["from"], message["id"], message["text"]) == (ANN, sent["id"], {"body": "Grüezi 👋"})
    assert message["timestamp"].isdecimal()
    wait_until(lambda: meta.chat("ann")["messages"][0]["status"] == "delivered")


def test_who_hides_their_number_has_a_user_id_for_each_business(meta: Meta, product: Product) -> None:
    meta.write("noor", "Hello")
    meta.write("noor", "Hello", phone_number_id=GLOBEX)
    wait_until(lambda: len(product.messages) == 2)
    entries = [value["contacts"][0] for value in product.values]
    assert all("wa_id" not in entry and entry["profile"]["username"] == "noor.writes" for entry in entries)
    assert all("from" not in message for message in product.messages)
    assert len({entry["user_id"] for entry in entries}) == 2
    assert all(entry["user_id"].startswith("US.") for entry in entries)


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("location", {"latitude": 47.37, "longitude": 8.54, "name": "Zürich"}),
        ("contacts", [{"name": {"formatted_name": "Bo"}, "phones": [{"phone": "+1 555 010 2099"}]}]),
        ("interactive", {"type": "button_reply", "button_reply": {"id": "yes", "title": "Yes"}}),
        ("button", {"payload": "where", "text": "Where is it?"}),
        ("order", {"catalog_id": "1", "product_items": [{"product_retailer_id": "chair", "quantity": 1}]}),
    ],
)
def test_every_kind_of_message_can_be_written(meta: Meta, product: Product, kind: str, content: Any) -> None:
    meta.write("ann", type=kind, **{kind: content})
    wait_until(lambda: bool(product.messages))
    assert product.messages[0]["type"] == kind
    assert product.messages[0][kind] == content


def test_replies_and_reactions_name_their_message(meta: Meta, product: Product, hello: str) -> None:
    meta.write("ann", "About that", context={"message_id": hello})
    meta.write("ann", type="reaction", reaction={"message_id": hello, "emoji": "👍"})
    wait_until(lambda: len(product.messages) == 3)
    assert product.messages[1]["context"] == {"from": ANN, "id": hello}
    assert product.messages[2]["reaction"] == {"message_id": hello, "emoji": "👍"}
    shown = meta.chat("ann")["messages"]
    assert shown[0]["reactions"] == ["👍"]
    assert shown[1]["quote"]["text"] == "Hello"


def test_what_the_company_says_in_its_app_is_told_in_metas_shape(meta: Meta, product: Product, hello: str) -> None:
    said = meta.ask("POST", "/contacts/ann/echoes", json={"text": "We are open."})
    changed = meta.ask("POST", "/contacts/ann/echoes", json={"text": "We are open until six.", "rewrite": True})
    meta.ask("POST", "/contacts/ann/echoes", json={"rewrite": True})
    wait_until(lambda: len(echoes(product)) == 3)
    text, edit, revoke = echoes(product)
    assert (text["id"], text["type"], text["text"]) == (said["id"], "text", {"body": "We are open."})
    assert (text["to"], text["to_user_id"].partition(".")[0]) == (ANN, "US")
    assert edit["edit"] == {"original_message_id": said["id"], "message": {"type": "text", "text": {"body": changed["text"]}}}
    assert (revoke["type"], revoke["revoke"]) == ("revoke", {"original_message_id": said["id"]})
    assert meta.chat("ann")["messages"][-1]["text"] == "This message was deleted."
    for body in ({"text": " "}, {"rewrite": True}):
        assert meta.http.post("/pretend/contacts/ann/echoes", json=body).status_code == 400


def echoes(product: Product) -> list[dict[str, Any]]:
    changes = [change for body in list(product.bodies) for entry in body["entry"] for change in entry["changes"]]
    return [row for change in changes if change["field"] == "smb_message_echoes" for row in change["value"]["message_echoes"]]


def test_a_changed_number_is_a_system_message_and_a_new_user_id(meta: Meta, product: Product, hello: str) -> None:
    meta.ask("POST", "/contacts/ann/number", json={"wa_id": "15550102099"})
    wait_until(lambda: len(product.messages) == 2)
    first, system = product.messages
    assert system["from"] == ANN
    assert system["system"]["wa_id"] == "15550102099"
    meta.write("ann", "It is me")
    wait_until(lambda: len(product.messages) == 3)
    assert product.messages[2]["from"] == "15550102099"
    assert product.messages[2]["from_user_id"] == system["system"]["user_id"] != first["from_user_id"]


def test_what_makes_no_sense_is_refused_with_a_sentence(meta: Meta) -> None:
    wrong = [
        ("/contacts/nobody/messages", {"text": "Hello"}),
        ("/contacts/ann/messages", {"text": ""}),
        ("/contacts/ann/messages", {"text": "Hello", "phone_number_id": "1"}),
        ("/contacts/ann/messages", {"text": "Hello", "context": {"message_id": "wamid.none"}}),
        ("/contacts/ann/messages", {"type": "image", "image": {"id": "1"}}),
        ("/faults", {"duplicat": True}),
        ("/faults", {"duplicate": 3}),
        ("/contacts", {"name": "Ann Keller", "key": "ann"}),
    ]
    for path, body in wrong:
        answer = meta.http.post(f"/pretend{path}", json=body)
        assert (answer.status_code, len(answer.json()["error"]) > 20) == (400, True), path


def test_other_sites_cannot_use_it(meta: Meta) -> None:
    answer = meta.http.post("/pretend/reset", headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403


# What businesses send


def test_a_text_reaches_the_phone_with_sent_delivered_and_read(meta: Meta, product: Product, wa: WhatsApp, hello: str) -> None:
    sent = wa.send_message(ANN, "Welcome!", reply_to_message_id=hello, tracker="t-1")
    wait_until(lambda: len(meta.chat("ann")["messages"]) == 2)
    shown = meta.chat("ann")["messages"][1]
    assert (shown["id"], shown["text"], shown["quote"]["text"]) == (sent.id, "Welcome!", "Hello")
    meta.ask("POST", "/contacts/ann/read", json={"phone_number_id": ACME})
    wait_until(lambda: len(product.statuses) == 3)
    assert [entry["status"] for entry in product.statuses] == ["sent", "delivered", "read"]
    first = product.statuses[0]
    assert (first["id"], first["recipient_id"], first["biz_opaque_callback_data"]) == (sent.id, ANN, "t-1")
    assert first["conversation"]["origin"] == {"type": "service"}
    assert first["pricing"] == {
        "billable": False,
        "pricing_model": "PMP",
        "category": "service",
        "type": "free_customer_service",
    }
    assert meta.log["problems"] == []


def test_read_and_typing_show_on_the_phone_until_the_answer(meta: Meta, wa: WhatsApp, hello: str) -> None:
    wait_until(lambda: meta.chat("ann")["messages"][0]["status"] == "delivered")
    wa.indicate_typing(hello)
    assert meta.chat("ann")["typing"] is True
    assert meta.chat("ann")["messages"][0]["status"] == "read"
    wa.send_message(ANN, "Here I am.")
    wait_until(lambda: meta.chat("ann")["typing"] is False)
    with pytest.raises(InvalidParameter):
        wa.mark_message_as_read("wamid.none")


def test_buttons_lists_links_locations_and_reactions(meta: Meta, product: Product, wa: WhatsApp, hello: str) -> None:
    wa.send_message(ANN, "Shall we?", buttons=[Button("Yes", "yes"), Button("No", "no")], header="A question", footer="Acme")
    wa.send_message(ANN, "Choose", buttons=SectionList("Menu", [Section("Drinks", [SectionRow("Tea", "tea", "Green")])]))
    wa.send_message(ANN, "Look", buttons=URLButton("Open", "https://example.com"))
    wa.send_location(ANN, 47.37, 8.54, name="Acme")
    wa.send_reaction(ANN, "🎉", hello)
    wait_until(lambda: len(statuses(product, "delivered")) == 5)
    first, *rest = meta.chat("ann")["messages"]
    assert first["reactions"] == ["🎉"]
    assert [button["title"] for button in rest[0]["buttons"]] == ["Yes", "No"]
    assert (rest[0]["title"], rest[0]["footer"]) == ("A question", "Acme")
    assert rest[1]["list"]["sections"][0]["rows"][0]["title"] == "Tea"
    assert rest[2]["buttons"][0]["url"] == "https://example.com"
    assert rest[3]["location"]["name"] == "Acme"


def test_templates_are_listed_filled_in_and_sent_at_any_time(meta: Meta, product: Product, wa: WhatsApp) -> None:
    names = {template.name for template in wa.get_templates()}
    assert {"order_shipped", "hello_again", "appointment_reminder", "spring_sale"} <= names
    values = BodyText.params("Ann", "A-1", "Friday")
    wa.send_template(ANN, "order_shipped", TemplateLanguage.ENGLISH, [values])
    picture = HeaderImage.params(image=wa.upload_media(PNG, mime_type="image/png", filename="a.png").id)
    link = TemplateURLButton.params(url_variable="sale", index=0)
    wa.send_template(ANN, "spring_sale", TemplateLanguage.ENGLISH, [picture, link])
    named = BodyText.params(name="Ann", date="3. Mai", time="9:30")
    wa.send_template(ANN, "appointment_reminder", TemplateLanguage.GERMAN, [named])
    wait_until(lambda: len(meta.chat("ann")["messages"]) == 3)
    order, sale, visit = meta.chat("ann")["messages"]
    assert order["text"] == "Hello Ann, your order A-1 has left our warehouse and arrives on Friday."
    assert [button["title"] for button in order["buttons"]] == ["Where is it?", "Talk to a person"]
    assert (sale["media"]["kind"], sale["buttons"][0]["url"]) == ("image", "https://example.com/sale")
    assert visit["text"] == "Hallo Ann, wir sehen uns am 3. Mai um 9:30 Uhr."
    marketing = [entry for entry in statuses(product, "sent") if entry["pricing"]["category"] == "marketing"]
    assert marketing[0]["pricing"]["billable"] is True


@pytest.mark.parametrize(
    ("name", "language", "params", "code"),
    [
        ("missing", TemplateLanguage.ENGLISH, [], 132001),
        ("order_shipped", TemplateLanguage.GERMAN, [], 132001),
        ("order_shipped", TemplateLanguage.ENGLISH, [BodyText.params("Ann")], 132000),
        ("appointment_reminder", TemplateLanguage.GERMAN, [BodyText.params(name="a", date="b", hour="c")], 132012),
        ("spring_sale", TemplateLanguage.ENGLISH, [], 132012),
        ("on_hold", TemplateLanguage.ENGLISH, [], 132015),
    ],
)
def test_wrong_templates_are_refused(wa: WhatsApp, name: str, language: Any, params: list[BaseParams], code: int) -> None:
    with pytest.raises(WhatsAppError) as refused:
        wa.send_template(ANN, name, language, params)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"type": "text", "text": {"body": "x" * 4097}}, 100),
        ({"type": "text", "text": {"body": ""}}, 131008),
        ({"type": "text"}, 131008),
        ({"type": "song", "song": {}}, 100),
        ({"type": "image", "image": {"id": "1"}}, 100),
        ({"type": "image", "image": {"id": "1", "link": "https://example.com/a.png"}}, 100),
        ({"type": "audio", "audio": {"link": "https://example.com/a.ogg", "caption": "no"}}, 100),
        ({"type": "location", "location": {"latitude": 91, "longitude": 0}}, 100),
        ({"type": "reaction", "reaction": {"message_id": "wamid.none", "emoji": "👍"}}, 131009),
        ({"type": "contacts", "contacts": []}, 131008),
        ({"type": "text", "text": {"body": "x"}, "context": {"message_id": "wamid.none"}}, 131009),
        ({"type": "text", "text": {"body": "x"}, "messaging_product": "telegram"}, 100),
        ({"type": "interactive", "interactive": {"type": "button", "body": {"text": "x"}, "action": {"buttons": []}}}, 131009),
        ({"type": "text", "text": {"body": "x"}, "to": None}, 100),
    ],
)
def test_what_meta_would_refuse_is_refused(meta: Meta, body: dict[str, Any], code: int) -> None:
    answer = graph(meta, body)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, code)
    assert error["fbtrace_id"]
    assert len(meta.log["problems"]) == 1


def graph(meta: Meta, body: dict[str, Any], path: str = f"/v23.0/{ACME}/messages", token: str = ACCESS_TOKEN) -> httpx.Response:
    whole = {"messaging_product": "whatsapp", "recipient_type": "individual", "to": ANN} | body
    return meta.http.post(path, json=whole, headers={"Authorization": f"Bearer {token}"})


def button(number: int, title: str = "Yes") -> dict[str, Any]:
    return {"type": "reply", "reply": {"id": str(number), "title": f"{title} {number}"}}


@pytest.mark.parametrize("buttons", [[button(n) for n in range(4)], [button(1), button(1)], [button(1, "x" * 20)]])
def test_buttons_have_their_limits(meta: Meta, buttons: list[dict[str, Any]]) -> None:
    interactive = {"type": "button", "body": {"text": "x"}, "action": {"buttons": buttons}}
    assert graph(meta, {"type": "interactive", "interactive": interactive}).status_code == 400


def test_the_token_the_version_and_the_number_are_checked(meta: Meta) -> None:
    with pytest.raises(ExpiredAccessToken):
        client(meta, token="wrong").send_message(ANN, "Hello")
    text = {"type": "text", "text": {"body": "x"}}
    assert graph(meta, text, path=f"/v18.0/{ACME}/messages").json()["error"]["code"] == 2500
    unknown = graph(meta, text, path="/v23.0/42/messages").json()["error"]
    assert (unknown["code"], unknown["error_subcode"]) == (100, 33)
    assert meta.http.get("/v23.0/2000000001/nothing").status_code == 401


def test_outside_the_window_it_fails_late_as_at_meta_or_at_once_when_asked(
    meta: Meta, product: Product, wa: WhatsApp, hello: str
) -> None:
    meta.ask("POST", "/contacts/ann/window", json={"phone_number_id": ACME})
    sent = wa.send_message(ANN, "Too late")
    wait_until(lambda: bool(statuses(product, "failed")))
    (failed,) = product.statuses
    assert (failed["id"], failed["errors"][0]["code"]) == (sent.id, 131047)
    assert len(meta.chat("ann")["messages"]) == 1
    meta.faults(at_once=True)
    with pytest.raises(ReEngagementMessage):
        wa.send_message(ANN, "Too late")
    assert meta.log["problems"] == []


def test_an_unknown_recipient_is_undeliverable(meta: Meta, product: Product, wa: WhatsApp) -> None:
    wa.send_message("15550109999", "Anybody?")
    wait_until(lambda: bool(statuses(product, "failed")))
    assert product.statuses[0]["errors"][0]["code"] == 131026
    meta.faults(at_once=True)
    with pytest.raises(MessageUndeliverable):
        wa.send_message("15550109999", "Anybody?")


def test_who_hides_their_number_is_written_to_by_user_id(meta: Meta, product: Product, wa: WhatsApp) -> None:
    meta.write("noor", "Hello")
    wait_until(lambda: bool(product.messages))
    user_id = product.messages[0]["from_user_id"]
    wa.send_message(user_id, "Hello Noor")
    wait_until(lambda: len(statuses(product, "delivered")) == 1)
    assert meta.chat("noor")["messages"][1]["text"] == "Hello Noor"
    assert product.statuses[0]["recipient_user_id"] == user_id
    assert "recipient_id" not in product.statuses[0]


def test_a_phone_that_is_off_gets_its_messages_later(meta: Meta, product: Product, wa: WhatsApp, hello: str) -> None:
    meta.ask("POST", "/contacts/ann/phone", json={"on": False})
    wa.send_message(ANN, "Are you there?")
    wait_until(lambda: bool(statuses(product, "sent")))
    assert len(meta.chat("ann")["messages"]) == 1
    meta.ask("POST", "/contacts/ann/phone", json={"on": True})
    wait_until(lambda: bool(statuses(product, "delivered")))
    assert len(meta.chat("ann")["messages"]) == 2


# Media


def test_media_go_up_come_down_and_go_away(meta: Meta, wa: WhatsApp, hello: str) -> None:
    wa.send_image(ANN, PNG, caption="Look", mime_type="image/png")
    wait_until(lambda: len(meta.chat("ann")["messages"]) == 2)
    shown = meta.chat("ann")["messages"][1]
    assert (shown["text"], shown["media"]["mime"], shown["media"]["size"]) == ("Look", "image/png", len(PNG))
    assert meta.http.get(shown["media"]["url"]).content == PNG
    wa.delete_media(shown["content"]["image"]["id"])
    with pytest.raises(WhatsAppError):
        wa.get_media_url(shown["content"]["image"]["id"])


def test_media_of_a_contact_are_fetched_by_an_address_with_a_hash(meta: Meta, product: Product, wa: WhatsApp) -> None:
    file = meta.ask("POST", "/media?name=plan.pdf", content=b"%PDF-1.7 plan", headers={"Content-Type": "application/pdf"})
    meta.write("ann", type="document", document={"id": file["id"], "filename": "plan.pdf", "caption": "The plan"})
    wait_until(lambda: bool(product.messages))
    document = product.messages[0]["document"]
    assert (document["mime_type"], document["filename"], len(document["sha256"])) == ("application/pdf", "plan.pdf", 64)
    found = wa.get_media_url(document["id"])
    assert (found.file_size, found.sha256) == (13, document["sha256"])
    assert wa.get_media_bytes(found.url) == b"%PDF-1.7 plan"
    headers = {"Authorization": f"Bearer {ACCESS_TOKEN}"}
    assert httpx.get(found.url, trust_env=False).status_code == 401
    assert httpx.get(found.url.replace("hash=", "hash=0"), headers=headers, trust_env=False).status_code == 404
    assert httpx.get(found.url.replace("ext=1", "ext=0"), headers=headers, trust_env=False).status_code == 404


def test_files_that_meta_does_not_take_are_refused(wa: WhatsApp) -> None:
    with pytest.raises(WhatsAppError, match="must be a file with one of the following types"):
        wa.upload_media(b"MZ", mime_type="application/x-msdownload", filename="a.exe")
    with pytest.raises(WhatsAppError) as too_large:
        wa.upload_media(bytes(5 * 2**20 + 1), mime_type="image/png", filename="a.png")
    assert too_large.value.code == 131053


def test_a_browsers_recording_becomes_a_voice_note(meta: Meta, product: Product) -> None:
    recording = webm()
    file = meta.ask("POST", "/media?name=voice", content=recording, headers={"Content-Type": "audio/webm;codecs=opus"})
    meta.write("ann", type="audio", audio={"id": file["id"], "voice": True})
    wait_until(lambda: bool(product.messages))
    assert product.messages[0]["audio"]["mime_type"] == "audio/ogg; codecs=opus"
    assert product.messages[0]["audio"]["voice"] is True
    sound = meta.http.get(f"/pretend/media/{file['id']}").content
    with av.open(io.BytesIO(sound), "r") as container:
        assert container.format.name == "ogg"
        assert sum(frame.samples for frame in container.decode(audio=0)) > 40_000


def webm() -> bytes:
    """A second of silence as browsers record it."""
    out = io.BytesIO()
    with av.open(out, "w", format="webm") as container:
        stream = container.add_stream("libopus", rate=48_000, layout="mono")
        frame = av.AudioFrame(format="s16", layout="mono", samples=48_000)
        frame.planes[0].update(bytes(96_000))
        frame.sample_rate = 48_000
        container.mux(stream.encode(frame))  # type: ignore[attr-defined]
        container.mux(stream.encode(None))  # type: ignore[attr-defined]
    return out.getvalue()


def test_a_page_of_a_contact_cannot_run_in_the_phone(meta: Meta) -> None:
    file = meta.ask("POST", "/media?name=a.html", content=b"<script>", headers={"Content-Type": "text/html"})
    answer = meta.http.get(f"/pretend/media/{file['id']}")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert "attachment" in answer.headers["content-disposition"]


# Trouble


def test_a_webhook_is_retried_until_200(meta: Meta, product: Product) -> None:
    product.answers = [500, 403, 503]
    meta.write("ann", "Hello")
    wait_until(lambda: len(product.messages) == 4)
    assert len({message["id"] for message in product.messages}) == 1
    wait_until(lambda: meta.log["pending"] == 0)  # only then has it noted the last answer
    attempts = [entry["status"] for entry in meta.log["deliveries"]]
    assert attempts == [500, 403, 503, 200]


async def test_a_webhook_whose_connection_ends_as_it_is_made_is_retried(monkeypatch: pytest.MonkeyPatch) -> None:
    """What anyio raises then is none of httpx's errors."""
    settings = Settings("http://127.0.0.1:9/meta/webhook", "secret", "verify", "token", (), "", retry_seconds=0.01)
    deliveries, arrived = Deliveries(settings, Faults(), Journal()), asyncio.Event()

    async def post(*_: object, **__: object) -> httpx.Response:
        if len(deliveries.journal.deliveries) == 0:
            raise AttributeError("'NoneType' object has no attribute 'getpeername'")
        return httpx.Response(200)

    monkeypatch.setattr(httpx.AsyncClient, "post", post)
    deliveries.on_delivered = lambda _: arrived.set()
    deliveries.connected.set()
    deliveries.send_body("lane", {}, about="message")
    await asyncio.wait_for(arrived.wait(), 20)
    assert [(entry["attempt"], entry["status"]) for entry in deliveries.journal.deliveries] == [(1, 0), (2, 200)]
    assert deliveries.pending == {}
    await deliveries.stop()


def test_a_failed_webhook_does_not_hold_up_the_next(meta: Meta, product: Product) -> None:
    product.answers = [500]
    meta.write("ann", "First")
    meta.write("ann", "Second")
    wait_until(lambda: len(product.messages) == 3)
    assert [message["text"]["body"] for message in product.messages] == ["First", "Second", "First"]


def test_duplicates_losses_and_overtaking(meta: Meta, product: Product) -> None:
    meta.faults(duplicate=True, lose=1)
    meta.write("ann", "Lost at first")
    wait_until(lambda: len(product.messages) == 1)
    meta.write("ann", "Twice")
    wait_until(lambda: len(product.messages) == 3)
    meta.faults(duplicate=False, reorder=True)
    product.bodies.clear()
    texts = [str(number) for number in range(12)]
    for text in texts:
        meta.write("ann", text)
    wait_until(lambda: len(product.messages) == 12)
    arrived = [message["text"]["body"] for message in product.messages]
    assert sorted(arrived, key=int) == texts
    assert arrived != texts  # one chance in 479 million


def test_refused_calls_failed_statuses_and_limits(meta: Meta, product: Product, wa: WhatsApp, hello: str) -> None:
    meta.faults(fail_next={"code": 131056, "count": 1})
    with pytest.raises(TooManyMessages):
        wa.send_message(ANN, "Too fast")
    wa.send_message(ANN, "Now it goes")
    meta.faults(status_fail={"code": 131049})
    wa.send_message(ANN, "This one fails later")
    wait_until(lambda: bool(statuses(product, "failed")))
    assert statuses(product, "failed")[0]["errors"][0]["code"] == 131049
    with pytest.raises(TooManyMessages):
        for _ in range(50):
            wa.send_message(ANN, "Flood")
    meta.faults(limits=False)
    wa.send_message(ANN, "No limit")
    assert meta.log["problems"] == []


def test_a_connection_that_breaks_after_the_message_was_taken(meta: Meta, wa: WhatsApp, hello: str) -> None:
    meta.faults(cut=1)
    with pytest.raises(httpx.RemoteProtocolError):
        wa.send_message(ANN, "Did it arrive?")
    wait_until(lambda: len(meta.chat("ann")["messages"]) == 2)


def test_any_body_can_be_delivered(meta: Meta, product: Product) -> None:
    odd = {"object": "whatsapp_business_account", "entry": [{"id": "9", "changes": [{"field": "account_update", "value": {}}]}]}
    meta.ask("POST", "/webhooks", json=odd)
    wait_until(lambda: bool(product.bodies))
    assert product.bodies[0]["entry"] == odd["entry"]


# Its life


def test_the_handshake_is_tried_until_the_product_is_there(data_dir: Path) -> None:
    with Product() as late, Meta(late.url) as meta:
        late.refuse_handshakes = late.handshakes + 2
        meta.write("ann", "Early")
        wait_until(lambda: bool(late.messages))
        assert late.handshakes >= 1
        assert meta.ask("GET", "/state")["connected"] is True


def test_it_starts_without_a_product_and_keeps_everything_over_a_restart(data_dir: Path) -> None:
    with Meta("http://127.0.0.1:1/meta/webhook", data_dir=data_dir) as alone:
        alone.write("ann", "Is anybody there?")
        file = alone.ask("POST", "/media", content=PNG, headers={"Content-Type": "image/png"})
        assert alone.ask("GET", "/state")["connected"] is False
    with Product() as product, Meta(product.url, data_dir=data_dir) as again:
        wait_until(lambda: bool(product.messages))
        assert product.messages[0]["text"]["body"] == "Is anybody there?"
        assert again.chat("ann")["messages"][0]["text"] == "Is anybody there?"
        client(again).send_message(ANN, "We are")
        wait_until(lambda: len(again.chat("ann")["messages"]) == 2)
        assert again.http.get(f"/pretend/media/{file['id']}").content == PNG
        assert (data_dir / "state.json").stat().st_mode & 0o077 == 0


def test_a_missing_setting_is_told_in_a_sentence() -> None:
    with pytest.raises(SystemExit, match="META_WEBHOOK_URL is not set"):
        Settings.from_env({}, 1)
    with pytest.raises(SystemExit, match="phone_number_id:display number:name"):
        businesses_read("1:2")


def test_the_page_and_its_events(meta: Meta) -> None:
    page = meta.http.get("/")
    assert page.status_code == 200
    assert "default-src 'self'" in page.headers["content-security-policy"]
    for file in ("phone.css", "favicon.svg", "phone.js", "core.js", "bubble.js", "send.js", "trouble.js"):
        assert meta.http.get(f"/{file}").status_code == 200
    with meta.http.stream("GET", "/pretend/events") as events:
        lines = events.iter_lines()
        first = next(lines)
        meta.write("ann", "Hello")
        assert next(line for line in lines if line.startswith("data: ") and line != first)
