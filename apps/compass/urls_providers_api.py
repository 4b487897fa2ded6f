"""Providers' keys and the tools' secrets below /api/v1/."""

from django.urls import path

from apps.compass.apis import providers

urlpatterns = [
    path("providers", providers.ProvidersAPI.as_view(), name="api-providers"),
    path("providers/<str:provider>", providers.ProviderAPI.as_view(), name="api-provider"),
    path("providers/<str:provider>/check", providers.ProviderCheckAPI.as_view(), name="api-provider-check"),
    path("secrets", providers.SecretsAPI.as_view(), name="api-secrets"),
    path("secrets/<str:name>", providers.SecretAPI.as_view(), name="api-secret"),
]
