"""From joining to hearing: the ringing tone, then the agent's first word, on the caller's recording.

`python -m bench.first_word [calls]`. The whole stack with fixed-delay providers (its first word takes them FIRST_AUDIO, no more).
"""

import asyncio
import sys
from dataclasses import dataclass

from bench.caller import Caller
from bench.figures import ms, percentile
from bench.product import FIRST_AUDIO, call_begin, data_folder, product, providers, rows
from bench.table import show
from embedded.stack import Stack

PAUSE = 4.0  # seconds between two calls, in which the next job process gets ready
STEPS = """
SELECT extract(epoch FROM e.created_at)::float, extract(epoch FROM d.requested_at)::float,
       extract(epoch FROM d.claimed_at)::float, extract(epoch FROM s.at)::float, extract(epoch FROM l.at)::float
FROM acme.calls_call c
JOIN public.core_inboundevent e ON e.kind = 'participant_joined' AND e.payload->'room'->>'name' = c.room_name
     AND e.payload->'participant'->>'identity' = c.caller_identity
JOIN acme.calls_dispatch d ON d.call_id = c.id AND d.agent_name = 'atlas'
JOIN acme.calls_callevent s ON s.call_id = c.id AND s.source = 'atlas' AND s.data->>'state' = 'joined'
JOIN acme.calls_callevent l ON l.call_id = c.id AND l.source = 'atlas' AND l.data->>'state' = 'speaking'
WHERE c.id = %s ORDER BY l.at LIMIT 1
"""
NAMES = ("webhook stored", "dispatch decided", "dispatch sent", "Atlas in the room", "Atlas speaks")


@dataclass(frozen=True)
class Heard:
    """Of one call, in seconds since the caller was in the room; nan for what was not heard."""

    call_id: str
    connected_at: float
    ringback: float
    word: float


async def call(stack: Stack) -> Heard:
    """One call, hung up after the agent's first word."""
    ticket = await call_begin(stack)
    async with Caller(ticket.server_url, ticket.participant_token) as caller:
        word = await caller.agent_heard(0.0, 20.0)
        ringback = caller.first_sound(microphone=False)
        began = caller.connected_at
    return Heard(ticket.call_id, began, (ringback or float("nan")) - began, (word or float("nan")) - began)


async def calls(stack: Stack, count: int) -> list[Heard]:
    """One after the other; the first is not counted."""
    found = []
    for number in range(count + 1):
        heard = await call(stack)
        if number:
            found.append(heard)
        await asyncio.sleep(PAUSE)
    return found


def steps(stack: Stack, found: list[Heard]) -> list[list[object]]:
    """When each step was done, by the product's own records, in milliseconds since the caller was in the room."""
    at = {heard.call_id: rows(stack.env["DATABASE_URL"], STEPS, heard.call_id) for heard in found}
    since = [[float(str(t)) - heard.connected_at for t in at[heard.call_id][0]] for heard in found if at[heard.call_id]]
    return [
        [name, ms(percentile(column, 50)), ms(percentile(column, 95))]
        for name, column in zip(NAMES, zip(*since, strict=True), strict=False)
    ]


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    with data_folder() as folder, providers(folder) as base_url, product(folder, base_url) as stack:
        found = asyncio.run(calls(stack, count))
        table = steps(stack, found)
    for name, values in (("ringback heard", [h.ringback for h in found]), ("first word heard", [h.word for h in found])):
        heard = [value for value in values if value == value]
        table.append([f"**{name}** ({len(heard)} of {len(found)} calls)", ms(percentile(heard, 50)), ms(percentile(heard, 95))])
    show(
        f"First word, from the caller's joining (of it {ms(FIRST_AUDIO)} ms are the provider's)",
        ["step", "p50 ms", "p95 ms"],
        table,
    )


if __name__ == "__main__":
    main()
