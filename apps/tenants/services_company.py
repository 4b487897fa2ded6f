"""What happens to a whole company: its details and policy, suspension, deletion with a time of grace."""

import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django_tenants.utils import schema_context

from apps.core.errors import PermanentError
from apps.core.retention import schema_forget
from apps.tenants.exports import export_recent
from apps.tenants.lifecycle import lifecycle_tell
from apps.tenants.models import (
    CustomDomain,
    Domain,
    Invitation,
    Membership,
    Route,
    SingleSignOn,
    SingleSignOnIdentity,
    Tenant,
    TenantApiKey,
    TenantExport,
    User,
)
from apps.tenants.schemas import schema_drop

GRACE = timedelta(days=30)
SHARED = (CustomDomain, Invitation, Membership, SingleSignOn, SingleSignOnIdentity, TenantApiKey)


def tenant_update(*, tenant: Tenant, **values: Any) -> None:
    """Details or policy; the fields are the tenant's."""
    for name, value in values.items():
        setattr(tenant, name, value)
    tenant.save(update_fields=list(values))


@transaction.atomic
def tenant_suspend(*, tenant: Tenant) -> None:
    """Its host, its calls and its messages stop; nothing is lost."""
    _not_deleted(tenant)
    tenant_update(tenant=tenant, status=Tenant.Status.SUSPENDED)
    lifecycle_tell("stopped", tenant)


@transaction.atomic
def tenant_restore(*, tenant: Tenant) -> None:
    """Ends a suspension, and takes back a planned deletion."""
    _not_deleted(tenant)
    tenant_update(tenant=tenant, status=Tenant.Status.ACTIVE, delete_at=None)
    lifecycle_tell("returned", tenant)


@transaction.atomic
def deletion_plan(*, tenant: Tenant, by: User | None = None) -> TenantExport:
    """It goes on working until the grace is over, and everything is dropped then. Before that an export of it all is made, and
    kept for as long: the one that is answered.
    """
    _not_deleted(tenant)
    tenant_update(tenant=tenant, delete_at=timezone.now() + GRACE)
    return export_recent(tenant=tenant, by=by)


def deletion_undo(*, tenant: Tenant) -> None:
    """Nothing happens after all."""
    tenant_update(tenant=tenant, delete_at=None)


def tenant_delete(*, tenant: Tenant) -> None:
    """Drops the schema and every shared row but the tenant's own, which the ledger needs. There is no way back."""
    _not_deleted(tenant)
    with schema_context("public"), transaction.atomic():
        schema_drop(tenant.schema_name)
        for model in (*SHARED, Domain, Route, TenantExport):
            model._base_manager.filter(tenant=tenant)._raw_delete("default")
        schema_forget(tenant.schema_name)
        Tenant.objects.filter(pk=tenant.pk).update(status=Tenant.Status.DELETED, delete_at=None)
        lifecycle_tell("stopped", tenant)
        files = Path(settings.MEDIA_ROOT) / tenant.schema_name
        transaction.on_commit(lambda: shutil.rmtree(files, ignore_errors=True))
    tenant.refresh_from_db()


def tenants_delete_due() -> int:
    """Those whose grace is over; returns how many."""
    return sum(_delete_due(pk) for pk in list(_due().values_list("pk", flat=True)))


@transaction.atomic
def _delete_due(pk: int) -> bool:
    """Asked anew, and locked: its owner may have undone it while another was deleted, and may not from here on."""
    tenant = _due().select_for_update(no_key=True).filter(pk=pk).first()
    if tenant is not None:
        tenant_delete(tenant=tenant)
    return tenant is not None


def _due() -> QuerySet[Tenant]:
    return Tenant.objects.filter(delete_at__lte=timezone.now()).exclude(status=Tenant.Status.DELETED)


def _not_deleted(tenant: Tenant) -> None:
    if tenant.status == Tenant.Status.DELETED:
        raise PermanentError(f"{tenant.name} is deleted. Only its ledger is left.")
