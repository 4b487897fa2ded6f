from django.apps import AppConfig


class DesktopConfig(AppConfig):
    name = "apps.desktop"
    label = "desktop"

    def ready(self) -> None:
        from apps.desktop import effects  # noqa: F401  they register themselves
