from django.apps import AppConfig


class DesktopConfig(AppConfig):
    name = "apps.desktop"
    label = "desktop"
