"""The arithmetic, against a second way of computing it."""

from datetime import timedelta
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.billing.costs import cost_of, rounded
from apps.billing.models import Part, Price
from apps.billing.payloads import CallReport
from tests.billing.factories import START, USAGE, report_of

MICRO = Decimal("0.000001")
rates = st.decimals(0, 1000, places=6)
seconds = st.integers(0, 7_200_000).map(lambda milliseconds: Decimal(milliseconds) / 1000)
tokens = st.integers(0, 10_000_000)


def price(kind: str, model: str, unit: str, amount: Decimal | str, cost: Decimal | str = "0") -> Price:
    provider = {"transport": "livekit", "platform": "meridian"}.get(kind, "openai")
    return Price(kind=kind, provider=provider, model=model, unit=unit, price=Decimal(amount), provider_cost=Decimal(cost))


def report(duration: Decimal, usage: list[dict[str, Any]]) -> CallReport:
    return CallReport.model_validate(report_of(duration=duration, usage=usage, ended_at=START + timedelta(hours=3)))


def nearest(amount: Decimal) -> Decimal:
    return amount.quantize(MICRO, ROUND_HALF_EVEN)


@given(
    duration=seconds,
    audio=seconds,
    prompt=tokens,
    cached=tokens,
    output=tokens,
    characters=tokens,
    prices=st.tuples(*[rates] * 7),
)
def test_every_part_is_exact_and_adds_up(
    duration: Decimal, audio: Decimal, prompt: int, cached: int, output: int, characters: int, prices: tuple[Decimal, ...]
) -> None:
    transport, platform, stt, fresh, again, answer, tts = prices
    usage: list[dict[str, Any]] = [
        {"kind": "stt", "provider": "openai", "model": "whisper-1", "audio_duration": audio},
        {
            "kind": "llm",
            "provider": "openai",
            "model": "gpt-4o",
            "input_tokens": prompt + cached,
            "input_cached_tokens": cached,
            "output_tokens": output,
        },
        {"kind": "tts", "provider": "openai", "model": "tts-1", "characters_count": characters},
    ]
    book = [
        price("transport", "webrtc", "minute", transport),
        price("platform", "call", "second", platform),
        price("stt", "whisper-1", "minute", stt),
        price("llm", "gpt-4o", "1m_input_tokens", fresh),
        price("llm", "gpt-4o", "1k_cached_tokens", again),
        price("llm", "gpt-4o", "1m_output_tokens", answer),
        price("tts", "tts-1", "1k_characters", tts),
    ]
    cost = cost_of(report(duration, usage), book)
    with localcontext() as context:
        context.prec = 80
        assert cost.parts == {
            "transport": nearest(duration * transport / 60),
            "platform": nearest(duration * platform),
            "stt": nearest(audio * stt / 60),
            "llm": nearest((prompt * fresh + output * answer) / 1_000_000 + cached * again / 1000),
            "tts": nearest(characters * tts / 1000),
            "messages": 0,
        }
    assert cost.total == cost.total_known == sum(part for part in cost.parts.values() if part is not None)
    assert cost.unpriced == []


@given(st.fractions(min_value=0, max_value=10**9))
def test_rounding_is_half_to_even(amount: Fraction) -> None:
    result = rounded(amount)
    assert result.as_tuple().exponent == -6
    assert abs(Fraction(result) - amount) <= Fraction(1, 2_000_000)


@pytest.mark.parametrize(
    ("numerator", "text"), [(5, "0.000000"), (15, "0.000002"), (25, "0.000002"), (35, "0.000004"), (26, "0.000003")]
)
def test_halves_go_to_the_even_neighbour(numerator: int, text: str) -> None:
    assert str(rounded(Fraction(numerator, 10_000_000))) == text


@given(known=st.lists(st.booleans(), min_size=3, max_size=3), count=st.integers(1, 5))
def test_what_has_no_price_is_null_and_never_nothing(known: list[bool], count: int) -> None:
    names = {"stt": "nova-3", "llm": "gpt-4o-mini", "tts": "eleven_flash_v2_5"}
    units = {"stt": ["minute"], "llm": ["1m_input_tokens", "1m_output_tokens"], "tts": ["1k_characters"]}
    priced = [kind for kind, has in zip(names, known, strict=True) if has]
    book = [price("transport", "webrtc", "minute", "1"), price("platform", "call", "minute", "1")]
    for kind in priced:
        for unit in units[kind]:
            row = price(kind, names[kind], unit, "1")
            row.provider = next(usage["provider"] for usage in USAGE if usage["kind"] == kind)
            book.append(row)
    cost = cost_of(report(Decimal(60), USAGE * count), book)
    missing = [kind for kind in names if kind not in priced]
    assert [kind for kind in Part.values if cost.parts[kind] is None] == [kind for kind in Part.values if kind in missing]
    assert (cost.total is None) == bool(missing)
    assert [entry["kind"] for entry in cost.unpriced] == missing
    assert cost.total_known == sum(part for part in cost.parts.values() if part is not None)


@pytest.mark.parametrize("unit", ["1m_input_tokens", "1m_output_tokens"])
def test_half_a_price_is_no_price(unit: str) -> None:
    book = [price("llm", "gpt-4o-mini", unit, "1")]
    assert cost_of(report(Decimal(60), [USAGE[1]]), book).parts["llm"] is None


def test_cached_tokens_without_a_price_cost_as_much_as_others() -> None:
    book = [price("llm", "gpt-4o-mini", "1k_input_tokens", "1"), price("llm", "gpt-4o-mini", "1k_output_tokens", "0")]
    usage = {**USAGE[1], "input_tokens": 1000, "input_cached_tokens": 400}
    assert cost_of(report(Decimal(60), [usage]), book).parts["llm"] == 1


def test_a_fee_per_call_comes_on_top() -> None:
    book = [price("transport", "webrtc", "minute", "0.60"), price("transport", "webrtc", "call", "0.05")]
    assert cost_of(report(Decimal(30), []), book).parts["transport"] == Decimal("0.35")


def test_what_the_platform_pays_is_kept_apart() -> None:
    book = [price("transport", "webrtc", "minute", "2", "1"), price("platform", "call", "minute", "3", "0")]
    cost = cost_of(report(Decimal(60), []), book)
    assert (cost.total, cost.provider_cost) == (5, 1)
    assert cost_of(report(Decimal(60), USAGE), book).provider_cost is None


def test_numbers_are_read_by_their_shortest_text() -> None:
    checked = report(Decimal("0.1"), [])
    assert CallReport.model_validate({**checked.model_dump(), "duration": 0.1}).content_hash() == checked.content_hash()
    assert CallReport.model_validate({**checked.model_dump(), "duration": 0.10000000000000003}).duration == Decimal("0.1")
