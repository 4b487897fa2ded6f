from django.apps import AppConfig


class HeraldConfig(AppConfig):
    name = "apps.herald"
    label = "herald"
