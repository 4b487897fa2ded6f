"""Reading the fields of a request, with Meta's words for what is wrong with them."""

from typing import Any

from embedded.meta.errors import GraphError, missing, parameter


def object_in(body: dict[str, Any], name: str) -> dict[str, Any]:
    """Return an object that has to be there. Raises GraphError."""
    if name not in body:
        raise missing(name)
    if not isinstance(body[name], dict):
        raise parameter(f"Param {name} must be a JSON object.")
    found: dict[str, Any] = body[name]
    return found


def list_in(body: dict[str, Any], name: str, path: str, *, most: int) -> list[dict[str, Any]]:
    """Return a list of 1 to `most` objects. Raises GraphError."""
    found = body.get(name)
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise missing(path)
    if not 1 <= len(found) <= most:
        raise not_valid_size(path, most)
    return found


def text_in(body: dict[str, Any], name: str, path: str, *, longest: int = 0) -> str:
    """Return a text that is not empty and at most `longest` characters. Raises GraphError."""
    found = body.get(name)
    if found is None or found == "":
        raise missing(path)
    if not isinstance(found, str):
        raise parameter(f"Param {path} must be a string.")
    if longest and len(found) > longest:
        raise parameter(f"Param {path} must be at most {longest} characters long.")
    return found


def number_in(body: dict[str, Any], name: str, path: str) -> float:
    """Return a number, which may come as a text. Raises GraphError."""
    found = body.get(name)
    if found is None or isinstance(found, bool):
        raise missing(path)
    try:
        return float(found)
    except (TypeError, ValueError):
        raise parameter(f"Param {path} must be a number.") from None


def not_valid_size(path: str, most: int) -> GraphError:
    """Return the error for a list that is too long or empty."""
    return GraphError(131009, f"{path} must have between 1 and {most} entries.")
