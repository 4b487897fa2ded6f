"""The editor's own tabs."""

from django.utils.translation import gettext_lazy as _

from apps.compass.editor import tab_register

FOLDER = "compass/agents/tabs"


def tabs_agents_register() -> None:
    """Those that need nothing but the agent's own fields; other areas add theirs."""
    tab_register("prompt", _("Prompt"), "message-square", f"{FOLDER}/_prompt.html", order=10)
    tab_register("voice", _("Voice"), "volume-2", f"{FOLDER}/_voice.html", order=20)
    tab_register("model", _("Model"), "sparkles", f"{FOLDER}/_model.html", order=30)
    tab_register("turns", _("Turn-taking"), "timer", f"{FOLDER}/_turns.html", order=40)
    tab_register("handoff", _("Handoff"), "phone-forwarded", f"{FOLDER}/_handoff.html", order=70)
    tab_register("media", _("Media Bot"), "ear", f"{FOLDER}/_media.html", order=80)
    tab_register("limits", _("Limits"), "gauge", f"{FOLDER}/_limits.html", order=90)
