"""Percentiles, as every table of the benches shows them."""

from collections.abc import Iterable


def percentile(values: Iterable[float], p: float) -> float:
    """The value below which `p` percent of the values lie; nan without any."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * p / 100))] if ordered else float("nan")


def ms(seconds: float) -> str:
    """Seconds as whole milliseconds."""
    return "-" if seconds != seconds else f"{seconds * 1000:,.0f}"
