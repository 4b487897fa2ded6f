"""A host name that is no company's leads on to the platform's, for its own first page is not there."""

import pytest
from django.test import Client

from apps.tenants.models import Tenant

pytestmark = pytest.mark.django_db


def test_an_address_that_is_no_companys_leads_to_the_platforms(settings: object) -> None:
    answer = Client(HTTP_HOST="nobody.localhost", HTTP_ACCEPT="text/html").get("/")
    assert answer.status_code == 404
    page = answer.content.decode()
    assert "No company uses this address." in page
    assert f'href="{settings.PUBLIC_URL}/login"' in page  # type: ignore[attr-defined]
    assert 'href="/"' not in page.split("<main", 1)[1]


def test_a_host_name_is_the_same_in_capitals(acme: Tenant) -> None:
    for host in ("localhost:8000", "LocalHost:8000", "ACME.localhost"):
        assert (host, Client(HTTP_HOST=host).get("/login").status_code) == (host, 200)


def test_a_program_is_told_the_same() -> None:
    answer = Client(HTTP_HOST="nobody.localhost").get("/api/v1/me")
    assert answer.status_code == 404
    assert answer.json()["detail"].startswith("No company uses this address.")
