"""The Notification Service: tells people that a conversation waits, each the way they chose."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from uuid import UUID

from django.conf import settings

from apps.core.outbox import effect_enqueue
from apps.core.realtime import hint_publish
from apps.core.schema import schema_current
from apps.desktop.events import user_topic
from apps.desktop.models import Conversation, Mention, PushSubscription, Team
from apps.desktop.selectors.people import ColleagueRow, colleagues_all, members_of

PUSH = "desktop.push"
EMAIL = "desktop.email"
_quiet: ContextVar[bool] = ContextVar("notifications_quiet", default=False)


@contextmanager
def notifications_quiet(quiet: bool = True) -> Iterator[None]:
    """Nobody is told of what happens meanwhile: of many conversations that are given at once, the first is news enough."""
    mark = _quiet.set(quiet)
    try:
        yield
    finally:
        _quiet.reset(mark)


def team_notify(*, conversation: Conversation, team: Team | None) -> int:
    """Tells each available member of a team (None: everybody) and returns how many. Call it in the change's transaction.

    When of everybody nobody is available, all are told all the same: somebody has to know.
    """
    people = colleagues_all() if team is None else members_of(team)
    reachable = [person for person in people if person.reachable]
    return people_notify(conversation, reachable or (people if team is None else []))


def person_notify(*, conversation: Conversation, user_id: UUID) -> None:
    """Tells one person, whatever their presence: it was given to them."""
    people_notify(conversation, [person for person in colleagues_all() if person.user_id == user_id])


def mention_notify(*, conversation: Conversation, mention: Mention, person: ColleagueRow) -> None:
    """Tells a colleague that a note names them, whatever their presence. Call it in the note's transaction."""
    people_notify(conversation, [person], mention=mention.pk)


def people_notify(conversation: Conversation, people: list[ColleagueRow], **about: int) -> int:
    """By websocket, Web Push and e-mail, as each of them prefers; returns how many people. `about` says more in the effects."""
    if _quiet.get():
        return len(people)
    for person in people:
        if person.notify_desktop:
            hint_publish(schema_current(), user_topic(person.user_id), "notify", str(conversation.pk), conversation.version)
        if person.notify_email:
            _enqueue(EMAIL, conversation, str(person.user_id), {"user_id": str(person.user_id), **about})
    if settings.WEBPUSH_PRIVATE_KEY:
        for pk in _subscriptions(person.user_id for person in people if person.notify_push):
            _enqueue(PUSH, conversation, str(pk), {"subscription": pk, **about})
    return len(people)


def _subscriptions(user_ids: Iterable[UUID]) -> list[int]:
    return list(PushSubscription.objects.filter(user_id__in=list(user_ids)).order_by("pk").values_list("pk", flat=True))


def _enqueue(kind: str, conversation: Conversation, whom: str, payload: dict[str, object]) -> None:
    """Once per version of the conversation and addressee; subscriptions are numbered per tenant, so the key names the tenant."""
    key = f"{kind}:{schema_current()}:{conversation.pk}:{conversation.version}:{whom}"
    payload = {"conversation": str(conversation.pk), "generation": conversation.generation, **payload}
    effect_enqueue(kind=kind, key=key, payload=payload)
