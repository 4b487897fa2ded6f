"""Everything a tenant has, as a zip file: a JSON file for each table, and its files as they are; secrets are left out."""

import json
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import IO, Any, TypeAlias

import structlog
from django.apps import apps
from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django_tenants.utils import tenant_context

from apps.core.errors import MeridianError, PermanentError
from apps.core.fields import EncryptedJSONField, EncryptedTextField
from apps.tenants.models import (
    CustomDomain,
    Invitation,
    Membership,
    SingleSignOn,
    SingleSignOnIdentity,
    Tenant,
    TenantApiKey,
    TenantExport,
    User,
)

log = structlog.get_logger(__name__)
SECRET = (EncryptedTextField, EncryptedJSONField)
HIDDEN = frozenset({"hashed_key", "password", "p256dh", "auth", "client_secret"})
PURGED_AT_ONCE = 100
SHARED = (Membership, Invitation, TenantApiKey, CustomDomain, SingleSignOn, SingleSignOnIdentity)
FOLDER = "exports"
RECENT = timedelta(days=1)
LONGEST = timedelta(hours=3)  # an hour until a task comes back whose worker died, and one that it may take then
Rows: TypeAlias = "models.QuerySet[Any]"
Tables: TypeAlias = "Callable[[Tenant], list[tuple[str, Rows]]]"
_more: "dict[str, Tables]" = {}


class ExportRunning(PermanentError):
    """One export of a company is made at a time."""


def export_tables_register(name: str, tables: Tables) -> None:
    """Called once from ready() of whoever keeps rows of tenants in a shared table; they go into the export as well."""
    _more[name] = tables


def export_path(export: TenantExport) -> str:
    """In the storage of the tenant, whose schema has to be current."""
    return f"{FOLDER}/{export.pk}.zip"


def export_create(*, tenant: Tenant, by: User | None) -> TenantExport:
    """Asks for an export, which a task makes."""
    from apps.tenants.tasks import export_task

    export = TenantExport.objects.create(tenant=tenant, asked_by=by, tables_total=len(_tables(tenant)))
    export_task.delay_on_commit(str(export.pk))
    return export


@transaction.atomic
def export_ask(*, tenant: Tenant, by: User | None) -> TenantExport:
    """As export_create, one at a time. Raises ExportRunning."""
    Tenant.objects.select_for_update(no_key=True).get(pk=tenant.pk)
    _give_up(tenant)
    if any(not one.is_over for one in TenantExport.objects.filter(tenant=tenant)):
        raise ExportRunning(_("An export is being made already."))
    return export_create(tenant=tenant, by=by)


def export_file(export: TenantExport) -> File | None:
    """The zip, inside the tenant's schema; None where it is not ready, or not there any more."""
    if export.state != TenantExport.State.DONE or not default_storage.exists(export_path(export)):
        return None
    return default_storage.open(export_path(export))


def export_name(export: TenantExport) -> str:
    """What the file is called on the machine of whoever saves it."""
    return f"{export.tenant.schema_name}-{export.created_at:%Y-%m-%d}.zip"


def export_recent(*, tenant: Tenant, by: User | None) -> TenantExport:
    """One of the last day that is there or under way, else a new one."""
    _give_up(tenant)
    since = timezone.now() - RECENT
    fresh = TenantExport.objects.filter(tenant=tenant, created_at__gt=since).exclude(state=TenantExport.State.FAILED)
    return fresh.first() or export_create(tenant=tenant, by=by)


def _give_up(tenant: Tenant) -> None:
    """One that has taken so long will not end any more."""
    begun = TenantExport.objects.filter(tenant=tenant, state__in=(TenantExport.State.WAITING, TenantExport.State.RUNNING))
    begun.filter(created_at__lt=timezone.now() - LONGEST).update(state=TenantExport.State.FAILED)


def export_run(export: TenantExport) -> None:
    """Writes the file, table by table, and notes how far it is. Inside or outside the tenant's schema."""
    with tenant_context(export.tenant), tempfile.TemporaryFile() as file:
        export_note(export, state=TenantExport.State.RUNNING)
        try:
            export_write(export.tenant, file, export)
        except (OSError, MeridianError) as error:
            log.warning("export_failed", export=str(export.pk), error=type(error).__name__)
            export_note(export, state=TenantExport.State.FAILED)
            return
        size = file.tell()
        default_storage.save(export_path(export), File(file))
        export_note(export, state=TenantExport.State.DONE, size=size)


def exports_purge() -> int:
    """Deletes exports that were asked for more than EXPORT_RETENTION_DAYS days ago, file first; returns how many.

    A company that is to be deleted keeps its own.
    """
    before = timezone.now() - timedelta(days=settings.EXPORT_RETENTION_DAYS)
    kept = TenantExport.objects.filter(created_at__lt=before, tenant__delete_at=None)
    old, total = kept.select_related("tenant").order_by("created_at"), 0
    while exports := list(old[:PURGED_AT_ONCE]):
        for export in exports:
            with tenant_context(export.tenant):
                default_storage.delete(export_path(export))
            export.delete()
        total += len(exports)
    return total


def export_write(tenant: Tenant, file: IO[bytes], export: TenantExport | None = None) -> None:
    """The zip itself; the tenant's schema has to be current."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, (name, rows) in enumerate(_tables(tenant), start=1):
            with archive.open(f"{name}.json", "w", force_zip64=True) as part:
                _write(part, _values(rows))
            if export is not None:
                export_note(export, tables_done=number)
        for path in _files():
            _file_add(archive, path)


def _files(folder: str = "") -> Iterator[str]:
    """Every file that the tenant has stored, but for exports."""
    try:
        folders, names = default_storage.listdir(folder)
    except FileNotFoundError:
        return
    yield from (f"{folder}{name}" for name in sorted(names))
    for one in sorted(folders):
        if f"{folder}{one}" != FOLDER:
            yield from _files(f"{folder}{one}/")


def _file_add(archive: zipfile.ZipFile, path: str) -> None:
    """One that was deleted meanwhile is left out."""
    try:
        source = default_storage.open(path)
    except FileNotFoundError:
        return
    with source, archive.open(f"files/{path}", "w", force_zip64=True) as part:
        shutil.copyfileobj(source, part)


def export_note(export: TenantExport, **values: Any) -> None:
    for name, value in values.items():
        setattr(export, name, value)
    export.save(update_fields=list(values))


def _write(part: IO[bytes], rows: Iterator[dict[str, Any]]) -> None:
    part.write(b"[")
    for number, row in enumerate(rows):
        part.write((",\n" if number else "\n").encode() + json.dumps(row, cls=_Encoder, ensure_ascii=False).encode())
    part.write(b"\n]\n")


def _tables(tenant: Tenant) -> list[tuple[str, Rows]]:
    """The name of each file and its rows: the tenant's own tables, and what the shared ones hold of it."""
    own = [model for model in apps.get_models() if apps.get_app_config(model._meta.app_label).name in settings.TENANT_APPS]
    tables: list[tuple[str, Rows]] = [(model._meta.db_table, model._default_manager.all()) for model in own]
    tables += [(model._meta.db_table, model._base_manager.filter(tenant=tenant)) for model in SHARED]
    tables += [table for more in _more.values() for table in more(tenant)]
    people = User.objects.filter(memberships__tenant=tenant).only("id", "email", "name", "last_login", "date_joined")
    return [("company", Tenant.objects.filter(pk=tenant.pk)), ("people", people), *tables]


def _values(rows: Rows) -> Iterator[dict[str, Any]]:
    fields = [field for field in rows.model._meta.concrete_fields if not _is_secret(field)]
    if rows.model is User:
        fields = [field for field in fields if field.name in ("id", "email", "name", "last_login", "date_joined")]
    return rows.order_by("pk").values(*(field.attname for field in fields)).iterator(chunk_size=500)


def _is_secret(field: "models.Field[Any, Any]") -> bool:
    return isinstance(field, SECRET) or field.name in HIDDEN


class _Encoder(DjangoJSONEncoder):
    """Vectors and other types that JSON does not know become text."""

    def default(self, value: Any) -> Any:
        try:
            return super().default(value)
        except TypeError:
            return str(value)
