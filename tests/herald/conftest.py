"""A channel and a language model for each test."""

from collections.abc import Iterator
from typing import Any

import pytest

from apps.herald import answer, replies
from tests.herald.sides import ReplySide, model_running, replies_taken
from tests.standins.openai import OpenAIStandin


@pytest.fixture
def channel(settings: Any) -> Iterator[ReplySide]:
    """Takes /reply; the installation's own address for this test."""
    with replies_taken() as side:
        settings.API_URL = side.url.removesuffix("/reply")
        yield side


@pytest.fixture
def model() -> Iterator[OpenAIStandin]:
    with model_running() as standin:
        yield standin


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting for the same order of things, only shorter."""
    monkeypatch.setattr(replies, "BACKOFF", (0.02,))
    monkeypatch.setattr(answer, "RETRY_PAUSE", 0.01)
