"""Who a tenant is, who works there, and which outside ids are theirs."""

from typing import Any, ClassVar

from django.contrib.auth.base_user import BaseUserManager
from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils.translation import gettext_lazy as _
from django_tenants.models import DomainMixin, TenantMixin

from apps.core.ids import uuid7


class Tenant(TenantMixin):
    """A customer company. Its schema name is its slug, and the `tenant` of every contract."""

    class Status(models.TextChoices):
        ACTIVE = "active", _("Active")
        SUSPENDED = "suspended", _("Suspended")
        DELETED = "deleted", _("Deleted")

    name = models.CharField(max_length=120)
    country = models.CharField(max_length=2, default="US", help_text="ISO 3166, decides how national numbers are read.")
    timezone = models.CharField(max_length=64, default="UTC")
    status = models.CharField(max_length=12, choices=Status, default=Status.ACTIVE)
    created_at = models.DateTimeField(auto_now_add=True)
    delete_at = models.DateTimeField(null=True, blank=True, help_text="When its schema is dropped, if it is to be deleted.")
    session_hours = models.PositiveSmallIntegerField(default=336, help_text="A log-in lasts this long at most.")
    idle_minutes = models.PositiveSmallIntegerField(default=0, help_text="Logged out after so long without work; 0: never.")
    password_length = models.PositiveSmallIntegerField(default=10, help_text="The least length of a new password.")
    mfa_required = models.BooleanField(default=False, help_text="Nobody works here without a second factor.")
    sso_required = models.BooleanField(default=False, help_text="Only owners log in by a password.")

    auto_create_schema = True

    def __str__(self) -> str:
        return self.name

    @property
    def slug(self) -> str:
        return self.schema_name

    def create_schema(self, check_if_exists: bool = False, sync_schema: bool = True, verbosity: int = 1) -> bool:
        """As django-tenants calls it when a tenant is saved for the first time."""
        from apps.tenants.schemas import schema_create

        return schema_create(self.schema_name)


class Domain(DomainMixin):
    """A host name on which a tenant is served."""


class UserManager(BaseUserManager["User"]):
    """Users are known by e-mail address, compared without case."""

    use_in_migrations = True

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=(username or "").lower())


class User(AbstractUser):
    """A person. One log-in can belong to several tenants."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    username = None  # type: ignore[assignment]
    email = models.EmailField(_("e-mail"), unique=True)
    name = models.CharField(_("name"), max_length=120, blank=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects: ClassVar[UserManager] = UserManager()  # type: ignore[assignment]

    def __str__(self) -> str:
        return self.name or self.email


class Role(models.TextChoices):
    OWNER = "owner", _("Owner")
    ADMIN = "admin", _("Admin")
    SUPERVISOR = "supervisor", _("Supervisor")
    AGENT = "agent", _("Agent")
    FINANCE = "finance", _("Finance")


class Working(models.Manager["Membership"]):
    """Those who may come in: whoever forgets to ask does not let the others in."""

    def get_queryset(self) -> models.QuerySet["Membership"]:
        return super().get_queryset().filter(deactivated_at=None)


class Membership(models.Model):
    """A person's role at a tenant. `objects` are those who may come in, `everyone` has the deactivated as well."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=12, choices=Role)
    deactivated_at = models.DateTimeField(_("deactivated"), null=True, blank=True, help_text="Kept, and let in nowhere.")

    objects: ClassVar[Working] = Working()
    everyone: ClassVar[models.Manager["Membership"]] = models.Manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "user"], name="membership_once")]

    def __str__(self) -> str:
        return f"{self.user} at {self.tenant}: {self.role}"


class Route(models.Model):
    """An outside id (a SIP trunk, a WhatsApp phone_number_id) and the tenant it belongs to."""

    class Kind(models.TextChoices):
        SIP_TRUNK = "sip_trunk"
        WHATSAPP_NUMBER = "whatsapp_number"

    kind = models.CharField(max_length=24, choices=Kind)
    external_id = models.CharField(max_length=191)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="routes")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "external_id"], name="route_once")]

    def __str__(self) -> str:
        return f"{self.kind} {self.external_id} -> {self.tenant}"


from apps.tenants.models_domains import CustomDomain as CustomDomain  # noqa: E402
from apps.tenants.models_keys import TenantApiKey as TenantApiKey  # noqa: E402
from apps.tenants.models_people import Invitation as Invitation  # noqa: E402
from apps.tenants.models_people import TenantExport as TenantExport  # noqa: E402
from apps.tenants.models_sso import SingleSignOn as SingleSignOn  # noqa: E402
from apps.tenants.models_sso import SingleSignOnIdentity as SingleSignOnIdentity  # noqa: E402
