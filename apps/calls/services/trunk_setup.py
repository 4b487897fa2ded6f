"""A trunk with its numbers in one go, and what there is to say about how it is connected."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from apps.calls import livekit
from apps.calls.models import Call, PhoneNumber, SipTrunk
from apps.calls.services.numbers import number_set
from apps.calls.services.trunks import password_made, sip_trunk_create


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: `state` is good, bad or open, and `next` is what to do about it."""

    state: str
    title: str
    next: str = ""
    at: datetime | None = None


def trunk_setup(
    *,
    name: str,
    numbers: Sequence[str],
    addresses: Sequence[str] = (),
    username: str = "",
    agent_id: UUID | str | None = None,
) -> tuple[SipTrunk, str]:
    """Makes the trunk, maps numbers that nobody has yet, and returns it with the password, "" where addresses let in.

    Raises as sip_trunk_create and number_set.
    """
    password = password_made() if username else ""
    trunk = sip_trunk_create(name=name, numbers=numbers, allowed_addresses=addresses, auth_user=username, auth_password=password)
    known = set(PhoneNumber.objects.filter(number__in=trunk.numbers).values_list("number", flat=True))
    for number in trunk.numbers if agent_id else ():
        if number not in known:
            number_set(number=number, agent_id=agent_id)
    return trunk, password


def trunk_check(trunk: SipTrunk) -> list[Finding]:
    """Asks LiveKit, and looks at numbers and calls; waits some seconds at most."""
    return [*_server(trunk), *_numbers(trunk), _last_call(trunk)]


def _server(trunk: SipTrunk) -> list[Finding]:
    try:
        known = livekit.client().sip_trunk_known(trunk.trunk_id)
    except livekit.LiveKitUnreachable:
        told = _("Whoever runs this installation has to start LiveKit, with Redis configured, and the SIP service beside it.")
        return [Finding("bad", _("LiveKit's SIP service does not answer"), told)]
    except livekit.LiveKitRefused as error:
        return [Finding("bad", _("LiveKit does not let Meridian look"), str(error))]
    answers = Finding("good", _("LiveKit's SIP service answers"))
    if known:
        return [answers, Finding("good", _("The trunk is there"))]
    return [answers, Finding("bad", _("LiveKit does not know this trunk any more"), _("Delete it here and make it again."))]


def _numbers(trunk: SipTrunk) -> list[Finding]:
    mapped = set(PhoneNumber.objects.filter(number__in=trunk.numbers, enabled=True).values_list("number", flat=True))
    missing = [number for number in trunk.numbers if number not in mapped]
    if missing:
        told = _("Add %(numbers)s under Numbers, and say who answers.") % {"numbers": ", ".join(missing)}
        return [Finding("bad", _("Nobody answers some of its numbers"), told)]
    return [Finding("good", _("Every number has somebody who answers"))] if trunk.numbers else []


def _last_call(trunk: SipTrunk) -> Finding:
    at = Call.objects.filter(sip_trunk_id=trunk.trunk_id).order_by("-started_at").values_list("started_at", flat=True).first()
    if at is not None:
        return Finding("good", _("A call came through it"), at=at)
    told = _("Follow the steps below, then call one of its numbers. The call shows up under Calls while it rings.")
    return Finding("open", _("No call has come through it yet"), told)
