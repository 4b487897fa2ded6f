"""A provider's address that a tenant chose leads into no private network: not by a redirect, and not by a name that changes."""

import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.cache import cache

from apps.compass.catalogue import Unanswered, language_models, sample, voices
from apps.compass.knowledge.embedding import EmbeddingUnavailable, embed
from apps.compass.services import credential_set
from apps.core.errors import MeridianError, TransientError
from apps.herald.answer import Chain, ModelSilent, models_of
from apps.herald.usage import Meter
from apps.whatsapp.services import voices as notes
from tests.compass.servers import ALLOWED, VICTIM, Seen, Trap, reply, serving

pytestmark = pytest.mark.usefixtures("in_acme")
Use = Callable[[str], object]


@pytest.fixture(autouse=True)
def _allowed(settings: Any) -> None:
    settings.TOOL_ALLOWED_NETWORKS = [f"{ALLOWED}/32"]
    settings.EMBEDDING_DEFAULTS = {"api_key": "", "base_url": None}
    cache.clear()


@pytest.fixture
def trap() -> Iterator[Trap]:
    listener = Trap()
    yield listener
    listener.close()


def account(provider: str, base_url: str) -> dict[str, Any]:
    credential_set(provider=provider, api_key="key", base_url=base_url)
    return {"credentials": {provider: {"api_key": "key", "base_url": base_url}}, "language": "en"}


def a_sample(base_url: str) -> object:
    account("openai", base_url)
    return sample(provider="openai", model="tts-1", voice="alloy", language="en")


def the_models(base_url: str) -> object:
    account("openai", base_url)
    return language_models()


def the_voices(base_url: str) -> object:
    account("elevenlabs", base_url)
    return voices("elevenlabs")


def an_embedding(base_url: str) -> object:
    account("openai", base_url)
    return embed(["a text"], timeout=60)


def an_answer(base_url: str) -> object:
    llm = {"provider": "openai", "model": "m", "temperature": 0, "options": {}, "fallbacks": []}
    config = {**account("openai", base_url), "llm": llm, "limits": {"first_token_seconds": 60}}
    assert models_of(config)
    return Chain(config, Meter(), ends_at=float("inf")).ask([{"role": "user", "content": "Hello"}])


def a_note(provider: str) -> Use:
    def use(base_url: str) -> object:
        config = {**account(provider, base_url), "stt": {"provider": provider, "model": "m"}}
        file: Any = type("File", (), {"mime": "audio/ogg"})
        return {"openai": notes._openai, "deepgram": notes._deepgram}[provider](file, config, b"OggS")

    return use


USES = [a_sample, the_models, the_voices, an_embedding, an_answer, a_note("openai"), a_note("deepgram")]
NAMED = [use.__name__ if use.__name__ != "use" else f"a_note_{number}" for number, use in enumerate(USES)]
REFUSALS = (Unanswered, EmbeddingUnavailable, ModelSilent, TransientError, MeridianError)


@pytest.mark.parametrize("use", USES, ids=NAMED)
@pytest.mark.parametrize("status", [302, 307])
def test_redirects_lead_nowhere(use: Use, status: int, trap: Trap) -> None:
    with serving(reply(status, Location=f"http://{VICTIM}:{trap.port}/latest/meta-data/")) as door:
        with pytest.raises(REFUSALS):
            use(f"http://{ALLOWED}:{door.port}/v1")
        assert door.requests
    assert trap.connections() == 0


@pytest.fixture
def rebinding(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Seen, Trap]]:
    """`rebind.example` is ALLOWED when it is stored, and VICTIM ever after."""
    real, turns = socket.getaddrinfo, [ALLOWED]

    def resolve(host: Any, *args: Any, **kwargs: Any) -> Any:
        named = host in ("rebind.example", b"rebind.example")
        return real((turns.pop() if turns else VICTIM) if named else host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with serving(reply()) as door:
        trap = Trap(door.port)
        yield door, trap
        trap.close()


@pytest.mark.parametrize("use", USES, ids=NAMED)
def test_a_name_is_checked_whenever_a_connection_opens(use: Use, rebinding: tuple[Seen, Trap]) -> None:
    door, trap = rebinding
    with pytest.raises(REFUSALS):
        use(f"http://rebind.example:{door.port}/v1")
    assert trap.connections() == 0


@pytest.mark.parametrize("use", [the_models, the_voices], ids=["the_models", "the_voices"])
def test_an_address_that_may_be_reached_is(use: Use) -> None:
    bodies = {the_models: b'{"object": "list", "data": [{"id": "m"}]}', the_voices: b'{"voices": []}'}
    with serving(reply(body=bodies[use])) as door:
        assert use(f"http://{ALLOWED}:{door.port}/v1") == {the_models: ["m"], the_voices: []}[use]
    assert len(door.requests) == 1
