"""Every route that names an object, asked by the owner of another company and by a key of theirs for an object that is there.

Which object a route's parameter names is listed here, so a new parameter fails until somebody says what it is.
"""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.db import models, transaction
from django.test import Client
from django.urls import get_resolver
from django_tenants.utils import tenant_context

from apps.tenants.keys import api_key_create
from apps.tenants.models import Role, Tenant
from apps.tenants.models_keys import SCOPES
from apps.tenants.services import person_add
from tests.architecture.test_routes import OPEN_TENANT, own_account, walk

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
OBJECTS = {
    "agent_id": "compass.Agent",
    "attachment_id": "desktop.Attachment",
    "call_id": "calls.Call",
    "contact_id": "desktop.Contact",
    "conversation_id": "desktop.Conversation",
    "delivery_id": "compass.WebhookDelivery",
    "document_id": "compass.Document",
    "domain_id": "tenants.CustomDomain",
    "endpoint_id": "compass.WebhookEndpoint",
    "entry_id": "billing.LedgerEntry",
    "export_id": "tenants.TenantExport",
    "invitation_id": "tenants.Invitation",
    "invoice_id": "billing.Invoice",
    "key_id": "tenants.TenantApiKey",
    "limit_id": "billing.SpendLimit",
    "mapping_id": "whatsapp.AgentPhoneMapping",
    "membership_id": "tenants.Membership",
    "number_id": "calls.PhoneNumber",
    "person_id": "tenants.Membership",
    "response_id": "desktop.CannedResponse",
    "run_id": "compass.CheckRun",
    "scenario_id": "compass.CheckScenario",
    "team_id": "desktop.Team",
    "tool_id": "compass.Tool",
    "trunk_id": "calls.SipTrunk",
}
# No objects of a company, or known to nobody else by what they are.
OTHERWISE = {
    "action": "assign",
    "slug": "reception",
    "shortcut": "hello",
    "number": "1",
    "name": "SHOP",
    "provider": "openai",
    "token": "x",
    "key": "x",
    "pk": "1",
}
Part = tuple[str, Any]


@pytest.fixture
def there(acme: Tenant) -> Iterator[dict[str, str]]:
    """A row of each kind in acme; undone at the end, since they point nowhere."""
    with transaction.atomic(), tenant_context(acme):
        made: dict[str, str] = {}
        for name, label in OBJECTS.items():
            model = apps.get_model(label)
            made[name] = made.get(label) or str(row_put(model, acme).pk)
            made[label] = made[name]
        yield made
        transaction.set_rollback(True)


def row_put(model: type[models.Model], tenant: Tenant) -> models.Model:
    """A row with something in each column that must have something."""
    given = {
        field.attname: tenant.pk if field.name == "tenant" else something(field)
        for field in model._meta.concrete_fields
        if not (field.null or field.has_default() or field.primary_key)
    }
    [row] = model._base_manager.bulk_create([model(**given)])
    return row


def something(field: models.Field) -> Any:
    target = field.target_field if isinstance(field, models.ForeignKey) else field
    if isinstance(field, models.ForeignKey):
        return uuid.uuid4() if isinstance(target, models.UUIDField) else 987_654_321
    kinds: list[tuple[type[models.Field], Any]] = [
        (models.JSONField, {}),
        (models.UUIDField, uuid.uuid4()),
        (models.DateTimeField, "2026-01-01T00:00:00Z"),
        (models.DateField, "2026-01-01"),
        (models.DecimalField, 1),
        (models.FloatField, 1),
        (models.IntegerField, 1),
        (models.BooleanField, False),
        (models.TextField, ""),
        (models.CharField, "reception"[: field.max_length or 9]),
    ]
    return next((value for kind, value in kinds if isinstance(target, kind)), "reception")


def routes() -> list[list[Part]]:
    """Every route that names something, in parts: text, or the name of a parameter in a tuple with None."""
    skipped = OPEN_TENANT | {"switch-tenant"} | own_account()
    found = []
    for route, pattern in walk(get_resolver("config.urls_tenant").url_patterns):
        if "<" in route and pattern.name not in skipped and not route.startswith(("admin/", "^", "static")):
            found.append([named(part) for part in route.split("/")])
    return found


def named(part: str) -> Part:
    return (part.strip("<>").rpartition(":")[2], None) if part.startswith("<") else ("", part)


def test_every_parameter_of_a_route_is_known() -> None:
    names = {name for parts in routes() for name, text in parts if text is None}
    assert names - set(OTHERWISE) == set(OBJECTS)


def test_no_object_opens_to_another_company(globex: Tenant, there: dict[str, str]) -> None:
    gina = person_add(tenant=globex, email="gina@globex.test", role=Role.OWNER).user
    owner = Client(headers={"host": "globex.localhost"})
    owner.force_login(gina)
    _, key = api_key_create(tenant=globex, name="globex", scopes=SCOPES)
    program = Client(headers={"host": "globex.localhost", "authorization": f"Api-Key {key}"})
    opened, asked = [], 0
    for parts in routes():
        names = {name for name, text in parts if text is None}
        if not names & set(OBJECTS):
            continue
        path = "/" + "/".join(text if text is not None else there.get(name, OTHERWISE.get(name, "")) for name, text in parts)
        for client in (program,) if path.startswith("/api/") else (owner,):
            for method in ("get", "post", "put", "patch", "delete"):
                status = getattr(client, method)(path, data={}).status_code
                asked += 1
                if status not in (401, 403, 404, 405, 415):
                    opened.append(f"{method.upper()} {path} -> {status}")
    assert opened == [] and asked > 300
