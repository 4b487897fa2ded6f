"""Who gets a tenant's invoices: name, address and tax id."""

from django.db import transaction

from apps.billing.models import BillingProfile
from apps.billing.taxids import tax_id_checked
from apps.core.errors import PermanentError
from apps.tenants.models import Tenant

FIELDS = ("legal_name", "email", "line1", "line2", "postal_code", "city", "state", "country", "tax_id_type", "tax_id")


@transaction.atomic
def profile_update(*, tenant: Tenant, **values: str) -> BillingProfile:
    """Changes what is named of FIELDS, for invoices from the next one on. Raises PermanentError for a tax id that is none."""
    if unknown := values.keys() - set(FIELDS):
        raise PermanentError(f"{', '.join(sorted(unknown))} cannot be changed here.")
    BillingProfile.objects.get_or_create(tenant=tenant)
    profile = BillingProfile.objects.select_for_update().get(tenant=tenant)
    for name, value in values.items():
        setattr(profile, name, value.strip())
    if profile.tax_id or profile.tax_id_type:
        profile.tax_id = tax_id_checked(profile.tax_id_type, profile.tax_id)
    profile.save(update_fields=[*values, "tax_id", "updated_at"])
    return profile


def seats_grow_set(*, tenant: Tenant, grow: bool) -> None:
    """Whether whoever single sign-on lets in takes a further seat where all are taken; else nobody new comes in that way."""
    BillingProfile.objects.update_or_create(tenant=tenant, defaults={"seats_grow": grow})
