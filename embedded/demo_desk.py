"""The demo's desk: the team Support, texts to answer with, and a WhatsApp number at the pretend Meta. Made once."""

import os

from apps.compass.models import Agent
from apps.core.errors import MeridianError
from apps.desktop.models import CannedResponse
from apps.desktop.selectors import colleagues_all, teams_all
from apps.desktop.services.canned import canned_set
from apps.desktop.services.team import team_create
from apps.tenants.models import Route
from apps.tenants.selectors import route_tenant
from apps.whatsapp.services.catalogue import templates_sync
from apps.whatsapp.services.numbers import mapping_set
from embedded.meta import DEMO_NUMBERS
from embedded.meta.settings import Business, businesses_read

TEAM = "support"
PHRASES = ["person", "human", "colleague", "real agent", "talk to somebody", "complaint"]
CANNED = (
    ("hello", "Greeting", "Hello {name}, thank you for writing. I am looking into it."),
    ("moment", "One moment", "One moment please, I am checking that for you."),
    ("thanks", "Good-bye", "You are welcome, {name}. Write again whenever you like."),
)


def desk_seed(company: str, agent: Agent) -> list[str]:
    """In the current tenant: make the team, its texts and the company's number, where they are missing."""
    made = []
    if not teams_all().filter(slug=TEAM).exists():
        team_create(slug=TEAM, name="Support", user_ids=[person.user_id for person in colleagues_all()])
        for shortcut, title, text in CANNED:
            if not CannedResponse.objects.filter(shortcut=shortcut).exists():
                canned_set(shortcut=shortcut, title=title, text=text)
        made.append(f"team {TEAM}")
    return made + _number_seed(company, agent)


def _number_seed(company: str, agent: Agent) -> list[str]:
    """Map the number that the pretend Meta has for this company; with Meta itself there is none to map."""
    business = next((b for b in businesses_read(DEMO_NUMBERS) if b.name == company), None)
    if business is None or not os.environ.get("MERIDIAN_PRETEND_META"):
        return []
    if route_tenant(Route.Kind.WHATSAPP_NUMBER, business.id) is not None:
        return []
    _map(business, agent)
    return [f"WhatsApp number {business.display_number}"]


def _map(business: Business, agent: Agent) -> None:
    mapping = mapping_set(
        phone_number_id=business.id,
        agent_id=agent.pk,
        team=TEAM,
        display_number=business.display_number,
        label="WhatsApp",
        waba_id=business.waba_id,
    )
    try:
        templates_sync(mapping)
    except MeridianError:
        return  # the sweeper fetches them later
