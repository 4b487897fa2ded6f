from django.apps import AppConfig

END_CALL = (
    "End the phone call. Use it when the caller says goodbye or has nothing more to ask. "
    "Do not use it when the caller only pauses or when you are not sure."
)


class CompassConfig(AppConfig):
    name = "apps.compass"
    label = "compass"

    def ready(self) -> None:
        from apps.compass.registry import tool_register

        tool_register("end_call", description=END_CALL)
