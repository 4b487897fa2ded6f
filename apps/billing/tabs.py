"""The tabs of Billing, in the order in which they stand; a page adds its own by a line here and an address of that name."""

from functools import partial

from django.utils.translation import gettext_lazy as _

from apps.tenants.access import MONEY
from apps.tenants.tabs import Tab

_tab = partial(Tab, roles=MONEY)

TABS = (
    _tab("overview", "billing", _("Overview"), "gauge"),
    _tab("entries", "billing-entries", _("Usage"), "list"),
    _tab("invoices", "billing-invoices", _("Invoices"), "file-text"),
    _tab("limits", "billing-limits", _("Limits"), "hand"),
    _tab("plan", "billing-plan", _("Plan"), "circle-dollar-sign"),
    _tab("details", "billing-details", _("Details"), "building-2"),
    _tab("exports", "billing-exports", _("Exports"), "download"),
)
