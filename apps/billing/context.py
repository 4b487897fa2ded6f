"""What the page shell says of money, to the people who can do something about it: that it is overdue, that a trial ends."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from apps.billing.models import BillingProfile
from apps.billing.selectors.standing import Owed, owed_by, trial_ending
from apps.tenants.access import MONEY


@dataclass(frozen=True)
class StandingNotice:
    """Above every page while something is overdue; `restricted` once the final notice was in vain."""

    restricted: bool
    owed: Owed


def standing(request: HttpRequest) -> dict[str, Any]:
    """`standing_notice` and `trial_notice` for owners, admins and finance people; read only by pages that show them."""
    membership = getattr(request, "membership", None)
    if membership is None or membership.role not in MONEY:
        return {"standing_notice": None, "trial_notice": None}
    return {
        "standing_notice": SimpleLazyObject(lambda: _notice(membership.tenant_id)),
        "trial_notice": SimpleLazyObject(lambda: trial_ending(membership.tenant)),
    }


def _notice(tenant_id: int) -> StandingNotice | None:
    found = BillingProfile.objects.filter(tenant=tenant_id).exclude(standing=BillingProfile.Standing.GOOD).first()
    if found is None:
        return None
    return StandingNotice(found.standing == BillingProfile.Standing.RESTRICTED, owed_by(found.tenant))
