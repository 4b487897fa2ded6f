"""What others than its agent use in a call, such as Media Bot's transcript. Whoever keeps calls registers how it is read."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from uuid import UUID

from apps.tenants.models import Tenant

Row = dict[str, Any]
Read = Callable[[Tenant, UUID], list[Row]]
_read: Read = lambda tenant, call_id: []  # noqa: E731


def beside_register(read: Read) -> None:
    """Called once from ready(). `read` returns the usage rows so far, each with `system`, such as media-bot; none raises."""
    global _read
    _read = read


def beside_of(tenant: Tenant, call_id: UUID) -> list[Row]:
    """Usage rows of a call that are not its agent's; none of a company that is deleted, whose calls are gone."""
    return [] if tenant.status == Tenant.Status.DELETED else _read(tenant, call_id)


def beside_in(usage: Iterable[Mapping[str, Any]]) -> list[Row]:
    """Those rows of an entry's usage."""
    return [dict(row) for row in usage if row.get("system")]


def agents_in(usage: Iterable[Mapping[str, Any]]) -> list[Row]:
    """What the agent itself used."""
    return [dict(row) for row in usage if not row.get("system")]
