"""How the bodies of APIs are read."""

from collections.abc import Mapping
from typing import IO, Any

from rest_framework import parsers
from rest_framework.exceptions import ParseError

from apps.core.payloads import json_read


class JSONParser(parsers.JSONParser):
    """DRF's own, which takes 1e999 for a number, and as many levels as there are."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """The document. Raises ParseError (400) for whatever is none."""
        encoding = (parser_context or {}).get("encoding", "utf-8")
        try:
            found: dict[str, Any] = json_read(stream.read().decode(encoding))
        except (ValueError, LookupError) as error:  # LookupError: the charset that is named is none of a text's
            raise ParseError(f"JSON parse error - {error}") from error
        return found
