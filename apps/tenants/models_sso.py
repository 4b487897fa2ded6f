"""A company's single sign-on (OpenID Connect), and whom its provider has named. Shared schema, as people are."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.core.fields import decrypt, encrypt
from apps.core.ids import uuid7
from apps.tenants.models import Role

NEW_ROLES = tuple((role.value, role.label) for role in Role if role != Role.OWNER)


class SingleSignOn(models.Model):
    """The provider of one company. Its secret is written by people and read only when a log-in asks the provider."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.OneToOneField("tenants.Tenant", on_delete=models.CASCADE, related_name="single_sign_on")
    label = models.CharField(_("name"), max_length=40, help_text="What the button at the log-in says.")
    issuer = models.CharField(_("issuer"), max_length=300)
    client_id = models.CharField(_("client ID"), max_length=255)
    client_secret = models.TextField(_("client secret"), editable=False, help_text="Encrypted with the tenant's derived key.")
    domains = models.JSONField(_("e-mail domains"), default=list, help_text="Whose addresses may log in, in lower case.")
    new_role = models.CharField(_("role of new people"), max_length=12, choices=NEW_ROLES, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True, help_text="When the provider was last found to be right.")
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = _("single sign-on")

    def __str__(self) -> str:
        return self.label

    @property
    def is_open(self) -> bool:
        """Whether the log-in page offers it: not before the provider was found to be right."""
        return self.checked_at is not None

    def secret_put(self, text: str) -> None:
        """Encrypts it for this tenant, whichever schema is current. The row is not saved."""
        self.client_secret = encrypt(text, schema=self.tenant.schema_name)

    def secret_read(self) -> str:
        """Raises WrongKey where it was written for another tenant or with a key that is gone."""
        return decrypt(self.client_secret, schema=self.tenant.schema_name)


class SingleSignOnIdentity(models.Model):
    """Somebody as a company's provider names them. It opens this company only, whatever else the person works for."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey("tenants.User", on_delete=models.CASCADE, related_name="+")
    issuer = models.CharField(max_length=300)
    subject = models.CharField(max_length=255)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("person of the single sign-on")
        constraints = [models.UniqueConstraint(fields=["tenant", "issuer", "subject"], name="sso_identity_once")]

    def __str__(self) -> str:
        return str(self.user)
