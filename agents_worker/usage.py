"""What a call consumed, by provider and model."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from livekit.agents import metrics

from agents_worker.contracts import LlmUsage, SttUsage, TtsUsage, UsageRow
from agents_worker.providers import provider_name

_Key = tuple[str, str, str]


class UsageMeter:
    """Adds up the metrics of every model it watches, on top of what earlier runs used."""

    def __init__(self) -> None:
        self._collector = metrics.ModelUsageCollector()

    def watch(self, model: Any) -> None:
        """Count everything a model (STT, LLM or TTS) reports from now on."""
        model.on("metrics_collected", self._collector.collect)

    def rows(self) -> list[UsageRow]:
        """This run's usage, cumulative, one row for each kind, provider and model."""
        return merged(_row(usage) for usage in self._collector.flatten())


def merged(rows: Iterable[UsageRow | None]) -> list[UsageRow]:
    """Rows of the same kind, provider and model added together, in their first order."""
    totals: dict[_Key, UsageRow] = {}
    for row in rows:
        if row is not None:
            key = (row.kind, row.provider, row.model)
            totals[key] = _added(totals[key], row) if key in totals else row
    return list(totals.values())


def _row(usage: metrics.ModelUsage) -> UsageRow | None:
    provider = provider_name(usage.provider)
    if isinstance(usage, metrics.STTModelUsage):
        return SttUsage(provider=provider, model=usage.model, audio_duration=round(usage.audio_duration, 3))
    if isinstance(usage, metrics.LLMModelUsage):
        return LlmUsage(
            provider=provider,
            model=usage.model,
            input_tokens=usage.input_tokens,
            input_cached_tokens=usage.input_cached_tokens,
            output_tokens=usage.output_tokens,
        )
    if isinstance(usage, metrics.TTSModelUsage):
        return TtsUsage(provider=provider, model=usage.model, characters_count=usage.characters_count)
    return None  # turn detection runs on this machine and costs nothing


def _added(first: UsageRow, second: UsageRow) -> UsageRow:
    numbers = {
        name: value + getattr(second, name) for name, value in first.model_dump().items() if isinstance(value, int | float)
    }
    return first.model_copy(update=numbers)
