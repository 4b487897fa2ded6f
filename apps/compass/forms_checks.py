"""A scenario as people write it: lines and criteria one a line, assertions a row each."""

import json
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from pydantic import ValidationError

from apps.compass.forms_assertions import ASKED, MOST_ROWS, Offered, Row, Wrong, arguments_shown, rows_checked, rows_posted
from apps.compass.forms_focus import FocusedForm
from apps.compass.models.agents import Agent
from apps.compass.models.checks import CheckScenario
from apps.compass.payloads_checks import Assertion, ScenarioIn
from apps.compass.words import json_fault, line_named, said_whole
from apps.core.payloads import json_read


class ScenarioForm(FocusedForm):
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

    def __init__(self, data: Any = None, *, agent: Agent, scenario: CheckScenario | None = None) -> None:
        super().__init__(data, initial=_initial(scenario) if scenario else None)
        self.given: ScenarioIn | None = None
        self.offered = Offered(agent)
        self.most = MOST_ROWS
        saved = (
            [{**row, "arguments": arguments_shown(row.get("arguments") or {})} for row in scenario.assertions] if scenario else []
        )
        self.rows = saved if data is None else rows_posted(data)
        self.checked: list[Assertion | Wrong] = [] if data is None else list(rows_checked(self.rows))

    @property
    def assertion_rows(self) -> list[Row]:
        """What has to hold, as it is shown."""
        wrong = [one if isinstance(one, Wrong) else None for one in self.checked] or [None] * len(self.rows)
        return [
            Row(str(number), row["kind"], row["value"], row["arguments"], self.offered, mistake)
            for number, (row, mistake) in enumerate(zip(self.rows, wrong, strict=True))
        ]

    @property
    def blank_rows(self) -> list[Row]:
        """An empty one of each kind, from which the page makes new ones."""
        return [Row("__n__", kind, "", "", self.offered) for kind in ASKED]

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if self.errors:
            return data
        assertions = [one for one in self.checked if isinstance(one, Assertion)]
        if len(assertions) < len(self.checked):
            raise forms.ValidationError(_("Something of what must be true is not complete yet; it says so there."))
        try:
            self.given = ScenarioIn.model_validate(
                {
                    **data,
                    "lines": _lines(data["lines"]),
                    "criteria": _lines(data["criteria"]),
                    "assertions": [one.model_dump() for one in assertions],
                }
            )
        except ValidationError as error:
            for item in error.errors():
                self.add_error(*_told(item))
        return data

    def clean_tool_answers(self) -> dict[str, Any]:
        try:
            value = json_read(self.cleaned_data["tool_answers"] or "{}")
        except ValueError as error:
            raise forms.ValidationError(json_fault(error)) from error
        if not isinstance(value, dict):
            raise forms.ValidationError(_("Write it as in the example, in braces, { and }."))
        return value


def _told(item: Any) -> tuple[str | None, str]:
    """The field, none for the whole, and what is wrong with it; one of several lines is named by its number."""
    field, *rest = item["loc"] or [None]
    if field not in ScenarioForm.base_fields:
        return None, said_whole(item)
    line = line_named(rest[0]) if rest and isinstance(rest[0], int) else ""
    return field, f"{line}{said_whole(item)}"


def _initial(scenario: CheckScenario) -> dict[str, Any]:
    plain = {name: getattr(scenario, name) for name in ("name", "customer", "turns", "pass_mark")}
    lists = {name: "\n".join(getattr(scenario, name)) for name in ("lines", "criteria")}
    return {**plain, **lists, "tool_answers": _json(scenario.tool_answers)}


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if value else ""
