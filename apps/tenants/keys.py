"""API keys: made, shown once, found by what a request brings, revoked, and taken back into use."""

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework_api_key.crypto import KeyGenerator

from apps.core.errors import PermanentError
from apps.tenants.models import Role, Tenant, User
from apps.tenants.models_keys import AREAS, OWNER_AREAS, SCOPES, USABLE, TenantApiKey

USED_STEP = timedelta(minutes=1)


class BeyondMaker(PermanentError):
    """A key was asked for that would grant more than whoever makes it has."""


class _Generator(KeyGenerator):
    """Keys say whose they are, so that scanners of published code can know them."""

    def get_prefix(self) -> str:
        return f"mk_{super().get_prefix()}"


_generator = _Generator(secret_key_length=40)


def areas_of(role: str) -> list[str]:
    """The areas of the API that somebody with this role may let a key into: those that are theirs on pages, too."""
    return [area for area in AREAS if role == Role.OWNER or (role == Role.ADMIN and area not in OWNER_AREAS)]


@transaction.atomic
def api_key_create(
    *,
    tenant: Tenant,
    name: str,
    scopes: Collection[str],
    created_by: User | None = None,
    made_by: TenantApiKey | None = None,
    expires_at: datetime | None = None,
    within: Collection[str] = SCOPES,
) -> tuple[TenantApiKey, str]:
    """The key, and its text, which nobody can read again. A person or another key makes it; `within` are the maker's scopes.

    Raises PermanentError for a name or scope that cannot be, BeyondMaker for a scope that the maker lacks.
    """
    _check(name, scopes, expires_at)
    _check_within(scopes, within)
    _check_maker(made_by)
    text, prefix, hashed = _generator.generate()
    key = TenantApiKey.objects.create(
        tenant=tenant,
        name=name.strip(),
        prefix=prefix,
        hashed_key=hashed,
        scopes=[scope for scope in SCOPES if scope in scopes],
        created_by=created_by,
        made_by_key=made_by,
        expires_at=expires_at,
    )
    return key, text


def _check(name: str, scopes: Collection[str], expires_at: datetime | None) -> None:
    if not 0 < len(name.strip()) <= 80:
        raise PermanentError(_("Give the key a name of 1 to 80 characters, such as the program that will use it."))
    if not scopes or set(scopes) - set(SCOPES):
        raise PermanentError(_("Choose what the key may do."))
    if expires_at is not None and expires_at <= timezone.now():
        raise PermanentError(_("Choose a time that lies ahead."))


def _check_within(scopes: Collection[str], within: Collection[str]) -> None:
    """`write` takes in `read`."""
    beyond = [scope for scope in SCOPES if scope in scopes and not {scope, f"{scope.partition(':')[0]}:write"} & set(within)]
    if beyond:
        words = _("A key grants no more than its maker has; leave out %(scopes)s, or let somebody make it who has that.")
        raise BeyondMaker(words % {"scopes": ", ".join(beyond)})


def _check_maker(made_by: TenantApiKey | None) -> None:
    """Locked until the new key is there, so that whoever revokes the maker finds it."""
    if made_by is not None and not TenantApiKey.objects.select_for_update().filter(pk=made_by.pk, revoked_at=None):
        raise BeyondMaker(_("The key that asks is revoked, and makes no other."))


@transaction.atomic
def api_key_revoke(*, key: TenantApiKey, made: bool = False) -> list[TenantApiKey]:
    """From now on the key opens nothing, and with `made` neither do those that it made, nor what those made.

    Which keys were revoked now, the key itself first where it was.
    """
    now, revoked, level = timezone.now(), [], [key.pk]
    rows = TenantApiKey.objects.select_for_update(of=("self",)).order_by("created_at", "pk")
    while level:
        locked = list(rows.filter(pk__in=level))
        revoked += [row for row in locked if row.revoked_at is None]
        level = list(rows.filter(made_by_key__in=level).values_list("pk", flat=True)) if made else []
    for row in revoked:
        _revoked_save(row, now)
    return revoked


@transaction.atomic
def api_key_restore(*, key: TenantApiKey) -> list[TenantApiKey]:
    """Undoes a revocation, also of the keys that were revoked with it. Which keys work again, the key itself first."""
    row = TenantApiKey.objects.select_for_update().get(pk=key.pk)
    if row.revoked_at is None:
        return []
    with_it = TenantApiKey.objects.select_for_update().filter(
        pk__in=[one.pk for one in _made_by([row])], revoked_at=row.revoked_at
    )
    restored = [row, *with_it]
    for one in restored:
        _revoked_save(one, None)
    return restored


def _revoked_save(row: TenantApiKey, at: datetime | None) -> None:
    """As a row and not by an UPDATE, so that the audit log hears of it."""
    row.revoked_at = at
    row.save(update_fields=["revoked_at"])


def _made_by(keys: list[TenantApiKey]) -> list[TenantApiKey]:
    """What these keys made, what those made, and so on; also what is revoked."""
    made = list(TenantApiKey.objects.filter(made_by_key__in=keys).order_by("created_at", "pk"))
    return [*made, *_made_by(made)] if made else []


def api_keys_of(tenant: Tenant) -> QuerySet[TenantApiKey]:
    """A tenant's keys that are not revoked, the newest first."""
    return TenantApiKey.objects.filter(tenant=tenant, revoked_at=None).select_related("created_by", "made_by_key")


def api_keys_made(tenant: Tenant) -> dict[UUID, list[TenantApiKey]]:
    """By key, those that it made, what those made, and so on, as far as they are not revoked."""
    children: dict[UUID, list[TenantApiKey]] = {}
    for key in TenantApiKey.objects.filter(tenant=tenant, made_by_key__isnull=False).order_by("created_at", "pk"):
        children.setdefault(key.made_by_key_id, []).append(key)  # type: ignore[arg-type]

    def below(pk: UUID) -> list[TenantApiKey]:
        return [one for child in children.get(pk, []) for one in (child, *below(child.pk))]

    return {pk: [key for key in below(pk) if key.revoked_at is None] for pk in children}


def api_key_find(tenant: Tenant, text: str) -> TenantApiKey | None:
    """The usable key of this tenant with this text, marked as used; None for any other."""
    prefix = text.partition(".")[0]
    key = TenantApiKey.objects.filter(USABLE, tenant=tenant, prefix=prefix).first()
    if key is None or not _generator.verify(text, key.hashed_key):
        return None
    _mark_used(key)
    return key


def _mark_used(key: TenantApiKey) -> None:
    """Once a minute is enough for a person to see, and spares a write a request."""
    now = timezone.now()
    if key.last_used_at is None or key.last_used_at < now - USED_STEP:
        stale = Q(last_used_at=None) | Q(last_used_at__lt=now - USED_STEP)
        TenantApiKey.objects.filter(stale, pk=key.pk).update(last_used_at=now)
