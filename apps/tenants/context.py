"""What the page shell shows everywhere."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from apps.tenants.selectors import memberships_of
from apps.tenants.tabs import tabs_for


def shell(request: HttpRequest) -> dict[str, Any]:
    """The tenant, the person's role, their other tenants (read only when shown), and where the live events are."""
    membership = getattr(request, "membership", None)
    host = request.get_host().rsplit(":", 1)[0]
    return {
        "tenant": getattr(request, "tenant", None),
        "membership": membership,
        "my_tenants": (lambda: memberships_of(request.user)) if membership else list,  # type: ignore[arg-type]
        "account_frame": "shell.html" if membership else "plain.html",
        "settings_tabs": (lambda: tabs_for(membership.role)) if membership else list,
        "realtime_url": settings.REALTIME_URL.replace("{host}", host),
    }
