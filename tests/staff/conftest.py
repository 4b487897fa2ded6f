"""A person of the platform's staff, and money of tenants."""

from typing import Any

import pytest
from django.test import Client

from apps.tenants.models import User
from tests.conftest import PASSWORD


@pytest.fixture(autouse=True)
def _months_do_not_end(midday: None) -> None:
    """Nearly every page adds up the present month."""


@pytest.fixture
def root(db: None) -> User:
    return User.objects.create_superuser("root@meridian.test", PASSWORD, name="Root")


@pytest.fixture
def staff(client_for: Any, root: User) -> Client:
    """A client of the platform's staff on the public host."""
    client: Client = client_for(root, "")
    return client
