"""What a minute of talking to an agent costs, before anybody has talked to it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from apps.compass.neighbours import PriceTable, prices_now

# A minute of a phone call: the agent speaks half of it, four times; a model reads everything said so far each time.
CHARACTERS = Decimal(500)
ANSWERS = 4
SAID_TOKENS = 400
READ_TOKENS = 4_000  # what was said so far, and what the documents say, in one answer of a chat
READINGS = 3  # of an answer that uses tools
WRITTEN_TOKENS = 300
ANSWER_TOKENS = 45
CHARACTERS_A_TOKEN = 4
MILLION, THOUSAND = Decimal(1_000_000), Decimal(1_000)


@dataclass(frozen=True)
class Estimate:
    """`total` adds up what has a price; `unpriced` names the models without one."""

    total: Decimal
    currency: str
    unpriced: list[str] = field(default_factory=list)


def tokens_of(text: str) -> int:
    """About how many tokens a text is: four characters each, one for each that is not Latin."""
    wide = sum(1 for character in text if ord(character) > 0x2E7F)
    return wide + -(-(len(text) - wide) // CHARACTERS_A_TOKEN)


def minute_cost(config: dict[str, Any], channel: str = "webrtc") -> Estimate:
    """The estimate for a call, from a browser unless it is said otherwise, with the platform's own fee."""
    table = prices_now()
    return _estimate(dict(_parts(config, channel, table)), table)


def answer_cost(config: dict[str, Any]) -> Estimate:
    """What an answer in a chat costs that needs tools and follows a long conversation."""
    table, llm = prices_now(), config["llm"]
    read = READINGS * (tokens_of(config["prompt"]["system"]) + READ_TOKENS)
    return _estimate({llm["model"]: _tokens_cost(llm, read, READINGS * WRITTEN_TOKENS, table)}, table)


def _estimate(parts: dict[str, Decimal | None], table: PriceTable) -> Estimate:
    priced = [amount for amount in parts.values() if amount is not None]
    return Estimate(sum(priced, Decimal(0)), table.currency, sorted(name for name, amount in parts.items() if amount is None))


def _parts(config: dict[str, Any], channel: str, table: PriceTable) -> Iterable[tuple[str, Decimal | None]]:
    stt, llm, tts = config["stt"], config["llm"], config["tts"]
    yield stt["model"], table.get("stt", stt["provider"], stt["model"], "minute")
    said = tokens_of(config["prompt"]["system"]) + SAID_TOKENS
    yield llm["model"], _tokens_cost(llm, ANSWERS * said, ANSWERS * ANSWER_TOKENS, table)
    spoken = table.get("tts", tts["provider"], tts["model"], "1k_characters")
    yield tts["model"], None if spoken is None else spoken * CHARACTERS / THOUSAND
    yield "", table.get("transport", "livekit", channel, "minute") or Decimal(0)
    yield "platform", table.get("platform", "meridian", "call", "minute") or Decimal(0)


def _tokens_cost(llm: dict[str, Any], tokens_in: int, tokens_out: int, table: PriceTable) -> Decimal | None:
    read = table.get("llm", llm["provider"], llm["model"], "1m_input_tokens")
    written = table.get("llm", llm["provider"], llm["model"], "1m_output_tokens")
    if read is None or written is None:
        return None
    return (tokens_in * read + tokens_out * written) / MILLION


def price_shown(part: str, provider: str, model: str, table: PriceTable) -> dict[str, Decimal]:
    """The prices of a model by unit; empty where it has none."""
    return {
        unit: price for (kind, who, which, unit), price in table.prices.items() if (kind, who, which) == (part, provider, model)
    }
