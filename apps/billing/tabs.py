"""The tabs of Billing, in the order in which they stand; a page adds its own by a line here and an address of that name."""

from dataclasses import dataclass
from functools import cache

from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.tenants.access import MONEY
from apps.tenants.models import Role


@dataclass(frozen=True)
class Tab:
    """One tab: `key` is what a page gives as `tab`, `url_name` where it leads, `roles` who sees it."""

    key: str
    url_name: str
    label: str | Promise
    icon: str
    roles: tuple[Role, ...] = MONEY


TABS = (
    Tab("overview", "billing", _("Overview"), "gauge"),
    Tab("entries", "billing-entries", _("Usage"), "list"),
    Tab("invoices", "billing-invoices", _("Invoices"), "file-text"),
    Tab("limits", "billing-limits", _("Limits"), "hand"),
    Tab("plan", "billing-plan", _("Plan"), "circle-dollar-sign"),
    Tab("details", "billing-details", _("Details"), "building-2"),
    Tab("exports", "billing-exports", _("Exports"), "download"),
)


@cache
def _address(url_name: str) -> str:
    """Where a tab leads; empty while this installation has no such page."""
    try:
        return reverse(url_name, urlconf="config.urls_tenant")
    except NoReverseMatch:
        return ""


def tabs_for(role: str) -> list[dict[str, str | Promise]]:
    """The tabs that a role sees, for templates/billing/tabs.html."""
    seen = [tab for tab in TABS if role in tab.roles and _address(tab.url_name)]
    return [{"key": tab.key, "href": _address(tab.url_name), "label": tab.label, "icon": tab.icon} for tab in seen]
