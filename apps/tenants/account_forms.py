"""allauth's forms in Meridian's words: a label above each field, none inside it, and what a password needs in one line."""

from typing import Any

from allauth.account import forms
from allauth.mfa.totp import forms as totp
from allauth.mfa.webauthn import forms as passkeys
from django.utils.translation import gettext_lazy as _

from apps.tenants.policy import TenantLengthValidator

LABELS = {
    "email": _("E-mail"),
    "password": _("Password"),
    "oldpassword": _("Current password"),
    "password1": _("New password"),
    "password2": _("New password, once more"),
    "code": _("Code that the app shows"),
    "passwordless": _("Log in with it alone, without the password"),
}
EASIER = _("A few words in a row are easier to keep than a riddle.")


class Worded:
    """Gives each field its label, and takes away the placeholder that only repeats it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():  # type: ignore[attr-defined]
            field.label = LABELS.get(name, field.label)
            field.widget.attrs.pop("placeholder", None)
            if name == "password1":
                field.help_text = f"{TenantLengthValidator().get_help_text()} {EASIER}"


class ResetPasswordForm(Worded, forms.ResetPasswordForm):  # type: ignore[misc]
    pass


class ResetPasswordKeyForm(Worded, forms.ResetPasswordKeyForm):  # type: ignore[misc]
    pass


class ChangePasswordForm(Worded, forms.ChangePasswordForm):  # type: ignore[misc]
    pass


class SetPasswordForm(Worded, forms.SetPasswordForm):  # type: ignore[misc]
    pass


class AddEmailForm(Worded, forms.AddEmailForm):  # type: ignore[misc]
    pass


class ReauthenticateForm(Worded, forms.ReauthenticateForm):  # type: ignore[misc]
    pass


class ActivateAppForm(Worded, totp.ActivateTOTPForm):  # type: ignore[misc]
    pass


class AddPasskeyForm(Worded, passkeys.AddWebAuthnForm):  # type: ignore[misc]
    pass
