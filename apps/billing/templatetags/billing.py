"""What the templates of Billing say."""

from django import template
from django.utils.functional import Promise

from apps.billing.tabs import TABS
from apps.tenants.tabs import tabs_for

register = template.Library()


@register.simple_tag
def billing_tabs(role: str) -> list[dict[str, str | Promise]]:
    """The tabs that a role sees."""
    return tabs_for(role, TABS)
