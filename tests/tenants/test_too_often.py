"""Who sends a form too often is told to wait, on a page that looks like the others."""

from collections.abc import Callable

import pytest
from django.test import Client

from apps.tenants.models import Tenant, User

pytestmark = pytest.mark.django_db
FORGOTTEN = "/account/password/forgotten"


def test_a_form_sent_too_often(client_for: Callable[[User | None, str], Client], acme: Tenant) -> None:
    client = client_for(None, "acme")
    answers = [client.post(FORGOTTEN, {"email": "alice@acme.test"}) for _ in range(8)]
    assert answers[0].status_code == 302
    assert answers[-1].status_code == 429
    page = answers[-1].content.decode()
    assert "Wait some minutes, then try again." in page
    assert "Go to the start" in page
