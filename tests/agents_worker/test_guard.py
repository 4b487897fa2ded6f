"""An address that a company chose for a provider is checked as a call connects to it, whatever its name resolves to by then."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import httpx2
import openai
import pytest
from aiohttp import web

from agents_worker.contracts import AgentConfig
from agents_worker.guard import Blocked, GuardedTransport, address_allowed, addresses_of, guarded_session
from agents_worker.media_bot.transcribe import DeepgramTranscriber
from agents_worker.providers import ModelFactory, tls_context
from tests.agents_worker.web_side import agent_config

HERE = ["127.0.0.1/32"]
NAME = "rebinds.example"


@dataclass
class Server:
    port: int = 0
    hosts: list[str] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.hosts.append(request.headers["Host"])
        if request.path.endswith("away"):
            raise web.HTTPFound(f"http://127.0.0.2:{self.port}/inner")
        return web.json_response({"object": "list", "data": []})


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    """Listens on every loopback address: 127.0.0.1 is allowed here, 127.0.0.2 is the inner network."""
    seen = Server()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", seen.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "0.0.0.0", 0)
    await site.start()
    seen.port = runner.addresses[0][1]
    yield seen
    await runner.cleanup()


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What rebinds.example resolves to, one answer after the other; the last one stays."""
    answers: list[str] = []
    real = socket.getaddrinfo

    def look(host: Any, *args: Any, **kwargs: Any) -> Any:
        if host in (NAME, NAME.encode()):  # anyio hands it over as bytes
            host = answers.pop(0) if len(answers) > 1 else answers[0]
        return real(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", look)
    yield answers


def factory(base_url: str, networks: list[str] | None) -> ModelFactory:
    config = agent_config("http://127.0.0.1:9/v1")
    own = {"api_key": "k", "base_url": base_url, "allowed_networks": networks}
    config["credentials"] = dict.fromkeys(("openai", "deepgram", "elevenlabs"), own)
    return ModelFactory(AgentConfig.model_validate(config))


def client_of(made: ModelFactory) -> openai.AsyncClient:
    return made.openai(made._config.credentials["openai"])


async def test_a_name_that_leads_inside_is_not_asked(server: Server, names: list[str]) -> None:
    names.append("127.0.0.2")
    made = factory(f"http://{NAME}:{server.port}/v1", HERE)
    with pytest.raises(openai.APIConnectionError):
        await client_of(made).models.list()
    assert server.hosts == []
    await made.aclose()


async def test_a_name_is_looked_up_once_and_stays_where_it_was_checked(server: Server, names: list[str]) -> None:
    names += ["127.0.0.1", "127.0.0.2"]
    made = factory(f"http://{NAME}:{server.port}/v1", HERE)
    for _ in range(3):
        await client_of(made).models.list()
    assert server.hosts == [f"{NAME}:{server.port}"] * 3
    assert names == ["127.0.0.2"]
    await made.aclose()


async def test_where_the_checked_address_is_gone_the_name_is_checked_anew(names: list[str]) -> None:
    names += ["127.0.0.1", "127.0.0.2"]
    gone = socket.create_server(("127.0.0.1", 0))
    port = gone.getsockname()[1]
    gone.close()
    async with httpx2.AsyncClient(transport=GuardedTransport(httpx2.AsyncHTTPTransport(), HERE)) as client:
        with pytest.raises(httpx2.ConnectError):
            await client.get(f"http://{NAME}:{port}/")
        with pytest.raises(httpx2.ConnectError, match="leads into a network"):
            await client.get(f"http://{NAME}:{port}/")


async def test_redirects_are_not_followed(server: Server) -> None:
    made = factory(f"http://127.0.0.1:{server.port}/v1", HERE)
    with pytest.raises(openai.APIStatusError):
        await client_of(made).get("/away", cast_to=object)
    assert len(server.hosts) == 1
    await made.aclose()


@pytest.mark.parametrize("path", ["", "away"])
@pytest.mark.parametrize("kind", ["name", "literal"])
async def test_plugins_on_aiohttp_get_nowhere_inside(server: Server, names: list[str], kind: str, path: str) -> None:
    """By name, by number, and by a redirect from an address that is allowed."""
    names.append("127.0.0.1" if path else "127.0.0.2")
    host = NAME if kind == "name" else names[0]
    async with guarded_session(HERE, tls_context()) as session:
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get(f"http://{host}:{server.port}/{path}")
    assert len(server.hosts) == (1 if path else 0)


async def test_plugins_on_aiohttp_reach_what_is_allowed(server: Server, names: list[str]) -> None:
    names.append("127.0.0.1")
    async with guarded_session(HERE, tls_context()) as session, session.get(f"http://{NAME}:{server.port}/v1") as answer:
        assert answer.status == 200


async def test_both_plugins_are_given_the_guarded_session(server: Server) -> None:
    base = agent_config("http://127.0.0.1:9/v1")
    own = {"api_key": "k", "base_url": f"http://127.0.0.2:{server.port}", "allowed_networks": []}
    changes = {
        "stt": {"provider": "deepgram", "model": "nova-3"},
        "tts": {"provider": "elevenlabs", "model": "eleven_flash_v2_5", "voice": "v"},
        "credentials": {**base["credentials"], "deepgram": own, "elevenlabs": own},
    }
    made = ModelFactory(AgentConfig.model_validate(base | changes))
    made.stt()
    made.tts()
    assert len(made._sessions) == 2
    await made.aclose()


async def test_the_providers_own_and_the_operators_addresses_are_asked_as_ever(server: Server, names: list[str]) -> None:
    names.append("127.0.0.2")
    made = factory(f"http://{NAME}:{server.port}/v1", None)
    await client_of(made).models.list()
    assert made._guarded(made._config.credentials["deepgram"]) is None
    assert len(server.hosts) == 1
    await made.aclose()


async def test_media_bots_own_recognition_is_checked_before_each_connection(names: list[str]) -> None:
    names.append("127.0.0.2")
    config = factory(f"http://{NAME}:1", HERE)._config
    nothing: Any = None
    transcriber = DeepgramTranscriber("caller", nothing, config.credentials["deepgram"], config)
    with pytest.raises(Blocked):
        async with asyncio.timeout(60):
            await anext(transcriber._one_connection())


async def test_a_name_without_an_address_says_so(names: list[str]) -> None:
    with pytest.raises(OSError):
        await addresses_of("nowhere.invalid", 443, [])


def test_a_network_of_the_operator_is_open() -> None:
    assert not address_allowed("10.20.1.1", [])
    assert address_allowed("10.20.1.1", ["10.20.0.0/16"])
