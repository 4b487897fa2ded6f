"""A scenario as people write it: lines and criteria one a line, assertions a row each."""

import json
from collections.abc import Iterator
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from pydantic import ValidationError

from apps.compass.models.checks import CheckScenario
from apps.compass.payloads_checks import ScenarioIn
from apps.compass.services.checks_assertions import KINDS

SPARE_ROWS = 3
MOST_ROWS = 20


class ScenarioForm(forms.Form):
    """`given` is the checked scenario once the form is valid."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=120)
    customer = forms.CharField(
        label=gettext_lazy("Who the customer is and what they want"),
        required=False,
        max_length=4_000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("A model plays this customer. Leave it empty when you write the lines yourself."),
    )
    lines = forms.CharField(
        label=gettext_lazy("Or what they say, one message a line"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("With lines, no model plays the customer, and every run asks the same."),
    )
    turns = forms.IntegerField(label=gettext_lazy("Most answers"), min_value=1, max_value=20, initial=6)
    criteria = forms.CharField(
        label=gettext_lazy("What a judge scores, one a line"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("A model reads the conversation and scores each from 0 to 1, with a reason."),
    )
    pass_mark = forms.FloatField(label=gettext_lazy("Lowest score that passes"), min_value=0, max_value=1, initial=0.7)
    tool_answers = forms.CharField(
        label=gettext_lazy("Answers of tools"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "class": "font-mono"}),
        help_text=gettext_lazy('JSON such as {"book": {"ok": true}}. Tools that are not named here really run.'),
    )

    def __init__(self, data: Any = None, *, scenario: CheckScenario | None = None) -> None:
        super().__init__(data, initial=_initial(scenario) if scenario else None)
        self.given: ScenarioIn | None = None
        saved = scenario.assertions if scenario else []
        self.rows = list(_posted(data)) if data is not None else list(saved)

    @property
    def assertion_rows(self) -> list[dict[str, Any]]:
        """The rows with their numbers, and a few that are free."""
        free = [{"kind": "", "value": ""}] * max(0, min(SPARE_ROWS, MOST_ROWS - len(self.rows)))
        return [
            {**row, "number": number, "arguments": _json(row.get("arguments"))} for number, row in enumerate([*self.rows, *free])
        ]

    @property
    def kinds(self) -> list[tuple[str, Any]]:
        return list(KINDS.items())

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if self.errors:
            return data
        try:
            assertions = [{**row, "arguments": _object(row["arguments"])} for row in self.rows]
            self.given = ScenarioIn.model_validate(
                {
                    **data,
                    "lines": _lines(data["lines"]),
                    "criteria": _lines(data["criteria"]),
                    "assertions": assertions,
                    "tool_answers": _object(data["tool_answers"]),
                }
            )
        except ValueError as error:
            raise forms.ValidationError(_sentence(error)) from error
        return data


def _sentence(error: ValueError) -> str:
    if not isinstance(error, ValidationError):
        return _("Tool answers and arguments are JSON objects, such as {}; check their quotes and brackets.").replace(
            "{}", '{"day": "Monday"}'
        )
    item = error.errors()[0]
    return f"{item['msg'].removeprefix('Value error, ')}."


def _initial(scenario: CheckScenario) -> dict[str, Any]:
    plain = {name: getattr(scenario, name) for name in ("name", "customer", "turns", "pass_mark")}
    lists = {name: "\n".join(getattr(scenario, name)) for name in ("lines", "criteria")}
    return {**plain, **lists, "tool_answers": _json(scenario.tool_answers)}


def _posted(data: Any) -> Iterator[dict[str, Any]]:
    """The rows that say what has to hold; one without a kind is free."""
    for number in range(MOST_ROWS + SPARE_ROWS):
        kind = data.get(f"assertion-{number}-kind", "")
        if kind:
            value, arguments = (data.get(f"assertion-{number}-{name}", "").strip() for name in ("value", "arguments"))
            yield {"kind": kind, "value": value, "arguments": arguments}


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _object(text: str) -> dict[str, Any]:
    value = json.loads(text or "{}")
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value


def _json(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False) if value else ""
