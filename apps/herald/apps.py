from django.apps import AppConfig


class HeraldConfig(AppConfig):
    name = "apps.herald"
    label = "herald"

    def ready(self) -> None:
        from apps.compass.registry import tool_register
        from apps.herald.handoff import DESCRIPTION, HANDOFF, PARAMETERS

        tool_register(HANDOFF, description=DESCRIPTION, parameters=PARAMETERS)
