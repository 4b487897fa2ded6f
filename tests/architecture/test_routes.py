"""Every route, tried with nobody's, the outsider's and the outsider's API key's credentials: none but the open ones answers."""

import uuid
from collections.abc import Callable, Iterator

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from apps.core.tokens import token_issue
from apps.tenants.keys import api_key_create
from apps.tenants.models import Tenant, User
from apps.tenants.models_keys import SCOPES

pytestmark = pytest.mark.django_db

# Open by design: log-in, language, the page on which anyone talks to an agent, and the token that it asks for.
OPEN_TENANT = {"login", "login-ticket", "logout", "set_language", "call-talk", "call-page", "call-token", "jsi18n"}
OPEN_TENANT |= {"service-worker"}  # a script, the same for everybody
# A person's own account: what is needed before one can log in.
OPEN_ACCOUNT = {"account_inactive", "account_email_verification_sent", "account_confirm_email", "account_reset_password"}
OPEN_ACCOUNT |= {"account_reset_password_done", "account_reset_password_from_key", "account_reset_password_from_key_done"}
OPEN_ACCOUNT |= {"mfa_login_webauthn"}
OPEN_TENANT |= OPEN_ACCOUNT
OPEN_PUBLIC = OPEN_ACCOUNT | {
    "signup",
    "signup-address",
    "home",
    "login",
    "logout",
    "set_language",
    "schema",
    "docs",
    "livekit-webhook",
}
VALUES = {"slug": "reception", "uuid": str(uuid.uuid4()), "str": "x", "int": "1", "path": "x"}


def walk(patterns: list[URLPattern | URLResolver], prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from walk(pattern.url_patterns, route)
        else:
            yield route, pattern


def example(route: str) -> str:
    parts = []
    for part in route.split("/"):
        if part.startswith("<"):
            kind, _, _ = part.strip("<>").rpartition(":")
            part = VALUES[kind or "str"]
        parts.append(part)
    return "/" + "/".join(parts)


def own_account() -> set[str]:
    """Pages that show a person their own account, at whichever company they are."""
    return {pattern.name for _, pattern in walk(get_resolver("apps.tenants.urls_account").url_patterns) if pattern.name}


def routes(urlconf: str, without: set[str]) -> list[str]:
    found = walk(get_resolver(urlconf).url_patterns)
    return sorted(
        example(route) for route, p in found if p.name not in without and not route.startswith(("admin/", "^", "static"))
    )


def refused(client: Client, path: str) -> list[str]:
    """The methods of a path that were answered with success, as a readable list that should be empty."""
    answers = {method: getattr(client, method)(path, data={}) for method in ("get", "post", "put", "patch", "delete")}
    return [f"{method.upper()} {path} -> {a.status_code}" for method, a in answers.items() if 200 <= a.status_code < 300]


def check(client: Client, urlconf: str, without: set[str]) -> None:
    paths = routes(urlconf, without)
    assert paths
    assert [line for path in paths for line in refused(client, path)] == []


def test_no_tenant_route_opens_to_nobody(client_for: Callable[..., Client]) -> None:
    check(client_for(None, "acme"), "config.urls_tenant", OPEN_TENANT)


@pytest.mark.slow
def test_no_tenant_route_opens_to_the_other_tenants_session(client_for: Callable[..., Client], charlie: User) -> None:
    check(client_for(charlie, "acme"), "config.urls_tenant", OPEN_TENANT | {"switch-tenant"} | own_account())


@pytest.mark.slow
def test_no_tenant_route_opens_to_the_other_tenants_key(globex: Tenant) -> None:
    _, key = api_key_create(tenant=globex, name="globex", scopes=SCOPES)
    client = Client(headers={"host": "acme.localhost", "authorization": f"Api-Key {key}"})
    check(client, "config.urls_tenant", OPEN_TENANT)
    answer = client.post("/api/v1/calls/token", {"agent": "reception"}, content_type="application/json")
    assert answer.status_code in (401, 403)


def test_no_public_route_opens_without_a_token(client_for: Callable[..., Client]) -> None:
    check(client_for(None, ""), "config.urls_public", OPEN_PUBLIC)


@pytest.mark.parametrize("tenant", ["acme", "globex", "nowhere"])
def test_no_public_route_opens_to_a_token_of_something_else(acme: Tenant, tenant: str) -> None:
    token = token_issue(kind="call", tenant=tenant, agent_id=str(uuid.uuid4()), subject_id=str(uuid.uuid4()), ttl=60)
    client = Client(headers={"host": "localhost", "authorization": f"Bearer {token}"})
    check(client, "config.urls_public", OPEN_PUBLIC)
