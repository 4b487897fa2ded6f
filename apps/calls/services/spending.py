"""Whether a call may begin, by the spend limits of its company, and how people take over a caller where it may not."""

from datetime import timedelta
from decimal import Decimal

from django.db import transaction

from apps.billing.models import SourceType
from apps.billing.services.limits import Decision, estimate_or, spend_gate, spend_release
from apps.calls.channel import CallChannel
from apps.calls.models import Call
from apps.compass.costs import minute_cost
from apps.compass.selectors import AgentUnavailable, agent_for_call
from apps.compass.selectors.trials import agent_for_trial
from apps.desktop.models import Conversation
from apps.desktop.services.contacts import contact_upsert
from apps.desktop.services.conversations import conversation_escalate, conversation_open
from apps.tenants.models import Tenant

AFTER = timedelta(minutes=15)  # for the report to come, and its repeats
UNPRICED_MINUTE = Decimal("0.05")  # dollars


def call_gate(call: Call) -> Decision:
    """Holds what the call may cost at most. Repeats are harmless."""
    return spend_gate(
        source_type=SourceType.CALL,
        source_id=str(call.pk),
        agent_id=call.agent_id,
        channel=call.channel,
        estimate=lambda: call_estimate(call),
        lasts=timedelta(seconds=call.max_seconds) + AFTER,
    )


def call_estimate(call: Call) -> Decimal:
    """What the call costs if it lasts as long as it may, in the currency of the prices."""
    try:
        version = agent_for_trial(call.agent_id or "") if call.trial else agent_for_call(call.agent_id or "")
    except AgentUnavailable:
        return Decimal(0)
    minute = minute_cost(version.config, call.channel)
    least = estimate_or(minute.total, minute.currency, bool(minute.unpriced), UNPRICED_MINUTE)
    return least * call.max_seconds / 60


def call_unspent(tenant: Tenant, call: Call) -> None:
    """The call is over and costs nothing: what was held for it is given back."""
    spend_release(tenant_id=tenant.pk, source_type=SourceType.CALL, source_id=str(call.pk))


@transaction.atomic
def people_call_back(*, call: Call, team: str, reason: str) -> bool:
    """Opens a conversation for the team, who phones back. False for a caller without a number, and for a trial."""
    digits = call.from_number.lstrip("+")
    if call.trial or not digits.isdigit():
        return False
    contact = contact_upsert(identities={"phone": f"+{digits}"}, name=call.caller_name, phone=f"+{digits}")
    conversation, _new = conversation_open(
        contact=contact, channel=CallChannel.name, line=call.to_number or "browser", agent_id=call.agent_id
    )
    if conversation.status == Conversation.Status.PENDING:
        conversation_escalate(conversation=conversation, reason=reason, team_slug=team)
    return True
