"""What foreign JSON goes through before it is believed, and before Postgres keeps it."""

import json
import math
from typing import Any

DEEPEST = 100  # lists and objects inside each other: far more than anybody means, and little enough for all that walks them
TOO_DEEP = "it is nested too deeply. Send fewer lists and objects inside each other."


def json_read(sent: str | bytes) -> Any:
    """The JSON that somebody sent. Raises ValueError for whatever is none, numbers such as NaN and 1e999 included, and for
    what is nested more than DEEPEST levels."""
    text = sent.decode(json.detect_encoding(sent)) if isinstance(sent, bytes) else sent
    try:
        value = json.loads(text, parse_constant=_no_number, parse_float=_finite)
    except RecursionError as error:
        raise ValueError(TOO_DEEP) from error
    if text.count("[") + text.count("{") > DEEPEST and _deeper([value], DEEPEST):
        raise ValueError(TOO_DEEP)
    return value


def _deeper(level: list[Any], most: int) -> bool:
    """Whether these hold more levels of lists and objects than that."""
    for _ in range(most + 1):
        level = [value for value in level if isinstance(value, dict | list)]
        if not level:
            return False
        level = [item for value in level for item in (value.values() if isinstance(value, dict) else value)]
    return True


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _no_number(text)


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number in JSON.")


def storable(value: Any) -> Any:
    """The same JSON without NUL characters and halves of surrogate pairs, neither of which Postgres can keep."""
    if isinstance(value, str):
        return value.replace("\x00", "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {storable(key): storable(item) for key, item in value.items()}
    return [storable(item) for item in value] if isinstance(value, list) else value
