"""Which fields a view looks for in what it was sent."""

from typing import Any

import pytest
from django.http import QueryDict


def names_asked_for(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Return the names that are asked of any QueryDict from now on; it grows, and whoever has it may clear it."""
    names = set[str]()

    def noting(method: Any) -> Any:
        def noted(query: QueryDict, key: Any, *args: Any, **options: Any) -> Any:
            names.add(str(key))
            return method(query, key, *args, **options)

        return noted

    for method in ("get", "getlist", "__getitem__", "__contains__"):
        monkeypatch.setattr(QueryDict, method, noting(getattr(QueryDict, method)))
    return names
