from django.urls import path

from apps.tenants import views

urlpatterns = [
    path("", views.home, name="home"),
    path("login", views.PublicLogin.as_view(), name="login"),
    path("logout", views.logout_view, name="logout"),
]
