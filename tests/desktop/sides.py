"""The two tenants of a test of isolation: what each has, what it may see, and how its messages and tasks leave a trace."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any
from uuid import UUID

from celery import shared_task
from django.core.cache import cache
from django.utils import timezone

from apps.core.models import OutboundEffect
from apps.core.outbox import effect_enqueue
from apps.core.schema import schema_current
from apps.core.tasks import TenantTask
from apps.desktop.events import TOPIC
from apps.desktop.models import Contact, Conversation, Message
from apps.desktop.services.messages import message_sent, message_status_set, note_add
from apps.tenants.models import Tenant
from tests.desktop.factories import RecordingChannel
from tests.desktop.listening import Ear, Ears

KEYS = [f"desk:{number}" for number in range(20)]
SEND = "test.send"


@dataclass
class Side:
    """One tenant: its people with their sockets, its canary, and what it may ever see."""

    tenant: Tenant
    users: list[UUID]
    strangers: list[UUID]
    canary: str
    desk: Ears
    strange_session: str
    other: "Side" = field(init=False, repr=False)
    conversations: list[UUID] = field(default_factory=list)
    foreign: list[UUID] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    ears: SimpleQueue[tuple[Ear, str]] = field(default_factory=SimpleQueue)  # a socket with the session that opens it
    hints: list[dict[str, Any]] = field(default_factory=list)  # of the sockets that are gone
    queued: list[UUID] = field(default_factory=list)  # conversations that tasks were told of

    @property
    def host(self) -> str:
        """Where its pages are served."""
        return f"{self.tenant.schema_name}.localhost"

    def look(self, seen: Any, what: str) -> None:
        """Whatever is read carries our canary and never theirs."""
        other = "GLOBEX" if self.canary == "ACME" else "ACME"
        if other in repr(seen):
            self.problems.append(f"{what} of {self.canary}: {seen!r}"[:300])

    def ear_open(self, session: str) -> None:
        """One more socket, which listens to the lists."""
        ear = self.desk.run(Ear(self.host, session).open())
        self.desk.run(ear.ask("subscribed", {"subscribe": [TOPIC]}))
        self.ears.put((ear, session))

    @contextlib.contextmanager
    def an_ear(self) -> Iterator[Ear]:
        """A socket that nobody else speaks through meanwhile."""
        ear, session = self.ears.get(timeout=60)
        try:
            yield ear
        finally:
            self.ears.put((ear, session))

    def ear_close(self) -> str:
        """One socket less; its session."""
        ear, session = self.ears.get(timeout=60)
        self.desk.run(ear.close())
        self.hints.extend(ear.hints)
        return session


class Posting(RecordingChannel):
    """Sends through the outbox, as WhatsApp's does, and shows a contact who types."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, Any]] = []  # (schema that it belongs to, what was seen there)

    def message_send(self, message: Message) -> None:
        payload = {"message": str(message.pk), "conversation": str(message.conversation_id)}
        effect_enqueue(kind=SEND, key=f"{SEND}:{message.pk}", payload=payload)

    def send(self, effect: OutboundEffect) -> str:
        """In a thread of the worker, or of the test where that sweeps."""
        message = Message.objects.select_related("conversation__contact").get(pk=effect.payload["message"])
        self.seen.append((effect.schema_name, [schema_current(), message.text, message.conversation.contact.name]))
        message_sent(message_id=message.pk, external_id=f"out.{message.pk}")
        message_status_set(external_id=f"out.{message.pk}", status="read", at=timezone.now())
        return str(message.pk)

    def typing(self, conversation: Conversation) -> None:
        self.seen.append((schema_current(), conversation.contact.name))


VISITS: list[tuple[str, Any]] = []  # (canary of who queued it, what the task saw)


@shared_task(base=TenantTask)
def visit_task(canary: str, conversation_id: str, user_id: str) -> None:
    """Reads and writes as a task does, in one of the worker's threads."""
    names = list(Contact.objects.values_list("name", flat=True))
    note_add(conversation_id=conversation_id, user_id=UUID(user_id), text=f"{canary} task")
    cache.set(KEYS[0], f"{canary} task")
    VISITS.append((canary, [schema_current(), names, cache.get_many(KEYS)]))
