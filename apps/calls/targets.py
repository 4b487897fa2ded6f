"""Whom callers can be put through to: the lines `name: number` of an agent's transfer tool."""

import re
from typing import Any

TRANSFER = "transfer"
TARGET = re.compile(r"^([^:]+):\s*(\+?[0-9*#]{2,20}|sips?:[^\s]+)\s*$")


def targets_of(options: dict[str, Any]) -> dict[str, str]:
    """Numbers and SIP addresses by name, in the order in which they were written."""
    found = [TARGET.match(line) for line in options.get("targets", [])]
    return {match[1].strip(): match[2] for match in found if match}


def first_target(config: dict[str, Any]) -> tuple[str, str] | None:
    """The name and number that an agent's configuration lists first; None where it cannot put through."""
    tools = [tool for tool in config.get("tools") or [] if (tool.get("kind"), tool.get("name")) == ("builtin", TRANSFER)]
    return next((target for tool in tools for target in targets_of(tool.get("options") or {}).items()), None)


def refer_address(number: str) -> str:
    """As a REFER names it."""
    return number if number.startswith("sip") else f"tel:{number}"
