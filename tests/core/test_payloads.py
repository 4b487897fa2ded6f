"""JSON that others send: what is none, and what is more than anybody means, is refused before anything walks it."""

import pytest
from django.test import Client

from apps.core.payloads import DEEPEST, json_read
from apps.tenants.keys import api_key_create
from apps.tenants.models import Tenant
from apps.tenants.models_keys import SCOPES
from tests.calls.webhooks import post, signature

NESTED = ["[" * 20_000, "[" * 500 + "]" * 500, '{"a": ' * 500 + "1" + "}" * 500]
NONE = ["", "{", "NaN", '{"a": -Infinity}', '{"a": 1e999}', "9" * 5_000, *NESTED]


@pytest.mark.parametrize("text", NONE)
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        json_read(text)


def test_what_is_json_is_read() -> None:
    deep = "[" * DEEPEST + "]" * DEEPEST
    assert json_read(f"[{', '.join(['[1]'] * 500)}]") == [[1]] * 500
    assert json_read('{"a": [1.5, "[[[", null]}'.encode("utf-8-sig")) == {"a": [1.5, "[[[", None]}
    assert str(json_read(deep)) == deep
    with pytest.raises(ValueError, match="nested too deeply"):
        json_read(f"[{deep}]")


@pytest.mark.django_db
@pytest.mark.parametrize("value", NONE[2:5] + NESTED)
def test_an_api_says_so(acme: Tenant, value: str) -> None:
    """Where anything may stand in a field, it went on to Postgres, or ended Python's stack."""
    _, key = api_key_create(tenant=acme, name="program", scopes=SCOPES)
    client = Client(headers={"host": "acme.localhost", "authorization": f"Api-Key {key}"})
    body = f'{{"name": "order", "kind": "http", "description": "x", "spec": {{"parameters": {value}}}}}'
    answer = client.post("/api/v1/tools", body, content_type="application/json")
    assert answer.status_code == 400 and answer.json()["detail"].startswith("JSON parse error")


@pytest.mark.django_db
def test_an_event_with_a_number_that_is_none_is_no_event() -> None:
    body = b'{"id": "EV_1", "event": "room_started", "room": {"name": "x", "duration": NaN}}'
    assert post(body, signature(body)).json()["code"] == "not_json"
