"""A raw NUL, which Postgres keeps in no text, in whatever the pages of finance and staff, the admin and the API read.

What they read is not listed here: each is asked without anything first, and what it looks for is noted.
"""

from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import DataError, connection, transaction
from django.test import Client, RequestFactory
from django.urls import get_resolver

from apps.core.pages import NulMiddleware
from apps.tenants.models import Membership, Role, Tenant, User
from tests.architecture.test_other_tenants_objects import OBJECTS, OTHERWISE, row_put
from tests.architecture.test_routes import walk
from tests.fields import names_asked_for
from tests.staff.conftest import root as root

pytestmark = pytest.mark.django_db
PLATFORMS = {
    "book_id": "billing.PriceBook",
    "conflict_id": "billing.BillingConflict",
    "override_id": "billing.PriceOverride",
    "plan_id": "billing.Plan",
}
SHARED = ("billing", "tenants")
MIDDLEWARE = NulMiddleware(lambda request: pytest.fail("not asked"))
NUL, SAID = "a\0b", "a character that no text can hold (NUL)"


class Walk:
    """Asks pages with a NUL in one value after the other."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, objects: dict[str, str]) -> None:
        self.objects, self.names, self.read = objects, names_asked_for(monkeypatch), set[str]()

    def paths(self, urlconf: str, *below: str) -> list[str]:
        routes = (route for route, _ in walk(get_resolver(urlconf).url_patterns) if route.startswith(below))
        return ["/" + "/".join(map(self._part, route.split("/"))) for route in routes if "logout" not in route]

    def _part(self, part: str) -> str:
        if not part.startswith("<"):
            return part
        name = part.strip("<>").rpartition(":")[2]
        return self.objects.get(name) or OTHERWISE.get(name, "x")

    def failed(self, client: Client, paths: Iterable[str], extra: Iterable[str] = ()) -> list[str]:
        """The addresses that are answered with a mistake of ours."""
        return [line for path in paths for line in self._failed(client, path, extra)]

    def _failed(self, client: Client, path: str, extra: Iterable[str]) -> Iterator[str]:
        client.raise_request_exception = False
        self.names.clear()
        if self._status(client, path) == 405:
            return
        self.read |= self.names
        for name in sorted({*self.names, *extra}):
            address = f"{path}?{urlencode({name: NUL})}"
            status = self._status(client, address)
            if status >= 500:
                yield f"{address} -> {status}"

    @staticmethod
    def _status(client: Client, address: str) -> int:
        answer = client.get(address)
        if answer.streaming:
            list(answer)
        connection.set_schema_to_public()
        return int(answer.status_code)


@pytest.fixture
def walker(monkeypatch: pytest.MonkeyPatch, acme: Tenant) -> Iterator[Walk]:
    """With a row of each kind; undone at the end, since they point nowhere."""
    made = {"slug": "acme"}
    with transaction.atomic():
        for name, label in (OBJECTS | PLATFORMS).items():
            if label.startswith(SHARED):
                model = apps.get_model(label)
                made[name] = str((model._base_manager.first() or row_put(model, acme)).pk)
        yield Walk(monkeypatch, made)
        transaction.set_rollback(True)


@pytest.fixture
def owner(alice: User, client_for: Any) -> Client:
    Membership.objects.filter(user=alice).update(role=Role.OWNER)
    client: Client = client_for(alice, "acme")
    return client


def test_the_staffs_pages(walker: Walk, root: User, client_for: Any) -> None:
    assert walker.failed(client_for(root, ""), walker.paths("config.urls_public", "staff/")) == []
    assert walker.read >= {"q", "sort", "page", "month", "currency", "tenant", "plan", "show", "model"}


def test_the_pages_of_finance_and_of_people(walker: Walk, owner: Client) -> None:
    below = ("billing/", "compass/people/", "compass/company/", "compass/security/", "compass/audit/", "account/")
    assert walker.failed(owner, walker.paths("config.urls_tenant", *below)) == []
    assert walker.read >= {"period", "since", "channel", "agent", "sort", "line", "page", "plan", "seats", "who"}


def test_the_api(walker: Walk, owner: Client) -> None:
    resolver = [f"api/v1/{route}" for route, _ in walk(get_resolver("apps.tenants.urls").url_patterns)]
    paths = walker.paths("config.urls_tenant", "api/v1/billing/", *resolver)
    assert walker.failed(owner, paths, ["cursor"]) == []
    assert walker.read >= {"source_id", "currency", "agent_id", "since", "limit", "cursor", "plan", "seats"}


def test_the_admin(walker: Walk, root: User, client_for: Any) -> None:
    client = client_for(root, "")
    for model, shown in admin.site._registry.items():
        path = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        own = {one.parameter_name for one in shown.list_filter if hasattr(one, "parameter_name")}
        fields = {
            one[0] if isinstance(one, tuple) else str(one) for one in shown.list_filter if not hasattr(one, "parameter_name")
        }
        asked = own | {name + way for name in fields for way in ("", "__exact", "__icontains", "__in")}
        assert walker.failed(client, [path], {"q", "o", "p", "e", "all", *asked}) == []
        assert walker.failed(client, [f"{path}a%00b/{page}/" for page in ("change", "history", "delete")]) == []


def test_it_is_told_in_a_sentence(root: User, client_for: Any) -> None:
    answer = client_for(root, "").get("/staff/credits/?tenant=a%00b")
    assert answer.status_code == 400 and SAID in answer.content.decode()


@pytest.mark.parametrize(
    "said", ["PostgreSQL text fields cannot contain NUL (0x00) bytes", "unsupported Unicode escape sequence\nLINE 1: …"]
)
def test_programs_are_told_as_a_problem(said: str) -> None:
    answer = MIDDLEWARE.process_exception(RequestFactory().get("/api/v1/anything"), DataError(said))
    assert answer is not None and answer.status_code == 400 and answer["Content-Type"] == "application/problem+json"
    assert SAID in answer.content.decode()


def test_other_errors_of_the_database_stay_ours() -> None:
    error = DataError("value too long for type character varying(3)")
    assert MIDDLEWARE.process_exception(RequestFactory().get("/"), error) is None
