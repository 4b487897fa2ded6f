from django.urls import include, path

from apps.tenants.hosts import well_known
from apps.tenants.views import audit, company, domains, login, people, sso

urlpatterns = [
    path("login", login.TenantLogin.as_view(), name="login"),
    path("login/ticket", login.login_ticket, name="login-ticket"),
    path("login/sso", sso.begin, name="sso-begin"),
    path("login/sso/callback", sso.callback, name="sso-callback"),
    path("logout", login.logout_view, name="logout"),
    path("switch/<slug:slug>", login.switch_tenant, name="switch-tenant"),
    path("join/<str:token>", people.join, name="join"),
    path("compass/people/", people.people, name="people"),
    path("compass/people/invite", people.invite, name="people-invite"),
    path("compass/people/<int:membership_id>/role", people.role, name="people-role"),
    path("compass/people/<int:membership_id>/remove", people.remove, name="people-remove"),
    path("compass/people/invitations/<uuid:invitation_id>/resend", people.resend, name="invitation-resend"),
    path("compass/people/invitations/<uuid:invitation_id>/withdraw", people.withdraw, name="invitation-withdraw"),
    path("compass/security/", company.security, name="security"),
    path("compass/security/sign-on/", sso.edit, name="single-sign-on"),
    path("compass/security/sign-on/check", sso.check, name="sso-check"),
    path("compass/security/sign-on/only", sso.only, name="sso-only"),
    path("compass/security/sign-on/remove", sso.remove, name="sso-remove"),
    path(".well-known/meridian-domain", well_known, name="domain-well-known"),
    path("compass/company/", company.company, name="company"),
    path("compass/company/domains/", domains.domains, name="domains"),
    path("compass/company/domains/primary", domains.primary, name="domain-primary"),
    path("compass/company/domains/<uuid:domain_id>/check", domains.check, name="domain-check"),
    path("compass/company/domains/<uuid:domain_id>/remove", domains.remove, name="domain-remove"),
    path("compass/company/export", company.export_ask, name="company-export"),
    path("compass/company/exports/<uuid:export_id>", company.export_state, name="export-state"),
    path("compass/company/exports/<uuid:export_id>/file", company.export_file, name="export-file"),
    path("compass/company/delete", company.delete, name="company-delete"),
    path("compass/company/keep", company.delete_undo, name="company-keep"),
    path("compass/audit/", audit.audit, name="audit"),
    path("compass/audit/csv", audit.audit_csv, name="audit-csv"),
    path("account/", include("apps.tenants.urls_account")),
]
