"""A tenant's API keys. Shared schema: a key is looked up before anything of the tenant is read."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.core.ids import uuid7

AREAS = {
    "agents": _("Agents"),
    "knowledge": _("Knowledge"),
    "numbers": _("Numbers"),
    "calls": _("Calls"),
    "conversations": _("Conversations"),
    "people": _("People"),
    "webhooks": _("Webhooks"),
    "providers": _("Providers and secrets"),
    "billing": _("Billing"),
    "keys": _("API keys"),
    "company": _("Company and its rules"),
    "audit": _("Audit log"),
    "exports": _("Exports of everything"),
    "domains": _("Host names"),
    "sso": _("Single sign-on"),
    "deletion": _("Deletion of the company"),
}
OWNER_AREAS = frozenset({"domains", "sso", "deletion"})  # on pages, too, only owners see to them
SCOPES = tuple(f"{area}:{right}" for area in AREAS for right in ("read", "write"))


class TenantApiKey(models.Model):
    """A key that a program sends as `Authorization: Api-Key …`. Only its hash is kept; `prefix` finds it again."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=16, unique=True, editable=False)
    hashed_key = models.CharField(max_length=160, editable=False)
    scopes = models.JSONField(default=list, help_text="Such as calls:read; write takes in read.")
    created_by = models.ForeignKey("tenants.User", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    made_by_key = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="made",
        help_text="The key of the program that made it.",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix})"

    @property
    def is_over(self) -> bool:
        """True once its time is over; a revoked one has not expired."""
        return self.expires_at is not None and self.expires_at <= timezone.now()

    def may(self, area: str, *, change: bool) -> bool:
        """Whether its scopes let it read, or change, an area of the API."""
        return f"{area}:write" in self.scopes or (not change and f"{area}:read" in self.scopes)


USABLE = Q(revoked_at=None) & (Q(expires_at=None) | Q(expires_at__gt=Now()))
