"""The OpenAPI schema describes every API of a tenant, and what it allows is never answered with a 5xx."""

import json
from typing import Any

import pytest
import schemathesis
from django.test import Client
from django.urls import URLResolver, get_resolver
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, settings
from schemathesis.core import NOT_SET

from apps.core.outbox import outbox_send
from apps.tenants.keys import api_key_create
from apps.tenants.models import Tenant
from apps.tenants.models_keys import SCOPES

pytestmark = pytest.mark.django_db
DOCUMENT: dict[str, Any] = json.loads(
    json.dumps(SchemaGenerator(urlconf="config.urls_schema").get_schema(request=None, public=True), default=str)
)
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT).include(path_regex="^/api/v1/")
FEW = settings(
    max_examples=3, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck), print_blob=False
)


@pytest.fixture
def program(acme: Tenant, monkeypatch: pytest.MonkeyPatch) -> Client:
    """A program that may do everything, whose effects go nowhere."""
    monkeypatch.setattr("apps.core.outbox._wake", lambda pk: None)
    assert outbox_send() is False
    _, key = api_key_create(tenant=acme, name="fuzz", scopes=SCOPES)
    return Client(raise_request_exception=False, headers={"host": "acme.localhost", "authorization": f"Api-Key {key}"})


@SCHEMA.parametrize()
@FEW
def test_nothing_that_the_schema_allows_breaks(case: schemathesis.Case, program: Client) -> None:
    body = b"" if case.body is NOT_SET else json.dumps(case.body, default=str).encode()
    headers = {name: str(value) for name, value in (case.headers or {}).items() if name.lower() != "authorization"}
    answer = program.generic(
        case.method, case.formatted_path, body, content_type="application/json", query_params=case.query or None, headers=headers
    )
    assert answer.status_code < 500, answer.content[:500]
    if answer.status_code >= 400:
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert {"type", "title", "status", "detail", "code"} <= set(answer.json())


def test_every_api_of_a_tenant_is_described() -> None:
    found = [pattern for pattern in get_resolver("config.urls_tenant").url_patterns if str(pattern.pattern).startswith("api/v1/")]
    assert len(found) >= 3 and all(isinstance(pattern, URLResolver) for pattern in found)
    for path in (
        "numbers",
        "trunks",
        "webhooks",
        "conversations",
        "calls/token",
        "people",
        "invitations",
        "whatsapp/numbers",
        "billing/spend",
    ):
        assert f"/api/v1/{path}" in DOCUMENT["paths"]


def test_operations_have_names_of_their_own() -> None:
    names = [operation["operationId"] for methods in DOCUMENT["paths"].values() for operation in methods.values()]
    assert len(names) == len(set(names))
