"""A webhook endpoint, as an admin fills it in."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.compass.models import WebhookEndpoint
from apps.compass.webhooks import TYPES

WORDS = {
    "call.started": _("A call has begun"),
    "call.ended": _("A call has ended"),
    "call.recorded": _("A call's recording can be heard"),
    "conversation.opened": _("A conversation was opened"),
    "conversation.escalated": _("The AI agent handed a conversation over to people"),
    "conversation.resolved": _("A conversation was resolved"),
    "conversation.joined": _("Two conversations became one"),
    "message.received": _("A contact wrote a message"),
    "message.sent": _("A message was sent to a contact"),
    "agent.published": _("A version of an agent was published"),
    "document.ready": _("A document of the knowledge can be searched"),
}


class EndpointForm(forms.Form):
    """Where events go, and which."""

    url = forms.URLField(
        label=_("Address"), max_length=500, assume_scheme="https", widget=forms.URLInput(attrs={"placeholder": "https://"})
    )
    description = forms.CharField(label=_("Name"), max_length=120, required=False, help_text=_("What your people call it."))
    events = forms.MultipleChoiceField(
        label=_("Events to send"), choices=[(one, WORDS[one]) for one in TYPES], widget=forms.CheckboxSelectMultiple
    )
    enabled = forms.BooleanField(label=_("Switched on"), required=False, initial=True)


def endpoint_initial(endpoint: WebhookEndpoint) -> dict[str, Any]:
    """How the form of an existing endpoint begins."""
    return {name: getattr(endpoint, name) for name in ("url", "description", "events", "enabled")}
