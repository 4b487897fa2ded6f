"""A part that a person brings is used and not started, each by its own variable; test_given.py asks whether it can be."""

import dataclasses
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from embedded.environment import stack_environment
from embedded.keys import keys_ensure
from embedded.ports import Ports, port_free
from embedded.stack import Stack
from embedded.valkey import Valkey

DATABASE = {"DATABASE_URL": "postgres://me:word@db.example.com/meridian"}
REDIS = {"REDIS_URL": "redis://redis.example.com:6380/3"}
LIVEKIT = {"LIVEKIT_URL": "wss://rooms.example.com", "LIVEKIT_API_KEY": "mine", "LIVEKIT_API_SECRET": "m" * 40}
OPENAI = {"OPENAI_API_KEY": "sk-mine"}
META = {"WHATSAPP_ACCESS_TOKEN": "EAA", "WHATSAPP_APP_SECRET": "secret", "WHATSAPP_VERIFY_TOKEN": "token"}
PARTS = {"postgres", "valkey", "livekit", "models", "meta"}


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which somebody listens already: whoever starts a part there is refused."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        yield sock.getsockname()[1]


def settings(data_dir: Path, given: dict[str, str]) -> dict[str, str]:
    return stack_environment(data_dir, Ports.named({}), keys_ensure(data_dir), given)


def started(stack: Stack) -> set[str]:
    """Which parts run as processes of this stack."""
    found = set()
    for name in PARTS:
        try:
            found |= {name} if stack.process(name).running else set()
        except KeyError:
            continue
    return found


def test_with_every_part_given_none_is_started(data_dir: Path, taken: int) -> None:
    given = DATABASE | REDIS | LIVEKIT | OPENAI | META
    ports = dataclasses.replace(Ports.free(), **dict.fromkeys((*PARTS, "livekit_tcp", "livekit_udp"), taken))
    with Stack(data_dir, given, ports=ports, only_services=True) as stack:
        assert started(stack) == set()
        assert {name: stack.env[name] for name in given} == given
        assert stack.phone_url == ""
    assert not list(data_dir.glob("livekit.yaml")) + list(data_dir.glob("valkey*")) + list(data_dir.glob("postgres*"))


def test_a_livekit_that_is_started_uses_the_redis_that_is_given(data_dir: Path, taken: int) -> None:
    theirs = data_dir / "theirs"
    theirs.mkdir()
    with Valkey(theirs, port_free(), password="word") as valkey:
        given = DATABASE | OPENAI | META | {"REDIS_URL": valkey.database_url(3)}
        ports = dataclasses.replace(Ports.free(), valkey=taken)
        with Stack(data_dir, given, ports=ports, only_services=True) as stack:
            assert started(stack) == {"livekit"}
            redis = json.loads((data_dir / "livekit.yaml").read_text())["redis"]
            assert (redis["address"], redis["db"], redis["password"]) == (f"127.0.0.1:{valkey.port}", 3, "word")
        assert valkey.process.running


@pytest.mark.parametrize("given", [DATABASE, REDIS, LIVEKIT, OPENAI, META], ids=lambda given: next(iter(given)))
def test_what_is_given_reaches_the_processes_as_it_is(data_dir: Path, given: dict[str, str]) -> None:
    env = settings(data_dir, given)
    assert {name: env[name] for name in given} == given


def test_a_livekit_of_ones_own_is_told_to_callers_by_its_own_address(data_dir: Path) -> None:
    assert "LIVEKIT_PUBLIC_URL" in settings(data_dir, {})
    assert "LIVEKIT_PUBLIC_URL" not in settings(data_dir, LIVEKIT)


@pytest.mark.parametrize("given", [OPENAI, {"OPENAI_BASE_URL": "http://gpu.example.com/v1"}], ids=["its key", "its address"])
def test_openai_hears_thinks_and_speaks_in_the_local_models_place(data_dir: Path, given: dict[str, str]) -> None:
    local, env = settings(data_dir, {}), settings(data_dir, given)
    assert env.get("OPENAI_BASE_URL") == given.get("OPENAI_BASE_URL")
    assert env["OPENAI_API_KEY"], "an agent without one is not spoken to"
    assert not {"MERIDIAN_LOCAL_MODELS", "MERIDIAN_TTS_MODEL", "EMBEDDING_BASE_URL"} & env.keys()
    before, now = json.loads(local["AGENT_DEFAULTS"]), json.loads(env["AGENT_DEFAULTS"])
    for part in ("stt", "llm", "tts"):
        assert now[part]["provider"] == "openai"
        assert now[part]["model"] != before[part]["model"]


@pytest.mark.parametrize(
    ("name", "part", "provider"), [("DEEPGRAM_API_KEY", "stt", "deepgram"), ("ELEVENLABS_API_KEY", "tts", "elevenlabs")]
)
@pytest.mark.parametrize("beside", [{}, OPENAI], ids=["the local models", "OpenAI"])
def test_a_voice_provider_is_used_beside(data_dir: Path, name: str, part: str, provider: str, beside: dict[str, str]) -> None:
    without = json.loads(settings(data_dir, beside)["AGENT_DEFAULTS"])
    env = settings(data_dir, beside | {name: "key"})
    chosen = json.loads(env["AGENT_DEFAULTS"])
    assert env[name] == "key"
    assert chosen.pop(part)["provider"] == provider
    assert chosen.items() <= without.items(), "the rest stays"
    assert without[part]["provider"] == "openai"
