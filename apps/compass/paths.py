"""Picking parts of a JSON answer: `order.status`, `items[0].name`, `items[*].price`, or JSON Pointers such as `/order/status`."""

import re
from typing import Any

from apps.core.errors import MeridianError

Step = str | int
EVERY = "*"
PART = re.compile(r"\.?(?:([A-Za-z_$][\w$-]*)|\[(\d{1,6}|\*)\]|\[\"([^\"\]]+)\"\])")
POINTER_INDEX = re.compile(r"^(0|[1-9]\d{0,5})$")


class BadPath(MeridianError):
    """The text is no path."""


class _Every:
    """Marks `[*]`."""


ALL = _Every()


def path_parse(path: str) -> list[Step | _Every]:
    """The steps of a path; an empty path is the whole answer. Raises BadPath."""
    if path.startswith("/"):
        return [_pointed(part) for part in path[1:].split("/")]
    steps: list[Step | _Every] = []
    place = 0
    while place < len(path):
        found = PART.match(path, place)
        if found is None:
            raise BadPath(f"“{path}” is no path such as order.status, items[0].name, items[*].price or /order/status")
        steps.append(_step(found))
        place = found.end()
    return steps


def _step(found: re.Match[str]) -> Step | _Every:
    name, index, quoted = found.groups()
    if index is None:
        return str(name or quoted)
    return ALL if index == EVERY else int(index)


def _pointed(part: str) -> Step | _Every:
    """A part of a JSON Pointer (RFC 6901 section 4)."""
    text = part.replace("~1", "/").replace("~0", "~")
    return int(text) if POINTER_INDEX.match(text) else text


def path_pick(value: Any, path: str) -> Any:
    """What is at the path, None where there is nothing; `[*]` makes a list. Raises BadPath."""
    return _walk(value, path_parse(path))


def _walk(value: Any, steps: list[Step | _Every]) -> Any:
    for number, step in enumerate(steps):
        if isinstance(step, _Every):
            rest = steps[number + 1 :]
            return [_walk(item, rest) for item in value] if isinstance(value, list) else None
        value = _child(value, step)
    return value


def _child(value: Any, step: Step) -> Any:
    if isinstance(value, list):
        return value[step] if isinstance(step, int) and step < len(value) else None
    return value.get(str(step)) if isinstance(value, dict) else None
