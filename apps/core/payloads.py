"""What foreign JSON goes through before Postgres keeps it."""

from typing import Any


def storable(value: Any) -> Any:
    """The same JSON without NUL characters and halves of surrogate pairs, neither of which Postgres can keep."""
    if isinstance(value, str):
        return value.replace("\x00", "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {storable(key): storable(item) for key, item in value.items()}
    return [storable(item) for item in value] if isinstance(value, list) else value
