"""A tenant is there with its schema and its host, or not at all."""

import pytest
from django.db import connection

from apps.tenants.models import Domain, Tenant
from apps.tenants.services import tenant_create


def schemas() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nspname FROM pg_namespace")
        return {row[0] for row in cursor.fetchall()}


@pytest.mark.django_db
def test_a_tenant_that_breaks_half_way_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**fields: object) -> None:
        raise RuntimeError("no host")

    monkeypatch.setattr(Domain.objects, "create", refuse)
    with pytest.raises(RuntimeError, match="no host"):
        tenant_create(slug="halfway", name="Halfway")
    assert not Tenant.objects.filter(schema_name="halfway").exists()
    assert "halfway" not in schemas()
