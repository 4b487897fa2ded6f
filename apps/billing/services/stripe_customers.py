"""A tenant as Stripe's customer: made once, kept up to date with its billing details, and led to its portal."""

import hashlib
import json
from datetime import timedelta
from typing import Any

from django.utils import timezone

from apps.billing import stripe_calls
from apps.billing.models import BillingProfile
from apps.billing.stripe_api import StripeMissing, StripeRefused, stripe_configured
from apps.tenants.models import Role, Tenant
from apps.tenants.selectors import people_of

MARK = "meridian_tenant"
CLOCKS = timedelta(minutes=10)  # by which Stripe's clock and ours may differ
ADDRESS = ("line1", "line2", "postal_code", "city", "state", "country")
Json = dict[str, Any]


def customer_ensure(*, tenant: Tenant, tries: int = 0) -> Json:
    """The tenant's customer at Stripe with its name, address and tax id of now; made where there is none.

    Raises StripeUnavailable or StripeRefused.
    """
    profile = BillingProfile.objects.get_or_create(tenant=tenant)[0]
    params = _params(profile)
    customer = _update(profile, params) or _find(profile, params) or _create(profile, params, tries)
    BillingProfile.objects.filter(pk=profile.pk).update(stripe_customer_id=customer["id"])
    profile.stripe_customer_id = customer["id"]
    if profile.tax_id or profile.stripe_tax_id:
        _tax_id_sync(profile, tries)
    return customer


def portal_url(*, tenant: Tenant, return_url: str) -> str:
    """Where the tenant changes its card, good for a short while. Raises StripeUnavailable or StripeRefused."""
    if not stripe_configured():
        raise StripeRefused("Payments are not set up on this installation, so there is no page to manage them.")
    customer = customer_ensure(tenant=tenant)
    return str(stripe_calls.portal_create(customer["id"], return_url)["url"])


def pays_by_card(customer: Json) -> bool:
    """True where Stripe has something to charge; otherwise the invoice is mailed and paid on its page."""
    return bool((customer.get("invoice_settings") or {}).get("default_payment_method") or customer.get("default_source"))


def key_of(what: str, name: object, params: Json, tries: int = 0) -> str:
    """A stable idempotency key.

    Other content is another key, since Stripe refuses the same one for it; `tries` counts the 500s that it would repeat.
    """
    digest = hashlib.sha256(json.dumps(params, sort_keys=True, default=str).encode()).hexdigest()[:12]
    return f"meridian-{what}-{name}-{tries}-{digest}"


def _params(profile: BillingProfile) -> Json:
    tenant = profile.tenant
    email = profile.email or next(iter(owners_of(tenant)), "")
    address = {name: getattr(profile, name) for name in ADDRESS if getattr(profile, name)}
    params: Json = {"name": profile.legal_name or tenant.name, "metadata": {MARK: tenant.schema_name}}
    return params | ({"email": email} if email else {}) | ({"address": address} if address else {})


def owners_of(tenant: Tenant) -> list[str]:
    """The e-mail addresses of a tenant's owners."""
    return [row.membership.user.email for row in people_of(tenant) if row.membership.role == Role.OWNER]


def _update(profile: BillingProfile, params: Json) -> Json | None:
    """None when there is no customer yet, or it was deleted, or belongs to another account (test and live differ)."""
    if not profile.stripe_customer_id:
        return None
    try:
        customer = stripe_calls.customer_update(profile.stripe_customer_id, params)
    except StripeMissing:
        return None
    return None if customer.get("deleted") else customer


def _find(profile: BillingProfile, params: Json) -> Json | None:
    """One that an earlier attempt made and could not note down; the newest hours are listed, because search lags behind."""
    name = profile.tenant.schema_name
    recent = stripe_calls.customers_since(profile.stripe_asked_at - CLOCKS) if profile.stripe_asked_at else iter(())
    found = next((row for row in recent if row["metadata"].get(MARK) == name), None)
    found = found or next(iter(_searched(name)), None)
    return stripe_calls.customer_update(found["id"], params) if found else None


def _searched(name: str) -> list[Json]:
    try:
        return stripe_calls.customers_with(MARK, name)
    except StripeRefused:
        return []  # some countries' accounts and restricted keys have no search


def _create(profile: BillingProfile, params: Json, tries: int) -> Json:
    BillingProfile.objects.filter(pk=profile.pk, stripe_asked_at=None).update(stripe_asked_at=timezone.now())
    about = {**params, "instead_of": profile.stripe_customer_id}  # for one that was deleted, its key would bring it back
    return stripe_calls.customer_create(params, key=key_of("customer", profile.tenant.schema_name, about, tries))


def _tax_id_sync(profile: BillingProfile, tries: int) -> None:
    """Stripe's tax ids do not change: another one is added, and the one that was ours is removed."""
    wanted = (profile.tax_id_type, profile.tax_id)
    there = {row["id"]: (row["type"], row["value"]) for row in stripe_calls.tax_ids_of(profile.stripe_customer_id)}
    current = next((name for name, given in there.items() if given == wanted), "")
    if profile.tax_id and not current:
        params = {"type": wanted[0], "value": wanted[1]}
        key = key_of("tax-id", profile.stripe_customer_id, {**params, "beside": sorted(there)}, tries)
        current = stripe_calls.tax_id_create(profile.stripe_customer_id, *wanted, key=key)["id"]
    if profile.stripe_tax_id in there and profile.stripe_tax_id != current:
        stripe_calls.tax_id_delete(profile.stripe_customer_id, profile.stripe_tax_id)
    BillingProfile.objects.filter(pk=profile.pk).update(stripe_tax_id=current)
