"""What other apps do when a company joins, stops or comes back. They register it in ready(), and tenants know none of them."""

from collections.abc import Callable
from typing import Literal

from apps.tenants.models import Tenant

Moment = Literal["joined", "stopped", "returned"]
Run = Callable[[Tenant], object]

_runs: dict[Moment, dict[str, Run]] = {"joined": {}, "stopped": {}, "returned": {}}


def lifecycle_register(moment: Moment, name: str, run: Run) -> None:
    """`run` is called in the transaction of what happened: what it raises undoes it. A name is registered once."""
    _runs[moment][name] = run


def lifecycle_tell(moment: Moment, tenant: Tenant) -> None:
    """Called by the services of this app: a sign-up, a suspension or deletion, a restoration."""
    for run in _runs[moment].values():
        run(tenant)
