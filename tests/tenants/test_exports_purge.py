"""Exports of a company's data are deleted after a while, their files with them."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone
from django_tenants.utils import tenant_context

from apps.tenants.exports import ExportRunning, export_ask, export_path, export_recent, exports_purge
from apps.tenants.models import Tenant, TenantExport

pytestmark = pytest.mark.django_db


def export(tenant: Tenant, days: float, state: str = TenantExport.State.DONE) -> TenantExport:
    made = TenantExport.objects.create(tenant=tenant, state=state)
    TenantExport.objects.filter(pk=made.pk).update(created_at=timezone.now() - timedelta(days=days))
    with tenant_context(tenant):
        default_storage.save(export_path(made), ContentFile(b"zip"))
    return made


def there(made: TenantExport) -> bool:
    with tenant_context(made.tenant):
        return bool(default_storage.exists(export_path(made)))


def test_old_ones_go_with_their_files(
    acme: Tenant, globex: Tenant, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.MEDIA_ROOT, settings.EXPORT_RETENTION_DAYS = str(tmp_path), 14
    monkeypatch.setattr("apps.tenants.exports.PURGED_AT_ONCE", 2)
    old = [export(acme, 15), export(globex, 40), export(acme, 15, TenantExport.State.RUNNING)]
    kept = [export(acme, 13), export(globex, 0, TenantExport.State.RUNNING)]
    assert exports_purge() == len(old)
    assert [there(one) for one in old + kept] == [False] * 3 + [True] * 2
    assert set(TenantExport.objects.all()) == set(kept)
    assert exports_purge() == 0


@pytest.mark.parametrize("state", [TenantExport.State.WAITING, TenantExport.State.RUNNING])
@pytest.mark.parametrize("ask", [export_ask, export_recent])
def test_one_whose_worker_died_holds_up_no_other(acme: Tenant, settings: Any, tmp_path: Path, ask: Any, state: str) -> None:
    """Neither what people ask for, nor what is made before a company is deleted."""
    settings.MEDIA_ROOT = str(tmp_path)
    dead = export(acme, 4 / 24, state)
    assert ask(tenant=acme, by=None) != dead
    dead.refresh_from_db()
    assert dead.state == TenantExport.State.FAILED


def test_one_that_is_being_made_is_the_one(acme: Tenant, settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = str(tmp_path)
    runs = export(acme, 2 / 24, TenantExport.State.RUNNING)
    assert export_recent(tenant=acme, by=None) == runs
    with pytest.raises(ExportRunning):
        export_ask(tenant=acme, by=None)


def test_a_file_that_is_gone_is_no_reason_to_stop(acme: Tenant, settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = str(tmp_path)
    made = export(acme, 400)
    with tenant_context(acme):
        default_storage.delete(export_path(made))
    assert exports_purge() == 1
