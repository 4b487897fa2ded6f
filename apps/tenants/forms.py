"""Log-in by e-mail address."""

from django.contrib.auth.forms import AuthenticationForm
from django.utils.translation import gettext_lazy as _


class LoginForm(AuthenticationForm):
    error_messages = {
        "invalid_login": _(
            "This e-mail address and password do not go together. Try again, or ask your admin for a new password."
        ),
        "inactive": _("This log-in is switched off. Ask your admin."),
    }
