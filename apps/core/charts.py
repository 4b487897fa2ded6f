"""What templates/components/chart.html shows: data for the canvas, and the same numbers as a table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Series:
    """One line or set of bars. `color` is a theme colour, such as `--color-primary`."""

    label: str
    values: Sequence[float | None]
    color: str = "--color-primary"


@dataclass(frozen=True)
class Chart:
    """`title` says the finding. `kind` is bars, stack or line; without a `span` the value axis starts at zero.

    `ticks` words the values of that axis, by value; `labels` those of the other one, by x. Values have `prefix` before them, and
    `places`; smaller ones two more.
    """

    title: str
    kind: str
    x: Sequence[int]
    series: Sequence[Series]
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    unit: str = ""
    span: tuple[float, float] | None = None
    ticks: Mapping[str, str] = field(default_factory=dict)
    legend: Sequence[tuple[str, str]] = field(default=())
    labels: Mapping[str, str] = field(default_factory=dict)
    prefix: str = ""
    places: int = 2

    @property
    def data(self) -> dict[str, Any]:
        """The JSON that frontend/src/chart.ts reads."""
        series = [{"label": one.label, "values": list(one.values), "color": one.color} for one in self.series]
        data = {
            "kind": self.kind,
            "x": list(self.x),
            "series": series,
            "unit": self.unit,
            "range": self.span,
            "places": self.places,
        }
        words = {"ticks": dict(self.ticks), "labels": dict(self.labels), "prefix": self.prefix}
        return data | {name: given for name, given in words.items() if given}
