from django.apps import AppConfig


class CallsConfig(AppConfig):
    name = "apps.calls"
    label = "calls"

    def ready(self) -> None:
        from apps.billing.beside import beside_register
        from apps.calls import effects, handlers, tasks_recordings  # noqa: F401  they register themselves
        from apps.calls.lines import numbers_of
        from apps.calls.selectors import call_usage_beside
        from apps.calls.timeline import calls_of
        from apps.calls.tools import tools_register
        from apps.calls.webhooks import livekit_webhook
        from apps.core.early import early_register
        from apps.desktop.numbers import numbers_register
        from apps.desktop.timeline import timeline_register

        early_register("/livekit/webhook", livekit_webhook)
        beside_register(call_usage_beside)
        numbers_register("phone", numbers_of)
        timeline_register("calls", calls_of)
        tools_register()
