"""GET and POST /meta/webhook: what is not Meta's touches no table, and what is, is stored once, each part of it."""

import json
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError
from django.test import Client
from django_tenants.utils import tenant_context

from apps.core.models import InboundEvent
from apps.desktop.models import Conversation, Message
from apps.desktop.services.team import team_create
from apps.tenants.models import User
from apps.tenants.services_company import tenant_restore, tenant_suspend
from apps.whatsapp import webhooks
from apps.whatsapp.services.numbers import mapping_set
from tests.whatsapp.meta import NAMES, OTHER_NUMBER, SECRET, deliver, fresh, post, recorded, said, signature, work

pytestmark = pytest.mark.django_db

BODY = json.dumps(recorded("text")).encode()
GOOD = signature(BODY)


def stored() -> list[tuple[str, str]]:
    return sorted(InboundEvent.objects.values_list("kind", "external_id"))


def subscribe(**query: str) -> Any:
    given = {"hub.mode": "subscribe", "hub.verify_token": "the-verify-token", "hub.challenge": "1158201444"}
    return Client(headers={"host": "localhost"}).get("/meta/webhook", given | query)


def test_handshake_echoes_the_challenge(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        answer = subscribe()
    assert (answer.status_code, answer.content, answer["Content-Type"]) == (200, b"1158201444", "text/plain")
    assert answer["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "query", [{"hub.verify_token": "wrong"}, {"hub.verify_token": ""}, {"hub.mode": "x"}, {"hub.verify_token": "ü"}]
)
def test_handshake_with_another_token_is_refused(query: dict[str, str]) -> None:
    answer = subscribe(**query)
    assert (answer.status_code, answer.json()["code"]) == (403, "wrong_verify_token")
    assert b"1158201444" not in answer.content


def test_handshake_without_a_token_of_ours_is_refused(meta_settings: Any) -> None:
    meta_settings.WHATSAPP_VERIFY_TOKEN = ""
    assert subscribe(**{"hub.verify_token": ""}).json()["code"] == "not_configured"


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "sha256=",
        GOOD.removeprefix("sha256="),
        GOOD.upper(),
        GOOD + " ",
        " " + GOOD[7:],
        "sha1=" + GOOD[7:],
        "sha256=" + "0" * 64,
        "sha256=ü",
        signature(BODY, "another-secret"),
        signature(BODY, ""),
        signature(BODY + b" "),
    ],
)
def test_forged_is_refused_before_the_database(header: str | None, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        answer = post(BODY, header)
    assert (answer.status_code, answer.json()["code"]) == (401, "bad_signature")
    assert answer["Content-Type"] == "application/problem+json"
    assert stored() == []


def test_no_secret_means_refuse(meta_settings: Any) -> None:
    meta_settings.WHATSAPP_APP_SECRET = ""
    for header in (GOOD, signature(BODY, ""), None):
        assert post(BODY, header).json()["code"] == "not_configured"
    assert stored() == []


@pytest.mark.parametrize("bit", [0, 5, 7])
def test_every_altered_byte_of_the_body_is_refused(bit: int) -> None:
    for place in range(len(BODY)):
        altered = bytearray(BODY)
        altered[place] ^= 1 << bit
        assert post(bytes(altered), GOOD).status_code == 401
    for place in range(0, len(BODY), 7):
        assert post(BODY[:place] + BODY[place + 1 :], GOOD).status_code == 401
        assert post(BODY[:place] + b" " + BODY[place:], GOOD).status_code == 401
    assert stored() == []


def test_every_altered_byte_of_the_header_is_refused() -> None:
    for place in range(len(GOOD)):
        for bit in (0, 1, 2, 5):
            altered = GOOD[:place] + chr(ord(GOOD[place]) ^ (1 << bit)) + GOOD[place + 1 :]
            assert post(BODY, altered).status_code == 401
        assert post(BODY, GOOD[:place] + GOOD[place + 1 :]).status_code == 401
    assert stored() == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "not_json"),
        (b"{", "not_json"),
        (b"\xff\xfe{", "not_json"),
        (b"[" * 100_000, "not_json"),
        (b'{"entry": NaN}', "not_json"),
        (b'{"entry": [1e999]}', "not_json"),
        (b"[]", "not_a_webhook"),
        (b"7", "not_a_webhook"),
        (b"null", "not_a_webhook"),
        (b"{}", "not_a_webhook"),
        (b'{"entry": {}}', "not_a_webhook"),
    ],
)
def test_signed_but_no_webhook_is_a_400(body: bytes, code: str) -> None:
    answer = post(body, signature(body))
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert stored() == []


@pytest.mark.parametrize(
    "entry",
    [
        [],
        [7, "x", None],
        [{}],
        [{"changes": {}}],
        [{"changes": [None, 7]}],
        [{"changes": [{"field": "messages", "value": {}}]}],
        [{"changes": [{"field": "messages", "value": {"messages": {}, "statuses": 7, "contacts": "x", "metadata": []}}]}],
    ],
)
def test_empty_parts_are_taken_and_hold_nothing(entry: Any) -> None:
    body = json.dumps({"entry": entry}).encode()
    assert post(body, signature(body)).status_code == 200
    assert stored() == []


@pytest.mark.parametrize(
    "value",
    [
        {"messages": [{"type": "text"}]},
        {"messages": [{"id": 7, "from": ["x"], "timestamp": {}, "type": "text", "text": "x"}]},
        {"messages": [{"id": "x" * 500, "type": 9}]},
        {"messages": [{"id": "wamid.1", "from": "1", "type": "text", "timestamp": "-5", "text": {"body": ["no"]}}]},
        {"messages": [{"id": "wamid.1", "from": "1", "type": "image", "timestamp": "9" * 30, "image": {"id": {}}}]},
        {"messages": [{"id": "wamid.1", "from": "1", "type": "contacts", "contacts": {"x": 1}}]},
        {"messages": [{"id": "wamid.1", "from": "1", "type": "interactive", "interactive": {"type": {}}}]},
        {"messages": [{"id": "wamid.1", "from": "1", "type": "order", "order": {"product_items": [None, {"quantity": []}]}}]},
        {"statuses": [{"id": "wamid.1", "status": 3}, {"status": "sent"}, {"id": "", "status": ""}]},
        {"statuses": [{"id": "wamid.1", "status": "failed", "errors": [7], "pricing": "x", "biz_opaque_callback_data": {}}]},
        {"errors": [{"code": []}]},
    ],
)
def test_strange_parts_are_kept_and_never_break_a_worker(number: Any, value: dict[str, Any]) -> None:
    payload = recorded("text")
    metadata = payload["entry"][0]["changes"][0]["value"]["metadata"]
    payload["entry"][0]["changes"][0]["value"] = {"metadata": metadata, **value}
    deliver(payload)
    count = sum(len(rows) for rows in value.values())
    assert len(stored()) == count
    work()
    assert not InboundEvent.objects.filter(note__regex=r"^\w+(Error|Exception):").exists()


def test_everything_in_a_batch_becomes_an_event_of_its_own(number: Any, other_number: Any) -> None:
    deliver(recorded("batch"))
    kinds = [kind for kind, _ in stored()]
    assert (kinds.count("message"), kinds.count("status"), kinds.count("account_update")) == (4, 2, 1)
    work()
    schemas = InboundEvent.objects.filter(kind="message").order_by("external_id").values_list("schema_name", flat=True)
    assert list(schemas) == ["acme", "acme", "acme", "globex"]


@pytest.mark.parametrize("name", NAMES)
def test_the_same_delivery_again_stores_nothing(name: str) -> None:
    deliver(recorded(name))
    before = stored()
    assert before
    deliver(recorded(name), recorded(name))
    assert stored() == before


def test_one_message_in_two_deliveries_is_stored_once() -> None:
    one, two = said("Hi", wamid="wamid.same"), said("Hi", wamid="wamid.same")
    two["entry"][0]["changes"][0]["value"]["messages"].append(
        {**one["entry"][0]["changes"][0]["value"]["messages"][0], "id": "b"}
    )
    deliver(one, two)
    assert stored() == [("message", "b"), ("message", "wamid.same")]


def test_fields_nobody_listens_to_are_ignored_with_a_note(number: Any) -> None:
    deliver(recorded("history"))
    work()
    row = InboundEvent.objects.get()
    assert (row.kind, row.state) == ("history", "ignored")
    assert row.note == "Nothing here listens to history."


def test_unknown_number_is_parked_and_taken_up_once_it_is_mapped(graph: Any, in_acme: Any, bob: Any) -> None:
    deliver(said("Anybody there?"))
    work()
    row = InboundEvent.objects.get()
    assert (row.state, row.schema_name) == ("ignored", "")
    assert row.note.startswith("No tenant here has this number.")
    team_create(slug="support", name="Support")
    mapping_set(phone_number_id="106540352242922", team="support")
    work()
    assert Message.objects.get().text == "Anybody there?"
    row.refresh_from_db()
    assert (row.state, row.schema_name) == ("done", "acme")


def test_what_is_written_while_the_company_is_suspended_is_taken_up_when_it_is_back(number: Any, acme: Any) -> None:
    tenant_suspend(tenant=acme)
    deliver(said("Anybody there?"))
    work()
    assert (InboundEvent.objects.get().state, Message.objects.count()) == ("ignored", 0)
    tenant_restore(tenant=acme)
    work()
    assert Message.objects.get(author="contact").text == "Anybody there?"


def test_staff_see_what_is_parked(client: Client, db: Any) -> None:
    deliver(said("Anybody there?"))
    work()
    client.force_login(User.objects.create_superuser("root@meridian.test", "x"))
    page = client.get("/admin/core/inboundevent/?state__exact=ignored", headers={"host": "localhost"})
    assert "No tenant here has this number." in page.content.decode()


def test_a_message_for_one_tenant_reaches_no_other(number: Any, other_number: Any, globex: Any) -> None:
    payload = said("For globex")
    payload["entry"][0]["changes"][0]["value"]["metadata"]["phone_number_id"] = OTHER_NUMBER
    deliver(payload)
    work()
    assert not Conversation.objects.exists()
    with tenant_context(globex):
        assert Conversation.objects.get().last_message_text == "For globex"


def test_a_suspended_tenant_gets_nothing(number: Any, in_acme: Any) -> None:
    in_acme.status = "suspended"
    in_acme.save()
    deliver(said("Hello?"))
    work()
    assert InboundEvent.objects.get().state == "ignored"


def test_nul_and_half_surrogates_are_kept_without_them(team_number: Any) -> None:
    payload = json.dumps(said("PLACE")).replace("PLACE", "a\\u0000b\\ud800c \\ud83d\\ude00").encode()
    assert post(payload, signature(payload)).status_code == 200
    work()
    assert Message.objects.get().text == "ab\ufffdc 😀"


def test_three_megabytes_are_taken_and_five_are_not(team_number: Any) -> None:
    payload = fresh("text")
    value = payload["entry"][0]["changes"][0]["value"]
    row = value["messages"][0]
    value["messages"] = [{**row, "id": f"wamid.many{n}", "text": {"body": "x" * 1000}} for n in range(2700)]
    body = json.dumps(payload).encode()
    assert 3_000_000 < len(body) < 4 * 1024 * 1024
    assert post(body, signature(body)).status_code == 200
    assert InboundEvent.objects.count() == 2700
    big = json.dumps({"entry": [], "x": "y" * 5_000_000}).encode()
    answer = post(big, signature(big))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_what_cannot_be_stored_is_asked_for_again(monkeypatch: pytest.MonkeyPatch, error: type[Exception]) -> None:
    def away(*_: Any) -> None:
        raise error("server closed the connection")

    body = json.dumps(fresh("text")).encode()
    with monkeypatch.context() as patched:
        patched.setattr(webhooks, "inbox_store", away)
        answer = post(body, signature(body))
    assert (answer.status_code, answer.json()["code"]) == (503, "database_away")
    assert "server closed" not in answer.content.decode()
    assert post(body, signature(body)).status_code == 200
    assert InboundEvent.objects.count() == 1


def test_other_methods_are_refused() -> None:
    for method in ("put", "patch", "delete"):
        assert getattr(Client(headers={"host": "localhost"}), method)("/meta/webhook").status_code == 405


def test_the_secret_is_in_no_answer() -> None:
    assert SECRET not in post(BODY, "sha256=0").content.decode()
