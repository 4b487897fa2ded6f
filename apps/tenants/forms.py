"""Log-in by e-mail address, and making a company."""

from typing import Any

from allauth.account.adapter import get_adapter
from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.password_validation import validate_password
from django.utils.translation import gettext_lazy as _

from apps.tenants.models import User
from apps.tenants.selectors import slug_problem


class LoginForm(AuthenticationForm):
    error_messages = {
        "invalid_login": _(
            "This e-mail address and password do not go together. Try again, or set a new password by e-mail below."
        ),
        "inactive": _("This log-in is switched off. Ask your admin."),
    }

    def clean(self) -> dict[str, Any]:
        """Slows down whoever guesses: after five wrong passwords for an address, it is asked to wait."""
        email, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if email and password:
            self.user_cache = get_adapter().authenticate(self.request, email=email.strip().lower(), password=password)
            if self.user_cache is None:
                raise self.get_invalid_login_error()
            self.confirm_login_allowed(self.user_cache)
        return self.cleaned_data


class PersonForm(forms.Form):
    """A new person: a name and a password that every rule lets pass."""

    name = forms.CharField(label=_("Your name"), max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name"}))
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def _post_clean(self) -> None:
        """Once the other fields are known: a password that repeats them is refused."""
        super()._post_clean()  # type: ignore[misc]
        password, given = self.cleaned_data.get("password"), self.cleaned_data
        if password:
            user = User(email=given.get("email", self.initial.get("email", "")), name=given.get("name", ""))
            try:
                validate_password(password, user)
            except forms.ValidationError as error:
                self.add_error("password", error)


class SignupForm(PersonForm):
    """A company and the first person in it, who owns it."""

    company = forms.CharField(
        label=_("Company"), max_length=120, widget=forms.TextInput(attrs={"autocomplete": "organization", "autofocus": True})
    )
    slug = forms.CharField(label=_("Address"), max_length=31)
    email = forms.EmailField(label=_("Work e-mail"), max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "email"}))
    password = forms.CharField(
        label=_("Password"),
        help_text=_("At least 10 characters. A few words in a row are easier to keep than a riddle."),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    timezone = forms.Field(required=False, widget=forms.HiddenInput)  # the browser's word: never a reason to refuse
    field_order = ("company", "slug", "name", "email", "password", "timezone")

    def clean_slug(self) -> str:
        slug = str(self.cleaned_data["slug"]).strip().lower()
        if problem := slug_problem(slug):
            raise forms.ValidationError(problem)
        return slug

    def clean_email(self) -> str:
        """A log-in can own several companies, but only whoever holds its password may add one."""
        email = str(self.cleaned_data["email"]).lower()
        if User.objects.filter(email=email).exists():
            raise forms.ValidationError(_("There is a log-in with this address. Log in with it, or use another address."))
        return email
