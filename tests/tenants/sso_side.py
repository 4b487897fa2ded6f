"""What the tests of the single sign-on share: a log-in as a browser and a provider do it, and their names."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.contrib.messages import get_messages
from django.http import HttpResponse
from django.test import Client
from django_tenants.utils import tenant_context

from apps.tenants.models import SingleSignOn, Tenant, User
from apps.tenants.services_sso import sso_check, sso_set
from tests.standins.oidc import OidcStandin

ClientFor = Callable[[User | None, str], Client]
BACK = "http://{}.localhost/login/sso/callback"
ALICE = {"sub": "a-1", "email": "alice@acme.test", "email_verified": True, "name": "Alice at the provider"}


def sso_put(tenant: Tenant, provider: OidcStandin, **changes: Any) -> SingleSignOn:
    given = {"label": "Okta", "issuer": provider.issuer, "client_id": provider.client_id}
    given |= {"client_secret": provider.client_secret, "domains": ["acme.test"], "new_role": "", **changes}
    with tenant_context(tenant):
        row = sso_set(tenant=tenant, **given)
        assert sso_check(sso=row) == ""
    return row


def begin(client: Client, query: str = "") -> dict[str, str]:
    """What the provider is asked."""
    answer = client.get(f"/login/sso{query}")
    assert answer.status_code == 302
    return {name: values[0] for name, values in parse_qs(urlsplit(answer["Location"]).query).items()}


def agree(provider: OidcStandin, asked: dict[str, str]) -> str:
    """The path that the provider sends the browser back to."""
    target = urlsplit(provider.authorize(asked))
    return f"{target.path}?{target.query}"


def enter(client: Client, provider: OidcStandin) -> HttpResponse:
    return client.get(agree(provider, begin(client)))


def is_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def told(answer: HttpResponse) -> str:
    return " ".join(str(message) for message in get_messages(answer.wsgi_request))
