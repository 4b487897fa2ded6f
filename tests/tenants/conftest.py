"""A provider, and acme's single sign-on by it."""

from collections.abc import Iterator
from typing import Any

import pytest

from apps.tenants.models import Role, SingleSignOn, Tenant, User
from apps.tenants.services import person_add
from tests.compass.servers import ALLOWED
from tests.conftest import PASSWORD
from tests.standins.oidc import OidcStandin, oidc_serving
from tests.tenants.sso_side import ALICE, BACK, sso_put


@pytest.fixture
def network(settings: Any) -> None:
    """Where the stand-in speaks is open."""
    settings.TOOL_ALLOWED_NETWORKS = [f"{ALLOWED}/32"]


@pytest.fixture
def provider() -> Iterator[OidcStandin]:
    with oidc_serving(redirect_uris=[BACK.format("acme")], person=dict(ALICE)) as standin:
        yield standin


@pytest.fixture
def sso(acme: Tenant, provider: OidcStandin) -> SingleSignOn:
    return sso_put(acme, provider)


@pytest.fixture
def olga(acme: Tenant) -> User:
    """acme's owner."""
    return person_add(tenant=acme, email="olga@acme.test", role=Role.OWNER, name="Olga", password=PASSWORD).user
