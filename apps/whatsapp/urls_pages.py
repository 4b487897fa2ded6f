"""WhatsApp numbers on the tenant's host."""

from django.urls import path

from apps.whatsapp import views

urlpatterns = [
    path("compass/numbers/", views.numbers, name="whatsapp-numbers"),
    path("compass/numbers/new", views.number_edit, name="whatsapp-number-new"),
    path("compass/numbers/<uuid:mapping_id>", views.number_edit, name="whatsapp-number-edit"),
]
