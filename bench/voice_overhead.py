"""What Atlas adds to its providers' own delays, beside a bare livekit-agents session in the same run.

`python -m bench.voice_overhead [turns a side]`. Both sides use the same plugins, settings and fixed-delay providers, and are
asked the same question by the same scripted caller, a few turns at a time so that a change of the machine's load meets both.
"""

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.bare_side import Bare, Server, bare_worker
from bench.caller import Caller, Turn, turn
from bench.figures import ms, percentile
from bench.product import FIRST_AUDIO, FIRST_TOKEN, STT, call_begin, data_folder, json_of, product, providers, rows
from bench.sound import question
from bench.table import show
from embedded.stack import Stack

ROUND = 6
SETTLE_SECONDS = 5.0  # for the last latencies to arrive in the database
VAD_SILENCE = 0.25  # seconds of silence after which inference.VAD, as both sides use it, calls speech ended
OWN = STT + FIRST_TOKEN + FIRST_AUDIO + VAD_SILENCE
LATENCIES = "SELECT data FROM acme.calls_callevent WHERE source = 'atlas' AND type = 'latency' AND call_id = ANY(%s::uuid[])"


@dataclass
class Side:
    """One side's turns: `e2e` as its session measured them, `heard` as the caller did; seconds."""

    name: str
    e2e: list[float] = field(default_factory=list)
    heard: list[float] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)

    def row(self) -> list[object]:
        """Of the table."""
        over = [value - OWN for value in self.e2e]
        figures = [ms(percentile(values, p)) for values in (self.e2e, over, self.heard) for p in (50, 95)]
        return [self.name, len(self.e2e), *figures]


async def ask(caller: Caller, count: int) -> list[float]:
    """The greeting, then `count` questions; the seconds until each answer was heard."""
    if await caller.agent_heard(0.0, 40.0) is None:
        return []
    await caller.agent_quiet(0.7, 20.0)
    turns: list[Turn | None] = [await turn(caller, question()) for _ in range(count)]
    return [one.seconds for one in turns if one is not None]


async def ask_product(stack: Stack, side: Side, count: int) -> None:
    """One call to Reception."""
    ticket = await call_begin(stack)
    async with Caller(ticket.server_url, ticket.participant_token) as caller:
        side.heard += await ask(caller, count)
    side.calls.append(ticket.call_id)


async def ask_bare(bare: Bare, side: Side, count: int) -> None:
    """One call to the bare agent."""
    room, token = await bare.call_begin()
    async with Caller(bare.server.url, token) as caller:
        await bare.dispatch(room)
        side.heard += await ask(caller, count)


async def run(stack: Stack, bare: Bare, count: int) -> tuple[Side, Side]:
    """Rounds of both sides, one after the other."""
    atlas, plain = Side("Atlas, in the product"), Side("bare AgentSession")
    for done in range(0, count, ROUND):
        await ask_product(stack, atlas, min(ROUND, count - done))
        await ask_bare(bare, plain, min(ROUND, count - done))
    await asyncio.sleep(SETTLE_SECONDS)
    return atlas, plain


def ratio(sides: Sequence[Side]) -> list[object]:
    """First side by second, of what the sessions measured and of what was heard."""
    one, other = sides
    found = [percentile(a, p) / percentile(b, p) for a, b in ((one.e2e, other.e2e), (one.heard, other.heard)) for p in (50, 95)]
    return ["**ratio**", "", f"{found[0]:.2f}", f"{found[1]:.2f}", "", "", f"{found[2]:.2f}", f"{found[3]:.2f}"]


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 24
    question()
    with data_folder() as folder, providers(folder) as base_url, product(folder, base_url) as stack:
        server = Server(stack.env["LIVEKIT_URL"], stack.env["LIVEKIT_API_KEY"], stack.env["LIVEKIT_API_SECRET"])
        with bare_worker(folder, server, base_url, any_load=True) as bare:
            atlas, plain = asyncio.run(run(stack, bare, count))
            atlas.e2e = [float(str(json_of(row[0])["e2e"])) for row in rows(stack.env["DATABASE_URL"], LATENCIES, atlas.calls)]
            plain.e2e = [json.loads(line)["e2e"] for line in bare.turns.read_text().splitlines()]
    parts = " + ".join(ms(part) for part in (STT, FIRST_TOKEN, FIRST_AUDIO, VAD_SILENCE))
    title = f"Voice overhead: recognition, first token, first audio and silence take {parts} ms"
    head = ["side", "turns", "e2e p50 ms", "p95", "overhead p50 ms", "p95", "heard p50 ms", "p95"]
    show(title, head, [atlas.row(), plain.row(), ratio((atlas, plain))])


if __name__ == "__main__":
    main()
