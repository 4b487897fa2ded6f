"""Sign-up: a company on its own schema, its owner logged in there, and what stands in the way."""

import re
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.db import connection
from django.test import Client
from django_tenants.utils import schema_exists

from apps.tenants.models import Membership, Role, Tenant, User
from apps.tenants.schemas import BASE, schema_is_current
from apps.tenants.services import tenant_create

pytestmark = pytest.mark.django_db
ClientFor = Callable[[User | None, str], Client]
GIVEN = {
    "company": "Nordwind Logistics",
    "slug": "nordwind",
    "name": "Ada Lind",
    "email": "Ada@nordwind.test",
    "password": "blue-harbour-77",
}
WRITTEN_ALIKE = r"::character varying|::text|\[\]|[()]"  # Postgres adds these to a condition that it reads again
SHAPE = """
SELECT 'column', table_name, column_name, format_type(atttypid, atttypmod), is_nullable, is_identity, generation_expression
FROM information_schema.columns
JOIN pg_attribute ON attrelid = format('%%I.%%I', table_schema, table_name)::regclass AND attname = column_name
WHERE table_schema = %(schema)s
UNION ALL
SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid), '', '', ''
FROM pg_constraint WHERE connamespace = %(schema)s::regnamespace AND contype <> 'n'
UNION ALL
SELECT 'index', tablename, indexname, replace(indexdef, %(schema)s || '.', ''), '', '', ''
FROM pg_indexes WHERE schemaname = %(schema)s
"""


def shape(schema: str) -> set[tuple[str, ...]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('search_path', %s, true)", [f"{schema}, public"])
        cursor.execute(SHAPE, {"schema": schema})
        found = {tuple(re.sub(WRITTEN_ALIKE, "", str(value)) for value in row) for row in cursor.fetchall()}
        cursor.execute("SELECT set_config('search_path', 'public', true)")
    return found


def test_a_new_schema_is_the_base_schema_to_the_last_index() -> None:
    tenant_create(slug="initech", name="Initech")
    assert schema_is_current("initech")
    copy, base = shape("initech"), shape(BASE)
    assert len(base) > 200
    assert copy == base


def test_a_base_schema_that_is_behind_is_not_copied() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {BASE}.django_migrations WHERE app = 'desktop'")
    assert not schema_is_current(BASE)
    tenant_create(slug="initech", name="Initech")
    assert schema_is_current("initech")


def test_sign_up_lands_the_owner_in_the_company(client_for: ClientFor) -> None:
    answer = client_for(None, "").post("/signup", GIVEN)
    target = urlsplit(answer["Location"])
    assert (answer.status_code, target.hostname, target.path) == (302, "nordwind.localhost", "/login/ticket")
    there = client_for(None, "nordwind")
    there.get(f"{target.path}?{target.query}")
    page = there.get("/")
    assert page.status_code == 200 and "Nordwind Logistics" in page.content.decode()
    member = Membership.objects.get(tenant__schema_name="nordwind")
    assert (member.role, member.user.email, member.user.name) == (Role.OWNER, "ada@nordwind.test", "Ada Lind")


@pytest.mark.parametrize(
    ("zone", "languages", "place"),
    [
        ("Asia/Calcutta", "en-US,en;q=0.9", ("IN", "Asia/Kolkata")),
        ("Mars/Olympus", "de-AT", ("AT", "UTC")),
        ("x" * 5000 + "\x00", "", ("US", "UTC")),
    ],
    ids=["zone", "language", "nonsense"],
)
def test_a_company_begins_where_its_browser_is(client_for: ClientFor, zone: str, languages: str, place: tuple[str, str]) -> None:
    answer = client_for(None, "").post("/signup", {**GIVEN, "timezone": zone}, headers={"accept-language": languages})
    assert answer.status_code == 302
    assert Tenant.objects.values_list("country", "timezone").get(schema_name="nordwind") == place


def test_the_address_is_confirmed_by_a_link(client_for: ClientFor) -> None:
    client = client_for(None, "")
    client.post("/signup", GIVEN)
    assert not EmailAddress.objects.get(email="ada@nordwind.test").verified
    link = re.search(r"http://localhost(/account/email/confirm/\S+)", mail.outbox[0].body)
    assert link and mail.outbox[0].to == ["ada@nordwind.test"]
    for said in (mail.outbox[0].body, mail.outbox[0].alternatives[0][0]):
        assert link[0] in said and "http://nordwind.localhost:8000" in said
    assert client.get(link[1]).status_code == 200
    client.post(link[1])
    assert EmailAddress.objects.get(email="ada@nordwind.test").verified


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"slug": "acme"}, "taken already"),
        ({"slug": "admin"}, "cannot be an address"),
        ({"slug": "pgdata"}, "cannot be an address"),
        ({"slug": "nord-wind"}, "cannot be an address"),
        ({"email": "alice@acme.test"}, "There is a log-in"),
        ({"email": f"ada@{'long.' * 55}test"}, "at most 254 characters"),
        ({"password": "short"}, "too short"),
        ({"password": "ada@nordwind.test"}, "too similar"),
        ({"company": ""}, "required"),
    ],
    ids=["taken", "reserved", "postgres", "dash", "known", "long", "short", "similar", "nameless"],
)
def test_what_cannot_be_is_said(client_for: ClientFor, given: dict[str, str], says: str) -> None:
    answer = client_for(None, "").post("/signup", {**GIVEN, **given})
    assert answer.status_code == 422 and says in answer.content.decode()
    assert not Tenant.objects.filter(schema_name="nordwind").exists() and not schema_exists("nordwind")


def test_the_address_is_checked_while_it_is_typed(client_for: ClientFor) -> None:
    client = client_for(None, "")
    assert client.get("/signup/address?company=3 Nordwind Logistics").json() == {"slug": "nordwindlogistics", "problem": ""}
    assert "taken" in client.get("/signup/address?slug=acme").json()["problem"]


def test_many_sign_ups_of_one_network_are_refused(client_for: ClientFor, settings) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"company_signup": "1/h/ip"}
    client = client_for(None, "")
    assert client.post("/signup", GIVEN).status_code == 302
    again = client.post("/signup", {**GIVEN, "slug": "second", "email": "b@nordwind.test"})
    assert again.status_code == 422 and "Try again in an hour" in again.content.decode()


def test_sign_up_can_be_switched_off(client_for: ClientFor, settings) -> None:
    settings.SIGNUP = False
    client = client_for(None, "")
    assert client.get("/signup").status_code == 404
    assert client.post("/signup", GIVEN).status_code == 404
    assert "/signup" not in client.get("/").content.decode()
