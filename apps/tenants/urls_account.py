"""A person's own account, on every host. Where a name begins with account_ or mfa_, allauth's own views reverse it."""

from allauth.account import views as account
from allauth.mfa.base import views as mfa
from allauth.mfa.recovery_codes import views as codes
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as passkeys
from allauth.usersessions import views as sessions
from django.urls import path, re_path
from django.views.generic import RedirectView

from apps.tenants.views.account import account_page

urlpatterns = [
    path("", account_page, name="account"),
    path("login", RedirectView.as_view(pattern_name="login", query_string=True), name="account_login"),
    path("logout", RedirectView.as_view(pattern_name="logout"), name="account_logout"),
    path("signup", RedirectView.as_view(pattern_name="login"), name="account_signup"),
    path("inactive", account.account_inactive, name="account_inactive"),
    path("reauthenticate", account.reauthenticate, name="account_reauthenticate"),
    path("email", account.email, name="account_email"),
    path("email/sent", account.email_verification_sent, name="account_email_verification_sent"),
    path("email/confirm/<str:key>", account.confirm_email, name="account_confirm_email"),
    path("password", account.password_change, name="account_change_password"),
    path("password/set", account.password_set, name="account_set_password"),
    path("password/forgotten", account.password_reset, name="account_reset_password"),
    path("password/forgotten/sent", account.password_reset_done, name="account_reset_password_done"),
    re_path(
        r"^password/new/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>[^/]+)$",
        account.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
    path("password/done", account.password_reset_from_key_done, name="account_reset_password_from_key_done"),
    path("factors/", mfa.index, name="mfa_index"),
    path("factors/ask", mfa.authenticate, name="mfa_authenticate"),
    path("factors/reauthenticate", mfa.reauthenticate, name="mfa_reauthenticate"),
    path("factors/app", totp.activate_totp, name="mfa_activate_totp"),
    path("factors/app/remove", totp.deactivate_totp, name="mfa_deactivate_totp"),
    path("factors/codes", codes.view_recovery_codes, name="mfa_view_recovery_codes"),
    path("factors/codes/new", codes.generate_recovery_codes, name="mfa_generate_recovery_codes"),
    path("factors/codes/download", codes.download_recovery_codes, name="mfa_download_recovery_codes"),
    path("passkeys/", passkeys.list_webauthn, name="mfa_list_webauthn"),
    path("passkeys/add", passkeys.add_webauthn, name="mfa_add_webauthn"),
    path("passkeys/login", passkeys.login_webauthn, name="mfa_login_webauthn"),
    path("passkeys/reauthenticate", passkeys.reauthenticate_webauthn, name="mfa_reauthenticate_webauthn"),
    path("passkeys/<int:pk>/rename", passkeys.edit_webauthn, name="mfa_edit_webauthn"),
    path("passkeys/<int:pk>/remove", passkeys.remove_webauthn, name="mfa_remove_webauthn"),
    path("sessions", sessions.list_usersessions, name="usersessions_list"),
]
