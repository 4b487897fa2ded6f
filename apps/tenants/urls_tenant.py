from django.urls import include, path

from apps.tenants.views import login, people

urlpatterns = [
    path("login", login.TenantLogin.as_view(), name="login"),
    path("login/ticket", login.login_ticket, name="login-ticket"),
    path("logout", login.logout_view, name="logout"),
    path("switch/<slug:slug>", login.switch_tenant, name="switch-tenant"),
    path("join/<str:token>", people.join, name="join"),
    path("compass/people/", people.people, name="people"),
    path("compass/people/invite", people.invite, name="people-invite"),
    path("compass/people/<int:membership_id>/role", people.role, name="people-role"),
    path("compass/people/<int:membership_id>/remove", people.remove, name="people-remove"),
    path("compass/people/invitations/<uuid:invitation_id>/resend", people.resend, name="invitation-resend"),
    path("compass/people/invitations/<uuid:invitation_id>/withdraw", people.withdraw, name="invitation-withdraw"),
    path("account/", include("apps.tenants.urls_account")),
]
