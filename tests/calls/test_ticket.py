"""`manage.py call` asks the web side for its way in, also where that is reached behind the proxy's back."""

from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from apps.calls.caller.ticket import ticket_ask
from apps.core.errors import PermanentError
from apps.tenants.models import Tenant


def test_the_web_side_of_a_server_takes_the_request_for_one_that_came_by_tls(
    acme: Tenant, settings: Any, httpserver: HTTPServer
) -> None:
    settings.PUBLIC_URL = "https://meridian.example.com"
    settings.API_URL = httpserver.url_for("").rstrip("/")
    told = {"server_url": "wss://meridian.example.com", "participant_token": "t", "room_name": "r", "call_id": "c"}
    expected = httpserver.expect_request("/api/v1/calls/token", method="POST", headers={"X-Forwarded-Proto": "https"})
    expected.respond_with_json(told, status=201)
    assert ticket_ask(acme, "reception").server_url == "wss://meridian.example.com"


def test_anything_else_is_a_sentence(acme: Tenant, settings: Any, httpserver: HTTPServer) -> None:
    settings.API_URL = httpserver.url_for("").rstrip("/")
    httpserver.expect_request("/api/v1/calls/token").respond_with_data("", status=301)
    with pytest.raises(PermanentError, match="answered 301"):
        ticket_ask(acme, "reception")
