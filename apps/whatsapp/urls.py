"""The WhatsApp Service's part of a tenant's API, under /api/v1/."""

from django.urls import path

from apps.whatsapp.apis_numbers import WhatsAppNumberAPI, WhatsAppNumbersAPI

urlpatterns = [
    path("whatsapp/numbers", WhatsAppNumbersAPI.as_view(), name="api-whatsapp-numbers"),
    path("whatsapp/numbers/<uuid:mapping_id>", WhatsAppNumberAPI.as_view(), name="api-whatsapp-number"),
]
