"""Puts the panel to try the draft in, and the tab of checks, into the agent editor."""

from django.utils.translation import gettext_lazy as _

from apps.compass.editor import panel_register, tab_register


def trying_register() -> None:
    """Called once, from ready()."""
    from apps.compass import checks_tasks  # noqa: F401  Celery has to know its task
    from apps.compass.views.checks import checks_context
    from apps.compass.views.trying import try_context

    panel_register("compass/agents/_try.html", try_context)
    tab_register("checks", _("Checks"), "list", "compass/agents/tabs/_checks.html", checks_context, order=100)
