from django.apps import AppConfig


class CompassConfig(AppConfig):
    name = "apps.compass"
    label = "compass"
