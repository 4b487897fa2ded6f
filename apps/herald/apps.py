from django.apps import AppConfig


class HeraldConfig(AppConfig):
    name = "apps.herald"
    label = "herald"

    def ready(self) -> None:
        from apps.compass.chat import chat_register
        from apps.compass.registry import tool_register
        from apps.core.early import early_api_register
        from apps.desktop.resolutions import resolved_register
        from apps.herald.apis import TurnView
        from apps.herald.closing import summary_enqueue
        from apps.herald.handoff import DESCRIPTION, HANDOFF, PARAMETERS
        from apps.herald.trial import HeraldChat

        early_api_register("/turn", TurnView.as_view())
        resolved_register("herald", summary_enqueue)
        chat_register(HeraldChat())
        tool_register(HANDOFF, description=DESCRIPTION, parameters=PARAMETERS, title="Hand over to a person")
