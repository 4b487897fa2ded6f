"""Addresses that are answered before the middleware stack."""

from typing import Any

import pytest
from django.test import Client

from apps.core.early import _views

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("path", ["/turn", "/reply"])
def test_token_apis_are_answered_early_and_in_json(path: str) -> None:
    """Problems too: nothing of the stack is needed to say no."""
    answer: Any = Client(headers={"host": "localhost"}).post(path, data={}, content_type="application/json")
    assert path in _views
    assert (answer.status_code, answer["Content-Type"]) == (401, "application/problem+json")
    assert answer["WWW-Authenticate"] == "Bearer"
    assert "Set-Cookie" not in answer


def test_a_stranger_learns_no_methods() -> None:
    assert Client(headers={"host": "localhost"}).get("/turn").status_code == 401
