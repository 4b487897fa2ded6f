"""E-mails that tell a person what was done to their log-in, so that somebody else's doing is noticed."""

from typing import TYPE_CHECKING, Any

from django.core.mail import EmailMultiAlternatives
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.core.letters import letter_make
from apps.core.templatetags.ui import device

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

# What was done, by allauth's name for it.
DONE: "dict[str, _StrPromise]" = {
    "account/email/password_changed": gettext_lazy("Your password was changed"),
    "account/email/password_reset": gettext_lazy("Your password was changed"),
    "account/email/password_set": gettext_lazy("You have a password now"),
    "account/email/email_changed": gettext_lazy("Your e-mail address was changed"),
    "account/email/email_confirm": gettext_lazy("Your e-mail address is confirmed"),
    "account/email/email_deleted": gettext_lazy("An e-mail address was removed"),
    "mfa/email/totp_activated": gettext_lazy("An authenticator app was added"),
    "mfa/email/totp_deactivated": gettext_lazy("The authenticator app was removed"),
    "mfa/email/recovery_codes_generated": gettext_lazy("New recovery codes were made"),
    "mfa/email/webauthn_added": gettext_lazy("A passkey was added"),
    "mfa/email/webauthn_removed": gettext_lazy("A passkey was removed"),
}


def account_letter(
    *, done: str, to: str, url: str, address: str, browser: str, context: dict[str, Any]
) -> EmailMultiAlternatives:
    """The e-mail for one of DONE. `address` is the network's, `browser` its User-Agent header, `url` their account page."""
    return letter_make(
        to=to,
        subject=str(DONE[done]),
        paragraphs=[
            _more(done) % context,
            _("It was done on %(at)s, with %(device)s, from the address %(address)s.")
            % {"at": date_format(timezone.now(), "j F Y, H:i") + " UTC", "device": _device(browser), "address": address or "–"},
            _("If it was you, all is well. If it was not, choose a new password at once, and log out the other devices."),
        ],
        url=url,
        action=_("Look at your account"),
        small=_("You get this because it concerns your log-in at Meridian."),
    )


def _device(browser: str) -> str:
    said = device(browser)
    return said if said != browser[:60] else _("a program that Meridian does not know")


def _more(done: str) -> str:
    return {
        "account/email/email_changed": _("You log in as %(to_email)s now, no longer as %(from_email)s."),
        "account/email/email_deleted": _("%(deleted_email)s no longer belongs to your log-in."),
        "mfa/email/recovery_codes_generated": _("Those that you had before no longer work."),
        "mfa/email/totp_deactivated": _("Its codes no longer let you in."),
        "mfa/email/webauthn_removed": _("It no longer lets you in."),
    }.get(done, "")
