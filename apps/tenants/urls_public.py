from django.urls import include, path

from apps.tenants.views import login, signup

urlpatterns = [
    path("", login.home, name="home"),
    path("login", login.PublicLogin.as_view(), name="login"),
    path("logout", login.logout_view, name="logout"),
    path("signup", signup.signup, name="signup"),
    path("signup/address", signup.signup_address, name="signup-address"),
    path("account/", include("apps.tenants.urls_account")),
]
