"""Who is told of a waiting conversation, by which ways, and what the ways carry."""

import base64
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import http_ece
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.core import mail
from django.test import override_settings
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from apps.core.models import OutboundEffect
from apps.core.outbox import outbox_drain
from apps.desktop import notifications
from apps.desktop.errors import BadSubscription, NotColleague
from apps.desktop.models import Colleague, Conversation, PushSubscription
from apps.desktop.services.conversations import conversation_assign, conversation_claim, conversation_escalate
from apps.desktop.services.messages import message_send
from apps.desktop.services.team import colleague_set, push_subscribe, push_unsubscribe, team_create
from apps.tenants.models import Role, Tenant, User
from apps.tenants.services import person_add
from embedded.keys import vapid_public
from tests.desktop.factories import RecordingChannel, a_contact, a_conversation, says


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def point(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)


@dataclass
class Browser:
    """A push service and the browser behind it: reads what arrives as a browser would."""

    server: HTTPServer
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    auth: bytes = field(default_factory=lambda: os.urandom(16))
    got: list[Request] = field(default_factory=list)
    answer: Response = field(default_factory=lambda: Response(status=201))

    def listen(self) -> None:
        self.server.expect_request("/push", method="POST").respond_with_handler(self._take)

    def _take(self, request: Request) -> Response:
        request.get_data()
        self.got.append(request)
        return self.answer

    def subscribe(self, user: User) -> PushSubscription:
        return push_subscribe(
            user_id=user.pk, endpoint=self.server.url_for("/push"), p256dh=b64(point(self.key)), auth=b64(self.auth)
        )

    def read(self, request: Request) -> dict[str, str]:
        text = http_ece.decrypt(request.get_data(), private_key=self.key, auth_secret=self.auth, version="aes128gcm")
        read: dict[str, str] = json.loads(text)
        return read


@pytest.fixture
def browser(httpserver: HTTPServer) -> Iterator[Browser]:
    key = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value.to_bytes(32, "big")
    made = Browser(httpserver)
    made.listen()
    keys = {"WEBPUSH_PRIVATE_KEY": b64(key), "WEBPUSH_PUBLIC_KEY": vapid_public(b64(key))}
    with override_settings(TOOL_ALLOWED_NETWORKS=["127.0.0.0/8"], WEBPUSH_CONTACT="mailto:ops@acme.test", **keys):
        yield made


@pytest.fixture
def hints(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """(topic, type, id) of every hint that is addressed to a person."""
    seen: list[tuple[str, ...]] = []
    monkeypatch.setattr(notifications, "hint_publish", lambda schema, topic, type, id, version: seen.append((topic, type, id)))
    return seen


def escalated(team: str = "") -> Conversation:
    conversation = a_conversation(contact=a_contact(name="Dana"))
    return conversation_escalate(conversation=conversation, reason="Wants a refund.", team_slug=team)


def states() -> list[tuple[str, str]]:
    return list(OutboundEffect.objects.order_by("kind", "pk").values_list("kind", "state"))


def only(hints: list[tuple[str, ...]], user: User) -> bool:
    return {topic for topic, _, _ in hints} == {f"desk:user:{user.pk}"}


def test_web_push_is_signed_and_only_its_browser_reads_it(
    desk: RecordingChannel, browser: Browser, bob: User, settings: object
) -> None:
    browser.subscribe(bob)
    conversation = escalated()
    outbox_drain()
    (request,) = browser.got
    assert request.headers["Content-Encoding"] == "aes128gcm"
    assert (request.headers["TTL"], request.headers["Urgency"]) == ("600", "high")
    assert browser.read(request) == {
        "title": "Dana is waiting for an answer",
        "body": "Wants a refund.",
        "url": f"http://acme.localhost:8000/desktop/{conversation.pk}/",
        "tag": f"conversation-{conversation.pk}",
    }
    claims = verified(request.headers["Authorization"])
    assert claims["sub"] == "mailto:ops@acme.test" and claims["aud"] == browser.server.url_for("").rstrip("/")
    assert states() == [("desktop.push", "done")]


def verified(header: str) -> dict[str, str]:
    """The claims of `vapid t=<JWT>,k=<key>` (RFC 8292), once the key that it names is ours and has signed them."""
    from django.conf import settings

    scheme, _, rest = header.partition(" ")
    parts = dict(part.strip().split("=", 1) for part in rest.split(","))
    assert scheme == "vapid" and parts["k"].rstrip("=") == settings.WEBPUSH_PUBLIC_KEY.rstrip("=")
    raw = base64.urlsafe_b64decode(parts["k"] + "=" * (-len(parts["k"]) % 4))
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), raw)
    return jwt.decode(parts["t"], key, algorithms=["ES256"], options={"verify_aud": False})


@pytest.mark.parametrize("status", [404, 410])
def test_a_browser_that_is_gone_is_forgotten(desk: RecordingChannel, browser: Browser, bob: User, status: int) -> None:
    browser.subscribe(bob)
    browser.answer = Response(status=status)
    escalated()
    outbox_drain()
    assert not PushSubscription.objects.exists() and states() == [("desktop.push", "ignored")]


@pytest.mark.parametrize(("status", "state"), [(429, "pending"), (503, "pending"), (400, "dead"), (403, "dead")])
def test_what_a_push_service_may_answer(desk: RecordingChannel, browser: Browser, bob: User, status: int, state: str) -> None:
    browser.subscribe(bob)
    browser.answer = Response(status=status, headers={"Retry-After": "30"})
    escalated()
    outbox_drain()
    assert PushSubscription.objects.exists() and states() == [("desktop.push", state)]


def test_a_push_address_inside_our_network_is_never_called(desk: RecordingChannel, browser: Browser, bob: User) -> None:
    browser.subscribe(bob)
    escalated()
    with override_settings(TOOL_ALLOWED_NETWORKS=[]):
        outbox_drain()
    assert browser.got == [] and not PushSubscription.objects.exists() and states() == [("desktop.push", "dead")]


def test_keys_that_are_no_keys(desk: RecordingChannel, browser: Browser, bob: User) -> None:
    push_subscribe(user_id=bob.pk, endpoint=browser.server.url_for("/push"), p256dh=b64(b"\x04" * 65), auth=b64(b"x" * 16))
    escalated()
    outbox_drain()
    assert browser.got == [] and states() == [("desktop.push", "dead")]


def test_nobody_is_called_once_somebody_was_faster(desk: RecordingChannel, browser: Browser, alice: User, bob: User) -> None:
    browser.subscribe(bob)
    colleague_set(user_id=bob.pk, notify_email=True)
    conversation = escalated()
    conversation_claim(conversation_id=conversation.pk, user_id=alice.pk)
    outbox_drain()
    assert browser.got == [] and mail.outbox == []
    assert states() == [("desktop.email", "ignored"), ("desktop.push", "ignored")]


@pytest.mark.parametrize("desktop", [True, False])
@pytest.mark.parametrize("push", [True, False])
@pytest.mark.parametrize("email", [True, False])
def test_each_way_is_a_preference(
    desk: RecordingChannel, browser: Browser, hints: list[tuple[str, ...]], bob: User, desktop: bool, push: bool, email: bool
) -> None:
    team_create(slug="support", name="Support", user_ids=[bob.pk])
    browser.subscribe(bob)
    colleague_set(user_id=bob.pk, notify_desktop=desktop, notify_push=push, notify_email=email)
    escalated("support")
    outbox_drain()
    assert (len(hints), len(browser.got), len(mail.outbox)) == (desktop, push, email)


def test_the_e_mail_leads_to_the_conversation(desk: RecordingChannel, bob: User) -> None:
    team_create(slug="support", name="Support", user_ids=[bob.pk])
    colleague_set(user_id=bob.pk, notify_email=True)
    conversation = escalated("support")
    outbox_drain()
    (letter,) = mail.outbox
    assert letter.to == ["bob@acme.test"] and letter.subject == "Dana is waiting for an answer"
    assert "Wants a refund." in letter.body and f"http://acme.localhost:8000/desktop/{conversation.pk}/" in letter.body
    ((page, kind),) = letter.alternatives
    assert kind == "text/html" and f'href="http://acme.localhost:8000/desktop/{conversation.pk}/"' in page


def test_what_a_contact_writes_is_no_markup_in_the_e_mail(desk: RecordingChannel, bob: User) -> None:
    colleague_set(user_id=bob.pk, notify_email=True)
    conversation = a_conversation(contact=a_contact(name="<b>Eve</b>"))
    conversation_escalate(conversation=conversation, reason="<script>x</script> & more")
    outbox_drain()
    (letter,) = mail.outbox
    assert "<script>x</script> & more" in letter.body
    assert "&lt;script&gt;x&lt;/script&gt; &amp; more" in letter.alternatives[0][0] and "<b>Eve" not in letter.alternatives[0][0]


def test_a_contacts_name_cannot_add_headers(desk: RecordingChannel, bob: User) -> None:
    colleague_set(user_id=bob.pk, notify_email=True)
    conversation = a_conversation(contact=a_contact(name="Eve\r\nBcc: all@acme.test"))
    conversation_escalate(conversation=conversation, reason="x")
    outbox_drain()
    assert mail.outbox[0].subject == "Eve Bcc: all@acme.test is waiting for an answer"


def test_a_team_is_told_and_nobody_else(desk: RecordingChannel, hints: list[tuple[str, ...]], alice: User, bob: User) -> None:
    team_create(slug="support", name="Support", user_ids=[bob.pk])
    conversation = escalated("support")
    assert only(hints, bob) and hints[0][1:] == ("notify", str(conversation.pk))


@pytest.mark.parametrize("presence", ["busy", "away"])
def test_who_is_not_available_is_passed_over(
    desk: RecordingChannel, hints: list[tuple[str, ...]], alice: User, bob: User, presence: str
) -> None:
    second = team_create(slug="second", name="Second", user_ids=[alice.pk])
    team_create(slug="support", name="Support", next_team=second, user_ids=[bob.pk])
    colleague_set(user_id=bob.pk, presence=presence)
    assert escalated("support").team == second
    assert only(hints, alice)


def test_who_has_no_room_is_passed_over(desk: RecordingChannel, hints: list[tuple[str, ...]], alice: User, bob: User) -> None:
    colleague_set(user_id=bob.pk, capacity=1)
    conversation_claim(conversation_id=a_conversation().pk, user_id=bob.pk)
    escalated()
    assert only(hints, alice)


def test_when_nobody_is_available_everybody_is_told(
    desk: RecordingChannel, hints: list[tuple[str, ...]], alice: User, bob: User
) -> None:
    for user in (alice, bob):
        colleague_set(user_id=user.pk, presence="away")
    escalated()
    assert {topic for topic, _, _ in hints} == {f"desk:user:{user.pk}" for user in (alice, bob)}


def test_what_is_given_to_one_is_told_to_them_alone(
    desk: RecordingChannel, hints: list[tuple[str, ...]], alice: User, bob: User
) -> None:
    conversation = a_conversation()
    conversation_assign(conversation_id=conversation.pk, user_id=alice.pk, assignee_id=bob.pk)
    assert only(hints, bob)


def test_the_holder_is_told_when_the_contact_begins_to_wait(
    desk: RecordingChannel, hints: list[tuple[str, ...]], bob: User
) -> None:
    conversation = a_conversation()
    says(conversation)
    conversation_claim(conversation_id=conversation.pk, user_id=bob.pk)
    message_send(conversation=conversation, author="person", user_id=bob.pk, text="Here I am.")
    assert hints == []
    for _ in range(3):
        says(conversation)
    assert len(hints) == 1 and only(hints, bob)


def test_finance_is_not_at_the_desk(desk: RecordingChannel, acme: Tenant, hints: list[tuple[str, ...]]) -> None:
    frank = person_add(tenant=acme, email="frank@acme.test", role=Role.FINANCE, password="x" * 12).user
    escalated()
    assert f"desk:user:{frank.pk}" not in {topic for topic, _, _ in hints}
    with pytest.raises(NotColleague):
        colleague_set(user_id=frank.pk, presence="away")


def test_a_browser_belongs_to_who_used_it_last(desk: RecordingChannel, alice: User, bob: User) -> None:
    endpoint = "https://push.example.com/1"
    for user in (alice, bob):
        push_subscribe(user_id=user.pk, endpoint=endpoint, p256dh="k", auth="a")
    assert PushSubscription.objects.get().user_id == bob.pk
    push_unsubscribe(user_id=alice.pk, endpoint=endpoint)
    assert PushSubscription.objects.exists()
    push_unsubscribe(user_id=bob.pk, endpoint=endpoint)
    assert not PushSubscription.objects.exists()


@pytest.mark.parametrize("endpoint", ["", "ftp://x/y", "javascript:alert(1)", "https://", "https://x/" + "y" * 2000])
def test_addresses_that_are_no_push_addresses(desk: RecordingChannel, bob: User, endpoint: str) -> None:
    with pytest.raises(BadSubscription):
        push_subscribe(user_id=bob.pk, endpoint=endpoint, p256dh="k", auth="a")


def test_strangers_get_nothing(desk: RecordingChannel, charlie: User) -> None:
    for change in (
        lambda: push_subscribe(user_id=charlie.pk, endpoint="https://x/y", p256dh="k", auth="a"),
        lambda: colleague_set(user_id=charlie.pk, presence="away"),
        lambda: team_create(slug="spies", name="Spies", user_ids=[charlie.pk]),
    ):
        with pytest.raises(NotColleague):
            change()
    assert not Colleague.objects.exists()


def test_without_vapid_keys_no_push_is_tried(desk: RecordingChannel, browser: Browser, bob: User) -> None:
    browser.subscribe(bob)
    with override_settings(WEBPUSH_PRIVATE_KEY=""):
        escalated()
    assert states() == []


def test_numbers_of_two_tenants_do_not_meet(
    desk: RecordingChannel, browser: Browser, bob: User, django_capture_on_commit_callbacks: Callable[..., object]
) -> None:
    browser.subscribe(bob)
    escalated()
    key = OutboundEffect.objects.get().key
    assert key.startswith("desktop.push:acme:") and OutboundEffect.objects.get().schema_name == "acme"
