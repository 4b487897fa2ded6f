"""A spoken turn with the embedded models: from the end of the caller's speech to the first sound of the answer.

`python -m bench.spoken_turn [turns]`, on the caller's recording. Whisper, the language model and Piper run beside all else.
"""

import asyncio
import sys

from bench.caller import Caller, Turn, turn
from bench.figures import ms, percentile
from bench.product import call_begin, data_folder, json_of, product, rows
from bench.sound import QUESTION, question
from bench.table import show
from embedded.stack import Stack

SETTLE_SECONDS = 5.0  # for the last latencies to arrive in the database
LATENCIES = "SELECT data FROM acme.calls_callevent WHERE source = 'atlas' AND type = 'latency' AND call_id = %s::uuid"
PARTS = {
    "end_of_turn": "end of turn",
    "transcription": "transcription",
    "llm_first_token": "first token",
    "tts_first_audio": "first audio",
}


async def ask(stack: Stack, count: int) -> tuple[str, list[float], float]:
    """The call's id, the seconds of each answered turn, and those until the first word."""
    ticket = await call_begin(stack)
    async with Caller(ticket.server_url, ticket.participant_token) as caller:
        word = await caller.agent_heard(0.0, 60.0)
        began = caller.connected_at
        await caller.agent_quiet(0.7, 20.0)
        turns: list[Turn | None] = [await turn(caller, question(), timeout=30.0) for _ in range(count)]
    await asyncio.sleep(SETTLE_SECONDS)
    return ticket.call_id, [one.seconds for one in turns if one is not None], (word or float("nan")) - began


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 12
    question()
    with data_folder() as folder, product(folder) as stack:
        call_id, heard, word = asyncio.run(ask(stack, count))
        latencies = [json_of(row[0]) for row in rows(stack.env["DATABASE_URL"], LATENCIES, call_id)]
    table = [[f"**heard** ({len(heard)} of {count} turns)", ms(percentile(heard, 50)), ms(percentile(heard, 95))]]
    table.append(["e2e_latency of the session", *(ms(percentile([_part(one, "e2e") for one in latencies], p)) for p in (50, 95))])
    for key, name in PARTS.items():
        table.append(
            [f"its {name}", *(ms(percentile([_part(one, key) for one in latencies if key in one], p)) for p in (50, 95))]
        )
    table.append(["first word of the call", ms(word), ""])
    show(f"Spoken turn with the embedded models: “{QUESTION}”", ["what", "p50 ms", "p95 ms"], table)


def _part(latency: dict[str, object], key: str) -> float:
    return float(str(latency[key]))


if __name__ == "__main__":
    main()
