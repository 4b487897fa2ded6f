"""Where requests and the access token go when no other address is set: to Meta, and to nobody else."""

from typing import Any

import httpx
import pytest

from apps.whatsapp import graph

META = "https://graph.facebook.com"


@pytest.fixture(autouse=True)
def at_meta(settings: Any) -> None:
    settings.WHATSAPP_GRAPH_URL = META


@pytest.mark.parametrize(
    ("url", "theirs"),
    [
        ("https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1", True),
        ("https://graph.facebook.com/v23.0/123", True),
        ("https://mmg.whatsapp.net/d/f/a.enc", True),
        ("https://scontent.xx.fbcdn.net/a.jpg", True),
        ("http://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1", False),
        ("https://fbsbx.com.example.org/a", False),
        ("https://evilfbsbx.com/a", False),
        ("https://example.org/?u=.fbsbx.com", False),
        ("https://lookaside.fbsbx.com@example.org/a", False),
    ],
)
def test_only_metas_own_hosts_are_given_the_token(url: str, theirs: bool) -> None:
    assert graph._is_metas(url) is theirs


def test_what_is_addressed_to_meta_goes_there_unchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[httpx.URL] = []

    def answer(self: Any, request: httpx.Request) -> httpx.Response:
        seen.append(request.url)
        return httpx.Response(200, json={"id": "1"}, request=request)

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", answer)
    assert graph.number_about(token="t", phone_number_id="123") == {"id": "1"}
    assert (seen[0].scheme, seen[0].host, seen[0].path.split("/")[-1]) == ("https", "graph.facebook.com", "123")
