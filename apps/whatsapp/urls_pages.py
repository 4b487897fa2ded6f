"""WhatsApp numbers on the tenant's host."""

from django.urls import path

from apps.whatsapp import views

urlpatterns = [
    path("compass/numbers/whatsapp/new", views.number_edit, name="whatsapp-number-new"),
    path("compass/numbers/whatsapp/<uuid:mapping_id>", views.number_edit, name="whatsapp-number-edit"),
    path("compass/numbers/whatsapp/<uuid:mapping_id>/delete", views.number_delete, name="whatsapp-number-delete"),
]
