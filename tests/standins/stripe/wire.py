"""Stripe's wire: form-encoded requests with brackets, JSON answers, error shapes, lists with cursors.

Formats: https://docs.stripe.com/api (Errors, Pagination, Search, Idempotent requests).
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl

Json = dict[str, Any]
PART = re.compile(r"\[([^\]]*)\]")
QUERY = re.compile(r"^metadata\[['\"](?P<key>[\w-]+)['\"]\]:['\"](?P<value>[^'\"]+)['\"]$")


class StripeProblem(Exception):
    """An error answer."""

    def __init__(
        self, status: int, message: str, *, code: str = "", param: str = "", kind: str = "invalid_request_error"
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body: Json = {"error": {"message": message, "type": kind}}
        self.body["error"] |= {name: value for name, value in (("code", code), ("param", param)) if value}


def missing(kind: str, key: str) -> StripeProblem:
    return StripeProblem(404, f"No such {kind}: '{key}'", code="resource_missing", param="id")


def form_read(text: str) -> Json:
    """`a[b][0][c]=1` as nested objects; a level whose keys are numbers, or empty, becomes a list."""
    root: Json = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        keys = [name.split("[", 1)[0], *PART.findall(name)]
        here = root
        for key in keys[:-1]:
            here = here.setdefault(key or str(len(here)), {})
        here[keys[-1] or str(len(here))] = value
    return {name: _listed(value) for name, value in root.items()}


def _listed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    made = {key: _listed(item) for key, item in value.items()}
    return list(made.values()) if made and all(key.isdigit() for key in made) else made


def integer(params: Json, name: str, default: int | None = None) -> int:
    """A whole number; Stripe refuses `1.5` and text."""
    value = params.get(name, default)
    if value is None:
        raise StripeProblem(400, f"Missing required param: {name}.", code="parameter_missing", param=name)
    try:
        return int(value)
    except (TypeError, ValueError):
        raise StripeProblem(400, f"Invalid integer: {value}", code="parameter_invalid_integer", param=name) from None


def truth(value: Any) -> bool:
    return str(value).lower() == "true"


def required(params: Json, name: str) -> str:
    value = params.get(name)
    if not isinstance(value, str) or not value:
        raise StripeProblem(400, f"Missing required param: {name}.", code="parameter_missing", param=name)
    return value


def page(url: str, rows: list[Json], params: Json) -> Json:
    """Newest first, at most `limit` after the cursor."""
    newest = list(reversed(rows))
    after = params.get("starting_after")
    if after:
        places = [place for place, row in enumerate(newest) if row["id"] == after]
        if not places:
            raise missing("object", after)
        newest = newest[places[0] + 1 :]
    limit = integer(params, "limit", 10)
    if not 1 <= limit <= 100:
        raise StripeProblem(400, "Invalid integer: limit is from 1 to 100", param="limit")
    return {"object": "list", "url": url, "has_more": len(newest) > limit, "data": newest[:limit]}


def since(rows: list[Json], params: Json) -> list[Json]:
    """Those that the `created` filter lets through."""
    created = params.get("created", {})
    least = int(created.get("gte", 0)) if isinstance(created, dict) else int(created)
    return [row for row in rows if row["created"] >= least]


def found(url: str, rows: list[Json], params: Json) -> Json:
    """A search by one metadata field."""
    match = QUERY.match(required(params, "query"))
    if match is None:
        raise StripeProblem(400, "We were unable to parse your search query.", param="query")
    hits = [row for row in rows if row["metadata"].get(match["key"]) == match["value"]]
    return {"object": "search_result", "url": url, "has_more": False, "next_page": None, "data": hits}
