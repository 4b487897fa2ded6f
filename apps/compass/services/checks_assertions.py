"""What can be asserted of a conversation, and whether it holds."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import DataError, OperationalError, connection, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.compass.services.checks_language import language_of

Turns = list[dict[str, Any]]
PATTERN_MS = 1000  # a pattern that takes longer is refused, so that none can hold a worker up


@dataclass(frozen=True)
class Found:
    """Whether an assertion holds; None when nobody can tell. `detail` says what was there instead."""

    holds: bool | None
    detail: str = ""


class BadPattern(Exception):
    """The text is no regular expression, or one that takes for ever."""


KINDS = {
    "contains": gettext_lazy("A reply contains"),
    "lacks": gettext_lazy("No reply contains"),
    "matches": gettext_lazy("A reply matches the pattern"),
    "tool": gettext_lazy("The tool was called"),
    "no_tool": gettext_lazy("The tool was not called"),
    "handoff": gettext_lazy("Handed over to the team"),
    "no_handoff": gettext_lazy("Not handed over"),
    "language": gettext_lazy("Replies are in the language"),
    "max_turns": gettext_lazy("Answers at most"),
    "first_token": gettext_lazy("First word within seconds"),
}
WITHOUT_VALUE = {"no_handoff"}
MAY_BE_EMPTY = {"handoff", *WITHOUT_VALUE}


def assertion_check(assertion: dict[str, Any], turns: Turns) -> Found:
    """Whether one assertion (`kind`, `value`, for tools `arguments`) holds of a conversation's answers."""
    return CHECKS[assertion["kind"]](assertion, turns)


def pattern_matches(pattern: str, text: str) -> bool:
    """By Postgres, which can be told to give up (its syntax is close to Perl's). Raises BadPattern."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = {PATTERN_MS}")
            cursor.execute("SELECT %s ~* %s", [text, pattern])
            matches = bool(cursor.fetchone()[0])
            cursor.execute("SET LOCAL statement_timeout = DEFAULT")
    except (DataError, OperationalError) as error:
        raise BadPattern(str(error).partition("\n")[0]) from error
    return matches


def _replies(turns: Turns) -> list[str]:
    return [turn["reply"] for turn in turns if turn["reply"]]


def _contains(assertion: dict[str, Any], turns: Turns) -> Found:
    wanted = assertion["value"].casefold()
    return Found(any(wanted in reply.casefold() for reply in _replies(turns)), _("No reply says it."))


def _lacks(assertion: dict[str, Any], turns: Turns) -> Found:
    unwanted = assertion["value"].casefold()
    said = [number for number, reply in enumerate(_replies(turns), 1) if unwanted in reply.casefold()]
    return Found(not said, _("Reply %(number)s says it.") % {"number": said[0]} if said else "")


def _matches(assertion: dict[str, Any], turns: Turns) -> Found:
    try:
        return Found(any(pattern_matches(assertion["value"], reply) for reply in _replies(turns)), _("No reply matches."))
    except BadPattern:
        return Found(None, _("The pattern is wrong, or takes too long."))


def _tool(assertion: dict[str, Any], turns: Turns) -> Found:
    used = [use for turn in turns for use in turn["tools"] if use["name"] == assertion["value"]]
    if not used:
        return Found(False, _("It was not called."))
    wanted = assertion.get("arguments") or {}
    fits = any(_within(wanted, use["arguments"]) for use in used)
    return Found(fits, _("It was called with %(arguments)s.") % {"arguments": used[-1]["arguments"]})


def _no_tool(assertion: dict[str, Any], turns: Turns) -> Found:
    used = any(use["name"] == assertion["value"] for turn in turns for use in turn["tools"])
    return Found(not used, _("It was called."))


def _handoff(assertion: dict[str, Any], turns: Turns) -> Found:
    made = [turn["handoff"] for turn in turns if turn["handoff"]]
    if not made:
        return Found(False, _("Nobody was called."))
    team = made[-1]["team"] or ""
    return Found(assertion["value"] in ("", team), _("It went to %(team)s.") % {"team": team or _("everybody")})


def _no_handoff(assertion: dict[str, Any], turns: Turns) -> Found:
    made = [turn["handoff"] for turn in turns if turn["handoff"]]
    return Found(not made, made[0]["reason"] if made else "")


def _language(assertion: dict[str, Any], turns: Turns) -> Found:
    spoken = language_of(" ".join(_replies(turns)))
    if spoken is None:
        return Found(None, _("Too little was said to tell the language."))
    wanted = assertion["value"].partition("-")[0].lower()
    return Found(spoken == wanted, _("They are in “%(language)s”.") % {"language": spoken})


def _max_turns(assertion: dict[str, Any], turns: Turns) -> Found:
    return Found(len(turns) <= int(assertion["value"]), _("There were %(count)s.") % {"count": len(turns)})


def _first_token(assertion: dict[str, Any], turns: Turns) -> Found:
    times = [turn["first_token"] for turn in turns if turn["first_token"] is not None]
    if not times:
        return Found(None, _("No model spoke."))
    return Found(max(times) <= float(assertion["value"]), _("It took up to %(seconds).2f s.") % {"seconds": max(times)})


def _within(wanted: Any, given: Any) -> bool:
    """Whether everything that is wanted is given; texts compare without case."""
    if isinstance(wanted, dict):
        return isinstance(given, dict) and all(_within(value, given.get(key)) for key, value in wanted.items())
    if isinstance(wanted, str):
        return str(given).strip().casefold() == wanted.strip().casefold()
    return bool(wanted == given)


CHECKS: dict[str, Callable[[dict[str, Any], Turns], Found]] = {
    "contains": _contains,
    "lacks": _lacks,
    "matches": _matches,
    "tool": _tool,
    "no_tool": _no_tool,
    "handoff": _handoff,
    "no_handoff": _no_handoff,
    "language": _language,
    "max_turns": _max_turns,
    "first_token": _first_token,
}
