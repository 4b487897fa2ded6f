"""A token whose tenant is gone is a bad token, not a broken server."""

import uuid

import pytest
from django.test import Client

from apps.core.tokens import token_issue

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("path", ["/agents/{}", "/calls/{}/transcript"])
def test_token_of_a_deleted_tenant_is_refused(path: str) -> None:
    some = str(uuid.uuid4())
    token = token_issue(kind="call", tenant="nowhere", agent_id=some, subject_id=some, ttl=60)
    answer = Client(headers={"host": "localhost", "authorization": f"Bearer {token}"}).get(path.format(some))
    assert (answer.status_code, answer.json()["code"]) == (401, "bad_token")
