"""How allauth behaves here: its words, where a log-in leads, and encrypted second factors."""

from typing import Any, ClassVar
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from apps.core.fields import decrypt, encrypt
from apps.tenants.hosts import address_at, host_of, is_platforms
from apps.tenants.letters_account import DONE, account_letter
from apps.tenants.models import User
from apps.tenants.selectors import memberships_of, tenant_host

SIGNED_UP = "account/email/email_confirmation_signup"


class AccountAdapter(DefaultAccountAdapter):
    """Log-in by e-mail; people come by sign-up or invitation, never by allauth's own form."""

    error_messages: ClassVar[dict[str, Any]] = {
        **DefaultAccountAdapter.error_messages,
        "too_many_login_attempts": _("Too many attempts. Wait five minutes, or set a new password by e-mail."),
        "incorrect_password": _("This is not your password. Try again."),
        "enter_current_password": _("This is not your present password. Try again."),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_login_stages(self) -> list[str]:
        return [*super().get_login_stages(), "apps.tenants.login.HandoverStage"]

    def get_reset_password_from_key_url(self, key: str) -> str:
        """Never on a company's own host name: whoever rules it could lead it elsewhere and read the key."""
        url = super().get_reset_password_from_key_url(key)
        if is_platforms(host_of(self.request)):
            return str(url)
        return f"{settings.PUBLIC_URL}{urlsplit(url).path}"

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """What was done to a log-in is told in the product's own words; the other mails are templates."""
        if template_prefix not in DONE:
            company = {"company_url": _company_url(context["user"])} if template_prefix == SIGNED_UP else {}
            super().send_mail(template_prefix, email, {**context, **company})
            return
        url = self.request.build_absolute_uri(reverse("account"))
        address, browser = context["ip"], context["user_agent"]
        account_letter(done=template_prefix, to=email, url=url, address=address, browser=browser, context=context).send()

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("account")


def _company_url(user: User) -> str:
    """Where the company of somebody who has just signed up is."""
    return address_at(tenant_host(memberships_of(user)[0].tenant))


class MFAAdapter(DefaultMFAAdapter):
    """Secrets of second factors are encrypted with a key of their own; people are shared, so it is no tenant's."""

    def encrypt(self, text: str) -> str:
        return encrypt(text, schema="public")

    def decrypt(self, encrypted_text: str) -> str:
        return decrypt(encrypted_text, schema="public")

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """A passkey belongs to the host that it was made on."""
        return {"id": context.request.get_host().partition(":")[0], "name": "Meridian"}
