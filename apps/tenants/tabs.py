"""The tabs of the settings, in the order in which they stand; apps add theirs by a line here and an address of that name."""

from dataclasses import dataclass
from functools import cache

from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.tenants.access import ADMINS, MANAGERS
from apps.tenants.models import Role


@dataclass(frozen=True)
class Tab:
    """One tab: `key` is what a page gives as `tab`, `url_name` where it leads, `roles` who sees it."""

    key: str
    url_name: str
    label: str | Promise
    icon: str
    roles: tuple[Role, ...] = ADMINS


TABS = (
    Tab("teams", "teams", _("Teams"), "users", MANAGERS),
    Tab("responses", "responses", _("Canned responses"), "zap", MANAGERS),
    Tab("tools", "tools", _("Tools"), "wrench", MANAGERS),
    Tab("people", "people", _("People"), "user"),
    Tab("providers", "providers", _("Providers"), "sparkles"),
    Tab("keys", "api-keys", _("API keys"), "command"),
    Tab("webhooks", "webhooks", _("Webhooks"), "send-horizontal"),
    Tab("security", "security", _("Security"), "lock"),
    Tab("audit", "audit", _("Audit log"), "history"),
    Tab("company", "company", _("Company"), "building-2"),
)


@cache
def _address(url_name: str) -> str:
    """Where a tab leads; empty while this installation has no such page."""
    try:
        return reverse(url_name, urlconf="config.urls_tenant")
    except NoReverseMatch:
        return ""


def tabs_for(role: str, tabs: tuple[Tab, ...] = TABS) -> list[dict[str, str | Promise]]:
    """The tabs that a role sees, for templates/settings/tabs.html and its like."""
    seen = [tab for tab in tabs if role in tab.roles and _address(tab.url_name)]
    return [{"key": tab.key, "href": _address(tab.url_name), "label": tab.label, "icon": tab.icon} for tab in seen]
