"""What happened to a conversation, in one sentence; events that the thread shows by itself have none."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from apps.desktop.models import Conversation, DeskEvent

Named = Callable[[UUID | str | None], str]
Teamed = Callable[[str | None], str]
Maker = Callable[[str, dict[str, Any], Named, Teamed], str]


def sentence_of(event: DeskEvent, named: Named, teamed: Teamed) -> tuple[str, str] | None:
    """(icon, sentence), or None."""
    found = MAKERS.get(event.type)
    if found is None:
        return None
    icon, make = found
    return icon, make(named(event.user_id) if event.user_id else "", event.detail, named, teamed)


def _opened(who: str, detail: dict[str, Any], named: Named, teamed: Teamed) -> str:
    return _("The conversation began with the AI agent") if detail.get("agent") else _("The conversation began")


def _started(who: str, detail: dict[str, Any], named: Named, teamed: Teamed) -> str:
    return _("%(who)s wrote first") % {"who": who or "Meridian"}


def _escalated(who: str, detail: dict[str, Any], named: Named, teamed: Teamed) -> str:
    reason = detail.get("reason")
    return _("The AI agent handed over: %(reason)s") % {"reason": reason} if reason else _("The AI agent handed over")


def _claimed(who: str, detail: dict[str, Any], named: Named, teamed: Teamed) -> str:
    taken = detail.get("before") == Conversation.Status.PENDING
    return (_("%(who)s took over from the AI agent") if taken else _("%(who)s claimed the conversation")) % {"who": who}


def _released(who: str, detail: dict[str, Any], named: Named, teamed: Teamed) -> str:
    return _("%(who)s gave it back to the team") % {"who": who}


def _undone(who: str, detail: dict[str, Any], named: Named, teamed: Teamed) -> str:
    return _("%(who)s took that back") % {"who": who}


def _expired(who: str, detail: dict[str, Any], named: Named, teamed: Teamed) -> str:
    return _("%(who)s did not answer in time, so the claim was given up") % {"who": named(detail.get("assignee"))}


def _assigned(who: str, detail: dict[str, Any], named: Named, teamed: Teamed) -> str:
    return _("%(who)s assigned it to %(whom)s") % {"who": who or "Meridian", "whom": named(detail.get("assignee"))}


def _to_team(who: str, detail: dict[str, Any], named: Named, teamed: Teamed) -> str:
    return _("%(who)s handed it to %(team)s") % {"who": who or "Meridian", "team": teamed(detail.get("to"))}


def _offered_on(who: str, detail: dict[str, Any], named: Named, teamed: Teamed) -> str:
    return _("Nobody answered in time, so %(team)s was asked") % {"team": teamed(detail.get("team"))}


def _snoozed(who: str, detail: dict[str, Any], named: Named, teamed: Teamed) -> str:
    return _("%(who)s snoozed the conversation") % {"who": who or "Meridian"}


def _awake(who: str, detail: dict[str, Any], named: Named, teamed: Teamed) -> str:
    return _("The conversation is back from its snooze")


def _resolved(who: str, detail: dict[str, Any], named: Named, teamed: Teamed) -> str:
    values = {"who": who or "Meridian", "outcome": detail.get("outcome")}
    return (_("%(who)s resolved it: %(outcome)s") if detail.get("outcome") else _("%(who)s resolved it")) % values


def _reopened(who: str, detail: dict[str, Any], named: Named, teamed: Teamed) -> str:
    return _("%(who)s reopened the conversation") % {"who": who or "Meridian"}


def _to_ai(who: str, detail: dict[str, Any], named: Named, teamed: Teamed) -> str:
    return _("%(who)s returned it to the AI agent") % {"who": who or "Meridian"}


def _joined(who: str, detail: dict[str, Any], named: Named, teamed: Teamed) -> str:
    if detail.get("assignee"):
        return _("Two conversations of this contact became one; %(who)s had the other one") % {"who": named(detail["assignee"])}
    return _("Two conversations of this contact became one: they turned out to be the same person")


def _elsewhere(who: str, detail: dict[str, Any], named: Named, teamed: Teamed) -> str:
    return _("Your company wrote first, in the WhatsApp Business app")


MAKERS: dict[str, tuple[str, Maker]] = {
    "opened": ("message-square", _opened),
    "elsewhere": ("phone", _elsewhere),
    "started": ("pencil", _started),
    "escalated": ("hand", _escalated),
    "claimed": ("user-check", _claimed),
    "released": ("undo-2", _released),
    "undone": ("undo-2", _undone),
    "claim_expired": ("timer", _expired),
    "assigned": ("user-plus", _assigned),
    "to_team": ("users", _to_team),
    "offered_on": ("users", _offered_on),
    "snoozed": ("alarm-clock", _snoozed),
    "awake": ("alarm-clock", _awake),
    "resolved": ("circle-check", _resolved),
    "reopened": ("undo-2", _reopened),
    "to_ai": ("bot", _to_ai),
    "joined": ("users", _joined),
}
