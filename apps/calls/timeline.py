"""The calls of a contact, for the one line of time at the Agent Desktop."""

from django.utils.translation import gettext as _

from apps.calls.models import Call
from apps.calls.numbers import number_candidates
from apps.desktop.models import Contact
from apps.desktop.selectors.contacts import phones_of
from apps.desktop.timeline import TimelineItem

LATEST = 100


def calls_of(contact: Contact) -> list[TimelineItem]:
    """The latest calls from the contact's numbers; none for a contact without one."""
    numbers = [number for phone in phones_of(contact) for number in _written(phone)]
    if not numbers:
        return []
    rows = Call.objects.filter(from_number__in=numbers).order_by("-started_at")
    return [_item(call) for call in rows[:LATEST]]


def _written(phone: str) -> list[str]:
    """A number as it may stand at a call; without the plus sign too, as some exchanges send it."""
    return [*number_candidates(phone), *([phone[1:]] if phone.startswith("+") else [])]


def _item(call: Call) -> TimelineItem:
    return TimelineItem(
        kind="call",
        id=str(call.pk),
        at=call.started_at,
        title=_("Call with %(agent)s") % {"agent": call.agent_name or call.team or call.to_number},
        detail=call.detail,
        status=call.state,
        path=f"/calls/{call.pk}/",
        seconds=call.duration,
    )
