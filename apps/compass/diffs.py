"""What differs between two versions of an agent, by field, as people read it."""

import difflib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.compass.languages import language_shown
from apps.compass.models import AgentVersion
from apps.compass.selectors.versions import config_whole

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

WORDS = re.compile(r"\s+|[^\s\w]|\w+")
LONG = 80  # characters from which a text is compared by lines and words
CONTEXT = 2
TEXTS = ("prompt.system", "prompt.greeting")
LABELS: "dict[str, _StrPromise]" = {
    "name": gettext_lazy("Name"),
    "language": gettext_lazy("Language"),
    "prompt.system": gettext_lazy("Prompt"),
    "prompt.greeting": gettext_lazy("Greeting"),
    "prompt.greetings": gettext_lazy("Greeting in"),
    "variables": gettext_lazy("Variable"),
    "stt.provider": gettext_lazy("Speech to text: provider"),
    "stt.model": gettext_lazy("Speech to text: model"),
    "stt.options": gettext_lazy("Speech to text: option"),
    "llm.provider": gettext_lazy("Language model: provider"),
    "llm.model": gettext_lazy("Language model"),
    "llm.temperature": gettext_lazy("Temperature"),
    "llm.fallbacks": gettext_lazy("Fallback models"),
    "llm.options": gettext_lazy("Language model: option"),
    "tts.provider": gettext_lazy("Voice: provider"),
    "tts.model": gettext_lazy("Voice: model"),
    "tts.voice": gettext_lazy("Voice"),
    "tts.options": gettext_lazy("Voice: option"),
    "turn_taking.min_endpointing_delay": gettext_lazy("Shortest pause before answering, seconds"),
    "turn_taking.max_endpointing_delay": gettext_lazy("Longest pause before answering, seconds"),
    "turn_taking.allow_interruptions": gettext_lazy("Callers may interrupt"),
    "turn_taking.preemptive": gettext_lazy("Think ahead"),
    "tools": gettext_lazy("Tool"),
    "knowledge": gettext_lazy("Knowledge"),
    "handoff.team": gettext_lazy("Hand over to"),
    "handoff.phrases": gettext_lazy("Phrases that ask for a person"),
    "limits.max_call_seconds": gettext_lazy("Longest call, seconds"),
    "limits.first_word_seconds": gettext_lazy("First word within, seconds"),
    "limits.first_token_seconds": gettext_lazy("Model answers within, seconds"),
    "media_bot.ringback": gettext_lazy("Ringing tone"),
    "media_bot.transcribe": gettext_lazy("Transcription"),
    "media_bot.sentiment": gettext_lazy("Sentiment"),
    "media_bot.record": gettext_lazy("Recording"),
    "media_bot.record_days": gettext_lazy("Days that recordings are kept"),
}


@dataclass(frozen=True)
class Part:
    """A run of words of a line: `changed` where it differs from the other side."""

    text: str
    changed: bool = False


@dataclass(frozen=True)
class Line:
    """`kind`: same, removed, added, or gap (with the number of lines left out as its text)."""

    kind: str
    parts: list[Part]


@dataclass(frozen=True)
class Change:
    """A field that differs. `lines` where it is a text of some length; `before` or `after` is None where it was not there."""

    path: str
    label: str
    before: Any
    after: Any
    lines: list[Line] = field(default_factory=list)


def versions_diff(old: AgentVersion | None, new: AgentVersion) -> list[Change]:
    """What changes from one version to the other, in the editor's order; everything is new where there is no old one."""
    return configs_diff(_whole(old) if old else {}, _whole(new))


def configs_diff(old: dict[str, Any], new: dict[str, Any]) -> list[Change]:
    """The same for configurations; `language` stands beside their parts."""
    before, after = dict(_flat(old)), dict(_flat(new))
    paths = list(dict.fromkeys([*_ordered(after), *_ordered(before)]))
    return [_change(path, before.get(path), after.get(path)) for path in paths if before.get(path) != after.get(path)]


def _whole(version: AgentVersion) -> dict[str, Any]:
    return {"language": version.language, **config_whole(version)}


def _ordered(flat: dict[str, Any]) -> list[str]:
    order = {path: at for at, path in enumerate(LABELS)}
    return sorted(flat, key=lambda path: order.get(_known(path), len(order)))


def _flat(config: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Fields by dotted path; tools by their name, and lists as a whole."""
    for part, value in config.items():
        if part == "tools":
            yield from ((f"tools.{tool['name']}", tool) for tool in value)
        elif isinstance(value, dict) and part != "knowledge":
            yield from _flat_part(part, value)
        else:
            yield part, value


def _flat_part(part: str, values: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from ((f"{part}.{name}.{key}", item) for key, item in value.items())
        else:
            yield f"{part}.{name}", value


def _known(path: str) -> str:
    """The longest beginning of a path that has a label."""
    parts = path.split(".")
    return next((known for size in range(len(parts), 0, -1) if (known := ".".join(parts[:size])) in LABELS), path)


def _change(path: str, before: Any, after: Any) -> Change:
    known = _known(path)
    rest = path.removeprefix(known).lstrip(".")
    label = " ".join(filter(None, (str(LABELS.get(known, known)), rest)))
    return Change(path, label, before, after, _lines(path, before, after))


def _lines(path: str, before: Any, after: Any) -> list[Line]:
    old, new = _text(before), _text(after)
    if path in TEXTS or path.startswith(("tools.", "prompt.")) or max(len(old), len(new)) > LONG:
        return list(lines_diff(old, new))
    return []


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True)


def shown(value: Any, path: str = "") -> str:
    """A value as people read it; `path` is where it stands in the configuration."""
    if value is None or value == "":
        return _("nothing")
    if path == "language":
        return language_shown(value)
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list):
        return ", ".join(item if isinstance(item, str) else _item(item) for item in value) or _("none")
    return f"{value:g}" if isinstance(value, float) else _text(value)


def _item(item: Any) -> str:
    return str(item.get("model") or item.get("name") or _text(item)) if isinstance(item, dict) else _text(item)


def lines_diff(old: str, new: str) -> Iterator[Line]:
    """Two texts by lines, and by words within lines that were changed; long stretches without a change are left out."""
    before, after = old.splitlines(), new.splitlines()
    opcodes = difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    for at, (tag, i1, i2, j1, j2) in enumerate(opcodes):
        if tag == "equal":
            yield from _same(before[i1:i2], first=at == 0, last=at == len(opcodes) - 1)
        else:
            yield from _changed(before[i1:i2], after[j1:j2])


def _same(lines: list[str], *, first: bool, last: bool) -> Iterator[Line]:
    head, tail = (0 if first else CONTEXT), (0 if last else CONTEXT)
    left_out = len(lines) - head - tail
    if left_out <= 1:
        head, left_out = len(lines), 0
    yield from (Line("same", [Part(line)]) for line in lines[:head])
    if left_out:
        yield Line("gap", [Part(str(left_out))])
        yield from (Line("same", [Part(line)]) for line in lines[len(lines) - tail :] if tail)


def _changed(before: list[str], after: list[str]) -> Iterator[Line]:
    pairs = [_words(old, new) for old, new in zip(before, after, strict=False)]
    yield from (Line("removed", pairs[at][0] if at < len(pairs) else [Part(line)]) for at, line in enumerate(before))
    yield from (Line("added", pairs[at][1] if at < len(pairs) else [Part(line)]) for at, line in enumerate(after))


def _words(old: str, new: str) -> tuple[list[Part], list[Part]]:
    before, after = WORDS.findall(old), WORDS.findall(new)
    removed: list[Part] = []
    added: list[Part] = []
    for tag, i1, i2, j1, j2 in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        removed += [Part("".join(before[i1:i2]), tag != "equal")] if i1 < i2 else []
        added += [Part("".join(after[j1:j2]), tag != "equal")] if j1 < j2 else []
    return removed, added
