"""What a configuration has to be before it is kept or published."""

import re
from typing import Any

from pydantic import ValidationError

from apps.compass.payloads import Config
from apps.compass.selectors import AgentUnavailable
from apps.compass.tools.needs import secrets_missing, tools_problems
from apps.compass.words import said
from apps.core.errors import PermanentError

UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class ConfigInvalid(PermanentError):
    """A configuration cannot be kept; `errors` has one sentence for each place."""

    def __init__(self, errors: list[str]) -> None:
        super().__init__(" ".join(errors))
        self.errors = errors


def config_check(config: dict[str, Any]) -> dict[str, Any]:
    """The configuration with every default filled in. Raises ConfigInvalid."""
    try:
        checked = Config.model_validate(config)
    except ValidationError as error:
        raise ConfigInvalid([_sentence(item) for item in error.errors()]) from error
    stored = checked.model_dump(mode="json")
    if problems := tools_problems(stored["tools"]):
        raise ConfigInvalid(problems)
    if not _storable(stored):
        raise ConfigInvalid(["config: a text holds a NUL or half a character, which cannot be stored."])
    return stored


def secrets_check(config: dict[str, Any]) -> None:
    """Raises AgentUnavailable when a tool names a secret that is not stored."""
    missing = secrets_missing(config["tools"])
    if missing:
        raise AgentUnavailable("credential_missing", f"The tools use {', '.join(sorted(missing))}: add it under Secrets first.")


def _sentence(item: Any) -> str:
    place = ".".join(str(part) for part in item["loc"]) or "config"
    return f"{place}: {said(item)}."


def _storable(value: Any) -> bool:
    """Postgres keeps neither NUL nor lone surrogates in text or JSON."""
    if isinstance(value, dict):
        return all(_storable(key) and _storable(item) for key, item in value.items())
    if isinstance(value, list):
        return all(map(_storable, value))
    return not (isinstance(value, str) and UNSTORABLE.search(value))
