"""A colleague writes first."""

from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.compass.services.webhooks import webhook_event
from apps.desktop.channels import LineChoice, identities_on
from apps.desktop.errors import DeskError, NotColleague
from apps.desktop.events import conversation_changed
from apps.desktop.models import Contact, ContactIdentity, Conversation
from apps.desktop.selectors.people import is_colleague
from apps.desktop.selectors.starting import contact_known, window_of
from apps.desktop.services.contacts import contact_upsert
from apps.desktop.services.conversations.holding import conversation_claim
from apps.desktop.services.conversations.opening import conversation_unresolved
from apps.desktop.services.rules import require_capacity
from apps.desktop.webhooks import conversation_data

STARTED = "started"  # the event


def contact_for(*, line: LineChoice, phone: str, name: str = "", contact: Contact | None = None) -> Contact:
    """Whom a colleague writes to: somebody known, who can be reached on this channel from now on, or a new contact.

    `phone` in E.164, empty for a contact who has none. Raises DeskError.
    """
    identities = identities_on(line, phone)
    known = contact_known(line, phone, contact)
    if known is None:
        return contact_upsert(identities=identities, name=name, phone=phone, at=timezone.now())
    for kind, value in identities.items():
        ContactIdentity.objects.get_or_create(kind=kind, value=value, defaults={"contact": known, "since": timezone.now()})
    return known


@transaction.atomic
def conversation_start(*, contact: Contact, line: LineChoice, user_id: UUID) -> Conversation:
    """The contact's unresolved conversation on this line, or a new one; either way this person holds it. Nobody else is notified.

    Free text may be sent where the contact wrote in the last 24 hours, also in a conversation that is resolved by now; otherwise
    only a template. Raises AlreadyClaimed, AtCapacity, NotColleague.
    """
    if not is_colleague(user_id):
        raise NotColleague
    found = conversation_unresolved(contact, line.channel, line.line)
    if found is not None:
        return conversation_claim(conversation_id=found.pk, user_id=user_id)
    try:
        with transaction.atomic():
            return _begin(contact, line, user_id)
    except IntegrityError:
        raise DeskError("The contact has just written. Look at the conversation that is there now.") from None


def _begin(contact: Contact, line: LineChoice, user_id: UUID) -> Conversation:
    made = Conversation(
        contact=contact, channel=line.channel, line=line.line, agent_id=line.agent_id, status=Conversation.Status.OPEN,
        assignee_id=user_id, claimed_at=timezone.now(), window_until=window_of(contact, line),
    )  # fmt: skip
    require_capacity(user_id, beside=made)
    made.save(force_insert=True)
    conversation_changed(made, STARTED, user_id=user_id)
    webhook_event(type="conversation.opened", data=conversation_data(made))
    return made
