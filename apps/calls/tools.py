"""Built-in tools of calls: `transfer`, and how `handoff` is done on the phone."""

from typing import Any
from uuid import UUID

import structlog
from django.db import transaction

from apps.calls import livekit
from apps.calls.channel import CallChannel
from apps.calls.models import Call, Channel, EndedReason, State
from apps.calls.services.calls import call_change, call_end
from apps.calls.targets import TRANSFER, refer_address, targets_of
from apps.compass.registry import Caller, ToolContext, ToolFailed, caller_of, caller_register, tool_register, tool_run_register
from apps.compass.selectors import agent_published
from apps.desktop.channels import channel_register
from apps.desktop.models import Conversation
from apps.desktop.services.conversations import conversation_escalate, conversation_open
from apps.desktop.tools import caller_contact

log = structlog.get_logger(__name__)

DESCRIPTION = (
    "Put the caller through to somebody else, by phone. Say whom you are putting them through to first. "
    "Use it only when the caller agrees; when it does not work, say so and offer something else."
)
OPTIONS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "targets": {
            "type": "array",
            "title": "Whom callers can be put through to",
            "description": "One a line: name, a colon, and a number or SIP address, such as Sales: +493012345678",
            "items": {"type": "string", "pattern": r"^[^:]+:\s*(\+?[0-9*#]{2,20}|sips?:[^\s]+)\s*$", "maxLength": 200},
            "maxItems": 30,
        }
    },
    "required": ["targets"],
    "additionalProperties": False,
}
AFTER = "A colleague has it now. Tell the caller that somebody will call back, and say goodbye."


def tools_register() -> None:
    """Called from ready()."""
    channel_register(CallChannel())
    caller_register("call", caller_find)
    tool_run_register("handoff", subject="call", run=handoff)
    tool_register(
        TRANSFER,
        description=DESCRIPTION,
        run=transfer,
        subjects=("call",),
        options=OPTIONS,
        shape=transfer_parameters,
        title="Put through by phone",
    )


def caller_find(call_id: str) -> Caller:
    """Who is on the phone. Raises ToolFailed when the call is not here."""
    call = _call(call_id)
    phone = f"+{call.from_number.lstrip('+')}" if call.from_number.lstrip("+").isdigit() else ""
    return Caller(phone=phone, name=call.caller_name, identity=call.caller_identity, trial=call.trial)


def transfer_parameters(options: dict[str, Any]) -> dict[str, Any]:
    """The model chooses among the names; the numbers stay here."""
    names = list(targets_of(options))
    to: dict[str, Any] = {"type": "string", "description": "Whom to put the caller through to."}
    return {"type": "object", "properties": {"to": {**to, "enum": names} if names else to}, "required": ["to"]}


def transfer(context: ToolContext, arguments: dict[str, Any]) -> dict[str, Any]:
    """REFER by LiveKit's SIP service; the call ends as transferred. Raises ToolFailed in words."""
    number = targets_of(context.options).get(arguments["to"])
    if number is None:
        raise ToolFailed(f"There is nobody named {arguments['to']} to put the caller through to.")
    call = _call(context.subject_id)
    if call.channel != Channel.SIP:
        raise ToolFailed(
            "This caller came by browser, and only phone calls can be put through. Offer that a colleague calls back."
        )
    if not call.is_live or not call.caller_identity:
        raise ToolFailed("The caller is not on the line any more.")
    _refer(call, refer_address(number), arguments["to"])
    call_end(call_id=call.pk, reason=EndedReason.TRANSFERRED, detail=f"Put through to {arguments['to']}.")
    return {"transferred_to": arguments["to"]}


def _refer(call: Call, to: str, name: str) -> None:
    call_change(call.pk, state=State.TRANSFERRING)
    try:
        livekit.client().participant_transfer(call.room_name, call.caller_identity, to)
    except (livekit.LiveKitUnreachable, livekit.LiveKitRefused) as error:
        Call.objects.filter(pk=call.pk, state=State.TRANSFERRING).update(state=State.IN_PROGRESS)
        log.warning("transfer_failed", call=str(call.pk), why=type(error).__name__)
        raise ToolFailed(f"{name} could not be reached: the exchange did not put the call through. Tell the caller.") from error


@transaction.atomic
def handoff(context: ToolContext, arguments: dict[str, Any]) -> dict[str, Any]:
    """Opens a conversation for the team, with what the agent knows; a colleague phones back."""
    caller = caller_of(context)
    if caller.trial:
        return {"handed_over": False, "why": "This is a trial; nobody was told. Speak as if a colleague had it now."}
    call = _call(context.subject_id)
    team = str(arguments.get("team") or _team_of(context.agent_id) or call.team)
    conversation, _new = conversation_open(
        contact=caller_contact(caller),
        channel=CallChannel.name,
        line=call.to_number or "browser",
        agent_id=UUID(context.agent_id),
    )
    if conversation.status == Conversation.Status.PENDING:
        reason, summary = str(arguments["reason"]), str(arguments.get("summary", ""))
        conversation_escalate(conversation=conversation, reason=reason, team_slug=team, summary=summary)
    return {"handed_over": True, "next": AFTER}


def _team_of(agent_id: str) -> str:
    return str(agent_published(agent_id).config.get("handoff", {}).get("team") or "")


def _call(call_id: str) -> Call:
    call = Call.objects.filter(pk=call_id).first()
    if call is None:
        raise ToolFailed("This call is not known here any more.")
    return call
