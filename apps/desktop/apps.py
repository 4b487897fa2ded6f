from django.apps import AppConfig


class DesktopConfig(AppConfig):
    name = "apps.desktop"
    label = "desktop"

    def ready(self) -> None:
        from apps.desktop import effects  # noqa: F401  they register themselves
        from apps.desktop.tools import tools_register

        tools_register()
