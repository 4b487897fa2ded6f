from django.apps import AppConfig

END_CALL = (
    "End the phone call. Use it when the caller says goodbye or has nothing more to ask. "
    "Do not use it when the caller only pauses or when you are not sure."
)


class CompassConfig(AppConfig):
    name = "apps.compass"
    label = "compass"

    def ready(self) -> None:
        from apps.compass import effects_webhooks, tasks_webhooks  # noqa: F401  they register themselves
        from apps.compass.guard import networks_allowed
        from apps.compass.knowledge import tool as knowledge
        from apps.compass.registry import tool_register
        from apps.compass.tabs_tools import tabs_tools_register

        tabs_tools_register()
        networks_allowed()  # a mistake in it stops start-up instead of a call
        tool_register("end_call", description=END_CALL, subjects=("call",), title="End the call")
        tool_register(
            knowledge.NAME,
            description=knowledge.DESCRIPTION,
            parameters=knowledge.PARAMETERS,
            run=knowledge.search_run,
            title="Search the knowledge",
        )

        from apps.compass.tabs_knowledge import tab_knowledge_register

        tab_knowledge_register()

        from apps.compass.tabs_agents import tabs_agents_register

        tabs_agents_register()

        from apps.compass.trying import trying_register

        trying_register()
