"""A tenant's own prices, set and ended by staff."""

from typing import Any

from django.db import transaction

from apps.billing.models import PriceOverride, StaffAct
from apps.billing.selectors.prices import tenant_currency
from apps.billing.services.prices import override_end, override_set
from apps.billing.services.staff.acts import act_record
from apps.tenants.models import Tenant


@transaction.atomic
def own_price_set(*, tenant: Tenant, by: str, note: str, **values: Any) -> PriceOverride:
    """As override_set, in the tenant's currency, and written down. Raises PermanentError as that does."""
    override = override_set(tenant=tenant, currency=tenant_currency(tenant), note=note, **values)
    act_record(kind=StaffAct.Kind.OVERRIDE, tenant=tenant, subject=_subject(override), reason=note, by=by)
    return override


@transaction.atomic
def own_price_end(*, override: PriceOverride, by: str) -> None:
    """The book's price counts again from now on. Raises PermanentError when it has ended."""
    override_end(override=override)
    act_record(kind=StaffAct.Kind.OVERRIDE_ENDED, tenant=override.tenant, subject=_subject(override), by=by)


def _subject(override: PriceOverride) -> str:
    return f"{override.provider} {override.model}: {override.price:f} {override.currency} per {override.get_unit_display()}"
