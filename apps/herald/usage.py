"""What a turn used, in the llm rows of contracts.md (Billing)."""

from typing import Any

from openai.types import CompletionUsage


class Meter:
    """Adds up tokens by provider and model. `input_tokens` includes `input_cached_tokens`."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], dict[str, Any]] = {}

    def add(self, provider: str, model: str, usage: CompletionUsage) -> None:
        """Counts one answer of a model."""
        row = self._rows.setdefault((provider, model), _empty(provider, model))
        details = usage.prompt_tokens_details
        cached = (details.cached_tokens if details else 0) or 0
        row["input_tokens"] += max(usage.prompt_tokens or 0, cached)
        row["input_cached_tokens"] += cached
        row["output_tokens"] += usage.completion_tokens or 0

    def rows(self) -> list[dict[str, Any]]:
        """One row for each model, in the order of their first use."""
        return list(self._rows.values())


def _empty(provider: str, model: str) -> dict[str, Any]:
    zero = {"input_tokens": 0, "input_cached_tokens": 0, "output_tokens": 0}
    return {"kind": "llm", "provider": provider, "model": model, **zero}
