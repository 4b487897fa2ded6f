"""Arguments held against a tool's JSON Schema."""

from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from jsonschema.validators import extend
from referencing import Registry
from referencing.exceptions import Unresolvable

from apps.compass.registry import ToolFailed

EXCERPT = 300

# A tenant's own regular expression could keep a web worker busy for ever; the service behind the tool checks anyway.
ArgumentsValidator = extend(Draft202012Validator, {"pattern": None, "patternProperties": None})


def misfit(value: Any, schema: dict[str, Any]) -> str | None:
    """Why a value does not fit a tenant's schema, None when it does."""
    # an empty registry of its own: the default one would fetch what a $ref names
    try:
        error = best_match(ArgumentsValidator(schema, registry=Registry()).iter_errors(value))
    except (Unresolvable, ValueError):  # ValueError: an $id that is no address
        return "its schema refers to another one that cannot be read"
    if error is None:
        return None
    place = ".".join(str(part) for part in error.absolute_path)
    return f"{f'at {place}: ' if place else ''}{error.message[:EXCERPT]}"


def arguments_check(arguments: dict[str, Any], schema: dict[str, Any]) -> None:
    """Raises ToolFailed with a sentence that says what does not fit."""
    why = misfit(arguments, schema)
    if why is not None:
        raise ToolFailed(f"The arguments do not fit{' ' if why.startswith('at ') else ': '}{why}.")
