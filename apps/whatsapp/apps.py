from django.apps import AppConfig


class WhatsAppConfig(AppConfig):
    name = "apps.whatsapp"
    label = "whatsapp"
