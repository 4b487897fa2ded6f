"""The OpenAPI schema describes every API of a tenant, and what it allows is never answered with a 5xx, whoever asks."""

import json
import re
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, settings
from schemathesis.core import NOT_SET
from schemathesis.transport.serialization import Binary

from apps.core.outbox import outbox_send
from apps.tenants.keys import api_key_create
from apps.tenants.models import Tenant
from apps.tenants.models_keys import SCOPES

pytestmark = pytest.mark.django_db
GENERATOR_STATS.reset()
DOCUMENT: dict[str, Any] = json.loads(
    json.dumps(SchemaGenerator(urlconf="config.urls_schema").get_schema(request=None, public=True), default=str)
)
TROUBLES = [*GENERATOR_STATS._warn_cache, *GENERATOR_STATS._error_cache]
schemathesis.serializer.alias("audio/ogg", "application/octet-stream")
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT).include(path_regex="^/api/v1/")
JSON = "application/json"
FEW = settings(
    max_examples=3, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck), print_blob=False
)
PROBLEM = "application/problem+json"
NUMBERS = {"{number}", "{person_id}"}
SCOPE, NARROW = "webhooks:read", "/api/v1/webhooks"
OPEN = {"/api/v1/calls/token"}  # anybody may ask to talk to an agent


@pytest.fixture
def program(acme: Tenant, monkeypatch: pytest.MonkeyPatch) -> Client:
    """A program that may do everything, whose effects go nowhere."""
    monkeypatch.setattr("apps.core.outbox._wake", lambda pk: None)
    assert outbox_send() is False
    _, key = api_key_create(tenant=acme, name="fuzz", scopes=SCOPES)
    return Client(raise_request_exception=False, headers={"host": "acme.localhost", "authorization": f"Api-Key {key}"})


@pytest.fixture
def others(acme: Tenant, globex: Tenant) -> dict[str, str]:
    """What may come as Authorization instead: another company's key, one without a scope, and ones that were never made."""
    _, theirs = api_key_create(tenant=globex, name="theirs", scopes=SCOPES)
    _, narrow = api_key_create(tenant=acme, name="narrow", scopes=[SCOPE])
    odd = {"none": "", "odd": "Api-Key \xe9\x01", "bearer": "Bearer x.y.z", "basic": "Basic eDp5"}
    return {"theirs": f"Api-Key {theirs}", "narrow": f"Api-Key {narrow}", **odd}


def sent_as(case: schemathesis.Case) -> tuple[bytes, str]:
    """The body and what it is; a file goes as it is."""
    if isinstance(case.body, Binary):
        return case.body.data, case.media_type or JSON
    return b"" if case.body is NOT_SET else json.dumps(case.body, default=str).encode(), JSON


def asked(case: schemathesis.Case, client: Client, **headers: str) -> Any:
    """The answer; one that refuses is a problem with a sentence."""
    body, kind = sent_as(case)
    given = {name: str(value) for name, value in (case.headers or {}).items() if name.lower() != "authorization"} | headers
    query = case.query or None
    answer = client.generic(case.method, case.formatted_path, body, content_type=kind, query_params=query, headers=given)
    assert answer.status_code < 500, answer.content[:500]
    if answer.status_code >= 400:
        assert answer.headers["Content-Type"] == PROBLEM
        assert {"type", "title", "status", "detail", "code"} <= set(answer.json())
    return answer


@pytest.mark.slow
@SCHEMA.parametrize()
@FEW
def test_nothing_that_the_schema_allows_breaks(case: schemathesis.Case, program: Client) -> None:
    asked(case, program)


@pytest.mark.parametrize("who", ["theirs", "narrow", "none", "odd", "bearer", "basic"])
def test_whoever_may_not_is_told(others: dict[str, str], who: str) -> None:
    client = Client(raise_request_exception=False, headers={"host": "acme.localhost", "authorization": others[who]})
    told = {}
    for path, name in apis(get_resolver("config.urls_tenant").url_patterns):
        address = re.sub(r"\{\w+\}", lambda found: "1" if found[0] in NUMBERS else str(uuid.uuid4()), path)
        answer = client.generic(name.upper(), address, b"{}", content_type=JSON)
        if path not in OPEN and not (who == "narrow" and path.startswith(NARROW)):
            told[f"{name} {path}"] = (answer.status_code, answer.headers["Content-Type"])
    wrong = {at: answer for at, answer in told.items() if answer not in ((401, PROBLEM), (403, PROBLEM))}
    assert wrong == {} and len(told) > 80


def apis(patterns: list[URLPattern | URLResolver], prefix: str = "/") -> Iterator[tuple[str, str]]:
    """Every address below /api/v1/ as the schema writes it, and the methods that its view has."""
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from apis(pattern.url_patterns, route)
        elif route.startswith("/api/v1/"):
            callback: Any = pattern.callback
            view = getattr(callback, "view_class", None) or callback.cls
            names = {"get", "post", "put", "patch", "delete"} & set(dir(view))
            yield from ((re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route), name) for name in names)


def test_every_api_of_a_tenant_is_described() -> None:
    described = {(path, name) for path, methods in DOCUMENT["paths"].items() for name in methods if path.startswith("/api/v1/")}
    assert set(apis(get_resolver("config.urls_tenant").url_patterns)) == described
    assert len(described) > 90


def test_nothing_is_left_undescribed() -> None:
    """Bodies that are not known, enums that share a name: the deployment check fails on each."""
    assert TROUBLES == []


def test_operations_have_names_of_their_own() -> None:
    names = [operation["operationId"] for methods in DOCUMENT["paths"].values() for operation in methods.values()]
    assert len(names) == len(set(names))
