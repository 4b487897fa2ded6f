"""How many invitations are mailed: by a company, and to one address by whichever companies. ACCOUNT_RATE_LIMITS says how many."""

from typing import Any

from allauth.core import ratelimit
from django.utils.translation import gettext as _
from django_tenants.utils import schema_context

from apps.tenants.models import Tenant


def invitation_refusal(request: Any, tenant: Tenant, email: str) -> str:
    """Why no mail goes to this address now, or nothing; then it is counted. `request`: Django's, or REST framework's."""
    with schema_context("public"):  # the cache's keys carry the tenant
        allowed = ratelimit.consume(request, action="invitation_address", key=email.strip().lower())
    if not allowed:
        return _("%(email)s was sent many invitations just now. Try again tomorrow.") % {"email": email}
    if not ratelimit.consume(request, action="invitation_company", key=tenant.schema_name):
        return _("%(company)s has sent many invitations just now. Try again tomorrow.") % {"company": tenant.name}
    return ""
