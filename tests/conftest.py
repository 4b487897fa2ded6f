"""Two tenants for every test: acme with alice (admin) and bob (agent), globex with charlie (admin), the outsider."""

from collections.abc import Callable, Iterator

import pytest
import time_machine
from django.core.cache import cache
from django.db import OperationalError, connection
from django.db.backends.utils import CursorWrapper
from django.test import Client, TransactionTestCase
from django.utils import timezone
from django_tenants.utils import tenant_context
from psycopg.errors import DeadlockDetected

from apps.tenants.models import Role, Tenant, User
from apps.tenants.services import person_add, tenant_create

PASSWORD = "a-test-password-1"
TENANTS = ("acme", "globex")
PEOPLE = ("alice@acme.test", "bob@acme.test", "charlie@globex.test")
KEPT = ("django_migrations", "django_content_type", "auth_permission", "tenants_tenant", "tenants_domain", "tenants_user")
KEPT += ("tenants_membership", "billing_pricebook", "billing_price", "billing_plan", "billing_planinclusion")


@pytest.fixture(scope="session")
def django_db_keepdb() -> bool:
    """The whole server is thrown away afterwards, so no database in it needs to be dropped."""
    return True


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: pytest.FixtureRequest) -> None:
    """Builds both tenants once; they stay for the whole run."""
    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        acme = tenant_create(slug="acme", name="Acme")
        globex = tenant_create(slug="globex", name="Globex")
        person_add(tenant=acme, email="alice@acme.test", role=Role.ADMIN, name="Alice", password=PASSWORD)
        person_add(tenant=acme, email="bob@acme.test", role=Role.AGENT, name="Bob", password=PASSWORD)
        person_add(tenant=globex, email="charlie@globex.test", role=Role.ADMIN, name="Charlie", password=PASSWORD)


def _truncate(cursor: CursorWrapper, tables: str) -> None:
    """A page that was just closed may leave a request at work in the live server, which locks the same tables in another
    order: Postgres then ends one of the two, and where that is this statement it is said again."""
    for _ in range(9):
        try:
            cursor.execute(f"TRUNCATE {tables} CASCADE")
        except OperationalError as error:
            if not isinstance(error.__cause__, DeadlockDetected):
                raise
        else:
            return
    cursor.execute(f"TRUNCATE {tables} CASCADE")


def _empty_tables(self: TransactionTestCase) -> None:
    """After a committing test: empties every table of public and of the two tenants, but for the seeded people."""
    with connection.cursor() as cursor:
        connection.set_schema_to_public()
        cursor.execute("SELECT schema_name FROM tenants_tenant WHERE schema_name <> ALL(%s)", [list(TENANTS)])
        for (schema,) in cursor.fetchall():
            cursor.execute(f'DROP SCHEMA IF EXISTS "{schema}" CASCADE')
        cursor.execute(
            "SELECT format('%%I.%%I', schemaname, tablename) FROM pg_tables WHERE schemaname = ANY(%s) AND tablename <> ALL(%s)",
            [["public", *TENANTS], list(KEPT)],
        )
        _truncate(cursor, ", ".join(row[0] for row in cursor.fetchall()))
        for statement in (
            "DELETE FROM tenants_domain WHERE tenant_id IN (SELECT id FROM tenants_tenant WHERE schema_name <> ALL(%s))",
            "DELETE FROM tenants_membership WHERE tenant_id IN (SELECT id FROM tenants_tenant WHERE schema_name <> ALL(%s))",
            "DELETE FROM tenants_tenant WHERE schema_name <> ALL(%s)",
        ):
            cursor.execute(statement, [list(TENANTS)])
        others = "SELECT id FROM tenants_user WHERE email <> ALL(%s)"
        cursor.execute(f"DELETE FROM tenants_membership WHERE user_id IN ({others})", [list(PEOPLE)])
        cursor.execute("DELETE FROM tenants_user WHERE email <> ALL(%s)", [list(PEOPLE)])


TransactionTestCase._fixture_teardown = _empty_tables  # type: ignore[method-assign]


@pytest.fixture(autouse=True)
def _clean_surroundings() -> Iterator[None]:
    """Every test starts and ends in the public schema with an empty cache."""
    connection.set_schema_to_public()
    cache.clear()
    yield
    connection.set_schema_to_public()


@pytest.fixture
def midday() -> Iterator[None]:
    """Noon of the present day, going on from there: neither the day nor the month ends while the test runs, or began just now."""
    with time_machine.travel(timezone.now().replace(hour=12, minute=0), tick=True):
        yield


@pytest.fixture
def acme(db: None) -> Tenant:
    return Tenant.objects.get(schema_name="acme")


@pytest.fixture
def globex(db: None) -> Tenant:
    return Tenant.objects.get(schema_name="globex")


@pytest.fixture
def in_acme(acme: Tenant) -> Iterator[Tenant]:
    """The whole test runs inside acme's schema."""
    with tenant_context(acme):
        yield acme


@pytest.fixture
def alice(db: None) -> User:
    return User.objects.get(email="alice@acme.test")


@pytest.fixture
def bob(db: None) -> User:
    return User.objects.get(email="bob@acme.test")


@pytest.fixture
def charlie(db: None) -> User:
    return User.objects.get(email="charlie@globex.test")


@pytest.fixture
def client_for() -> Callable[[User | None, str], Client]:
    """A client on a tenant's host (`client_for(alice, "acme")`), logged in unless the user is None; "" is the public host."""

    def build(user: User | None, tenant: str) -> Client:
        client = Client(headers={"host": f"{tenant}.localhost" if tenant else "localhost"})
        if user is not None:
            client.force_login(user)
        return client

    return build


@pytest.fixture
def admin(client_for: Callable[[User | None, str], Client], alice: User) -> Client:
    """Acme's owner at acme's pages."""
    return client_for(alice, "acme")
