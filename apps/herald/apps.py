from django.apps import AppConfig


class HeraldConfig(AppConfig):
    name = "apps.herald"
    label = "herald"

    def ready(self) -> None:
        from apps.compass.registry import tool_register
        from apps.core.early import early_api_register
        from apps.herald.apis import TurnView
        from apps.herald.handoff import DESCRIPTION, HANDOFF, PARAMETERS

        early_api_register("/turn", TurnView.as_view())
        tool_register(HANDOFF, description=DESCRIPTION, parameters=PARAMETERS)
