"""Answers held against the OpenAPI schema that Meridian publishes."""

from typing import Any

from drf_spectacular.generators import SchemaGenerator
from jsonschema import Draft202012Validator


def schema_check(answer: Any, path: str, method: str) -> None:
    """Fails unless the answer is one that the schema promises for this address: status, media type and body."""
    schema = SchemaGenerator(urlconf="config.urls_public").get_schema(public=True)
    promised = schema["paths"][path][method]["responses"][str(answer.status_code)]
    if not answer.content:
        assert "content" not in promised
        return
    body_schema = promised["content"][answer.headers["Content-Type"]]["schema"]
    Draft202012Validator({**body_schema, "components": schema["components"]}).validate(answer.json())
