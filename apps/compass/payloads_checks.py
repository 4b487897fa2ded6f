"""A scenario as it is written, in the form, by the API, and in a template of agents."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from apps.core.payloads import storable

Kind = Literal["contains", "lacks", "matches", "tool", "no_tool", "handoff", "no_handoff", "language", "max_turns", "first_token"]
NUMBERS = {"max_turns", "first_token"}
EMPTY = {"handoff", "no_handoff"}
Line = Annotated[str, Field(min_length=1, max_length=4_000)]
Sentence = Annotated[str, Field(min_length=1, max_length=400)]


class Shape(BaseModel):
    """A misspelt field is an error and not silently nothing."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class Assertion(Shape):
    """Something that has to hold. `value` is a text, a tool's name, a team, a language or a number, by its kind."""

    kind: Kind
    value: str = Field("", max_length=400)
    arguments: dict[str, Any] = Field(default_factory=dict, description="For `tool`: what it has to be called with.")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if not self.value and self.kind not in EMPTY:
            raise ValueError(f"{self.kind} needs a value")
        if self.kind in NUMBERS:
            try:
                number = float(self.value)
            except ValueError:
                raise ValueError(f"{self.kind} needs a number") from None
            if not (1 if self.kind == "max_turns" else 0) <= number <= 1_000 or not number:
                raise ValueError(f"{self.kind} needs a number above 0")
            self.value = f"{int(number)}" if self.kind == "max_turns" else self.value
        return self


class ScenarioIn(Shape):
    """With `lines` the customer is scripted, else a model plays `customer` for up to `turns` answers."""

    name: str = Field(min_length=1, max_length=120)
    customer: str = Field("", max_length=4_000)
    lines: list[Line] = Field(default_factory=list, max_length=20)
    turns: int = Field(6, ge=1, le=20)
    assertions: list[Assertion] = Field(default_factory=list, max_length=20)
    criteria: list[Sentence] = Field(default_factory=list, max_length=10)
    pass_mark: float = Field(0.7, ge=0, le=1)
    tool_answers: dict[str, Any] = Field(default_factory=dict, max_length=50)

    @model_validator(mode="before")
    @classmethod
    def _storable(cls, data: Any) -> Any:
        return storable(data)

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if not self.lines and not self.customer:
            raise ValueError("say who the customer is and what they want, or write their lines")
        if not self.assertions and not self.criteria:
            raise ValueError("say what has to hold: add an assertion, or a criterion for the judge")
        return self
