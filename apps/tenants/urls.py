"""People's part of a tenant's API, under /api/v1/."""

from django.urls import path

from apps.tenants import apis_audit, apis_company, apis_domains, apis_exports, apis_keys, apis_sso
from apps.tenants import apis_people as people

urlpatterns = [
    path("people", people.PeopleAPI.as_view(), name="api-people"),
    path("people/<int:person_id>", people.PersonAPI.as_view(), name="api-person"),
    path("invitations", people.InvitationsAPI.as_view(), name="api-invitations"),
    path("invitations/<uuid:invitation_id>", people.InvitationAPI.as_view(), name="api-invitation"),
    path("invitations/<uuid:invitation_id>/resend", people.InvitationResendAPI.as_view(), name="api-invitation-resend"),
    path("audit-log", apis_audit.AuditLogAPI.as_view(), name="api-audit-log"),
    path("keys", apis_keys.KeysAPI.as_view(), name="api-key-list"),
    path("keys/<uuid:key_id>", apis_keys.KeyAPI.as_view(), name="api-key"),
    path("company", apis_company.CompanyAPI.as_view(), name="api-company"),
    path("company/deletion", apis_company.DeletionAPI.as_view(), name="api-company-deletion"),
    path("security", apis_company.SecurityAPI.as_view(), name="api-security"),
    path("exports", apis_exports.ExportsAPI.as_view(), name="api-exports"),
    path("exports/<uuid:export_id>", apis_exports.ExportAPI.as_view(), name="api-export"),
    path("exports/<uuid:export_id>/file", apis_exports.ExportFileAPI.as_view(), name="api-export-file"),
    path("domains", apis_domains.DomainsAPI.as_view(), name="api-domains"),
    path("domains/primary", apis_domains.PrimaryDomainAPI.as_view(), name="api-domain-primary"),
    path("domains/<uuid:domain_id>", apis_domains.DomainAPI.as_view(), name="api-domain"),
    path("domains/<uuid:domain_id>/check", apis_domains.DomainCheckAPI.as_view(), name="api-domain-check"),
    path("single-sign-on", apis_sso.SingleSignOnAPI.as_view(), name="api-sso"),
    path("single-sign-on/check", apis_sso.CheckAPI.as_view(), name="api-sso-check"),
    path("single-sign-on/required", apis_sso.RequiredAPI.as_view(), name="api-sso-required"),
]
