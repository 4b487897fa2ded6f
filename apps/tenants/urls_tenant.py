from django.urls import path

from apps.tenants import views

urlpatterns = [
    path("login", views.TenantLogin.as_view(), name="login"),
    path("login/ticket", views.login_ticket, name="login-ticket"),
    path("logout", views.logout_view, name="logout"),
    path("switch/<slug:slug>", views.switch_tenant, name="switch-tenant"),
]
