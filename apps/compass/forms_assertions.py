"""What a check's assertions ask for, kind by kind, and how they are posted: a row each, with fields of its own kind."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.compass.knowledge.tool import tools_runnable
from apps.compass.languages import language_choices
from apps.compass.models.agents import Agent
from apps.compass.neighbours import teams_now
from apps.compass.payloads_checks import Assertion
from apps.compass.selectors.versions import version_head
from apps.compass.services.checks_assertions import KINDS
from apps.compass.services.checks_language import LANGUAGES_TOLD
from apps.compass.tools.offers import tool_specs
from apps.compass.words import SHOWN
from apps.core.payloads import json_read

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

MOST_ROWS = 20
POSTED = re.compile(r"^assertion-(\d{1,4})-kind$")


@dataclass(frozen=True)
class Asked:
    """How the value of a kind is asked for: `control` is text, pattern, tool, team, language, count, seconds, or empty."""

    control: str
    label: "str | _StrPromise"
    help: "str | _StrPromise"
    missing: "str | _StrPromise" = ""


_TEXT = (gettext_lazy("Words"), gettext_lazy("Write the words."))
_TOOL = (gettext_lazy("Tool"), gettext_lazy("Name the tool."))
ASKED = {
    "contains": Asked("text", _TEXT[0], gettext_lazy("At least one reply has these words in it, in capitals or not."), _TEXT[1]),
    "lacks": Asked("text", _TEXT[0], gettext_lazy("Not one reply has these words in it."), _TEXT[1]),
    "matches": Asked(
        "pattern",
        gettext_lazy("Pattern"),
        gettext_lazy("A regular expression that fits a part of at least one reply: nine|9:00 is either of the two."),
        gettext_lazy("Write the pattern."),
    ),
    "tool": Asked("tool", _TOOL[0], gettext_lazy("The agent called this tool at least once."), _TOOL[1]),
    "no_tool": Asked("tool", _TOOL[0], gettext_lazy("The agent never called this tool."), _TOOL[1]),
    "handoff": Asked("team", gettext_lazy("Team"), gettext_lazy("The agent called a person; where a team is chosen, that one.")),
    "no_handoff": Asked("", "", gettext_lazy("The agent got by without a person.")),
    "language": Asked(
        "language",
        gettext_lazy("Language"),
        gettext_lazy("All replies together are in it; a few words are too little to tell."),
        gettext_lazy("Choose a language."),
    ),
    "max_turns": Asked(
        "count",
        gettext_lazy("Answers"),
        gettext_lazy("The conversation was over after this many answers of the agent, or sooner."),
        gettext_lazy("Write a number from 1 to 1,000."),
    ),
    "first_token": Asked(
        "seconds",
        gettext_lazy("Seconds"),
        gettext_lazy("Before every answer the model began to write within this time."),
        gettext_lazy("Write a number above 0, such as 1.5."),
    ),
}


@dataclass(frozen=True)
class Offered:
    """What an agent's assertions can be chosen among; lists are asked for when they are shown."""

    agent: Agent

    @cached_property
    def tools(self) -> list[str]:
        """Names of what the agent can call, as its model knows them."""
        return [tool["name"] for tool in tool_specs(tools_runnable(version_head(self.agent).config))]

    @cached_property
    def teams(self) -> list[tuple[str, str]]:
        return [("", _("any, or everybody")), *teams_now()]


@dataclass(frozen=True)
class Row:
    """An assertion as it is shown: its number on the page, what it says, and what is wrong with it."""

    number: str
    kind: str
    value: str
    arguments: str
    offered: Offered
    wrong: "Wrong | None" = None
    kinds: "list[tuple[str, str | _StrPromise]]" = field(default_factory=lambda: list(KINDS.items()))

    @property
    def asked(self) -> Asked:
        return ASKED.get(self.kind, ASKED["contains"])

    @property
    def choices(self) -> list[tuple[str, str]]:
        """Teams or languages; what is set stays one of them."""
        if self.asked.control == "language":
            return language_choices(self.value, LANGUAGES_TOLD)
        teams = self.offered.teams
        return teams if self.value in dict(teams) else [*teams, (self.value, self.value)]


def rows_posted(data: Any) -> list[dict[str, Any]]:
    """The assertions of a form in the order of the page, unchecked."""
    numbers = sorted(int(found[1]) for name in data if (found := POSTED.match(name)))
    return [
        {name: data.get(f"assertion-{number}-{name}", "").strip() for name in ("kind", "value", "arguments")}
        for number in numbers
        if data.get(f"assertion-{number}-kind")
    ]


@dataclass(frozen=True)
class Wrong:
    """What is wrong with a row, in a sentence, and with which of its fields."""

    text: str
    field: str = "value"


def rows_checked(rows: list[dict[str, Any]]) -> Iterator[Assertion | Wrong]:
    """Each as it is kept, or what is wrong with it."""
    for row in rows:
        try:
            yield Assertion.model_validate({**row, "arguments": arguments_of(row["arguments"])})
        except NoArguments as error:
            yield Wrong(str(error), "arguments")
        except ValueError:
            asked = ASKED.get(row["kind"])
            yield Wrong(str(asked.missing) if asked else _("Choose what has to hold."))


class NoArguments(ValueError):
    """What was written can be no arguments; the text says how they are written."""


def arguments_of(text: str) -> dict[str, Any]:
    """Lines of `name: value`, whose values are texts, or a JSON object. Raises NoArguments."""
    return _json_read(text) if text.startswith(("{", "[")) else dict(_lines_read(text))


def _json_read(text: str) -> dict[str, Any]:
    try:
        value = json_read(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise NoArguments(
            _("This is no JSON object, such as %(example)s. Check its quotes and brackets.") % {"example": '{"day": 1}'}
        )
    return value


def _lines_read(text: str) -> Iterator[tuple[str, str]]:
    for line in filter(str.strip, text.splitlines()):
        name, colon, value = (part.strip() for part in line.partition(":"))
        if not (name and colon and value):
            raise NoArguments(_("“%(line)s” is no argument: write its name, a colon, and its value.") % {"line": line[:SHOWN]})
        yield name, value


def arguments_shown(arguments: dict[str, Any]) -> str:
    """As `arguments_of` reads them: lines where all values are texts of one line, else JSON."""
    lines = "\n".join(f"{name}: {value}" for name, value in arguments.items())
    try:
        plain = arguments_of(lines) == arguments
    except NoArguments:
        plain = False
    return lines if plain else json.dumps(arguments, ensure_ascii=False)
