"""Host names of a company's own, from being asked for to being proven. Shared schema, as host names are."""

from datetime import datetime, timedelta

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.core.ids import uuid7

RECORD = "_meridian"
VALUE = "meridian-domain="
GRACE = timedelta(days=30)  # for which a name serves on without its proof


class CustomDomain(models.Model):
    """A host name that a company asked for. Once it is proven to be theirs there is a Domain as well, which serves it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, related_name="custom_domains")
    domain = models.CharField(_("host name"), max_length=253)
    token = models.CharField(max_length=64, editable=False, help_text="Whoever rules the name publishes it.")
    verified_at = models.DateTimeField(_("verified"), null=True, blank=True)
    missing_since = models.DateTimeField(_("proof missing since"), null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("host name")
        ordering = ["domain"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "domain"], name="custom_domain_asked_once"),
            models.UniqueConstraint(fields=["domain"], condition=Q(verified_at__isnull=False), name="custom_domain_one_owner"),
        ]

    def __str__(self) -> str:
        return self.domain

    @property
    def is_verified(self) -> bool:
        return self.verified_at is not None

    @property
    def serves_until(self) -> datetime | None:
        """When it is let go of, where its proof is missing."""
        return self.missing_since + GRACE if self.missing_since and self.is_verified else None

    @property
    def record_name(self) -> str:
        """Of the TXT record that proves it."""
        return f"{RECORD}.{self.domain}"

    @property
    def record_value(self) -> str:
        return f"{VALUE}{self.token}"
