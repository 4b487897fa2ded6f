"""Running the bare agent: its worker, and callers that ask for it."""

import contextlib
import os
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from livekit import api

from bench.bare_agent import AGENT
from bench.product import KEY, MAX_ENDPOINTING
from embedded.paths import CHECKOUT
from embedded.ports import port_free
from embedded.process import Process

READY_SECONDS = 90.0


@dataclass(frozen=True)
class Server:
    """A livekit-server and its keys."""

    url: str
    key: str
    secret: str


@dataclass(frozen=True)
class Bare:
    """The running worker; `turns` is the file that it notes its latencies in."""

    server: Server
    turns: Path

    async def call_begin(self) -> tuple[str, str]:
        """A room's name, and a caller's token for it."""
        room = f"bare_{uuid.uuid4().hex[:8]}"
        grants = api.VideoGrants(room_join=True, room=room)
        token = api.AccessToken(self.server.key, self.server.secret).with_identity("caller").with_grants(grants)
        return room, token.to_jwt()

    async def dispatch(self, room: str) -> None:
        """Asks the agent to join, once the caller is there."""
        async with api.LiveKitAPI(self.server.url, self.server.key, self.server.secret) as client:
            await client.agent_dispatch.create_dispatch(api.CreateAgentDispatchRequest(agent_name=AGENT, room=room))


@contextlib.contextmanager
def bare_worker(folder: Path, server: Server, base_url: str, *, any_load: bool = False) -> Iterator[Bare]:
    """The worker, registered at `server`, using the providers at `base_url`; with `any_load` a busy machine refuses no job."""
    turns = folder / "bare-turns.jsonl"
    turns.touch()
    env = {
        **os.environ,
        "LIVEKIT_URL": server.url,
        "LIVEKIT_API_KEY": server.key,
        "LIVEKIT_API_SECRET": server.secret,
        "OPENAI_BASE_URL": base_url,
        "OPENAI_API_KEY": KEY,
        "BENCH_TURNS": str(turns),
        "BENCH_MAX_ENDPOINTING": str(MAX_ENDPOINTING),
        "BENCH_HEALTH_PORT": str(port_free()),
        "BENCH_ANY_LOAD": "1" if any_load else "",
    }
    command = [sys.executable, "-m", "bench.bare_agent"]
    with Process("bare agent", command, log_path=folder / "logs" / "bare.log", env=env, cwd=CHECKOUT, grace=5) as process:
        process.wait_ready(lambda: process.logged("registered worker"), READY_SECONDS, interval=0.1)
        yield Bare(server, turns)
