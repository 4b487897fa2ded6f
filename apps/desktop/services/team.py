"""Teams, the people in them, and how each wants to be told."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from apps.core.realtime import hint_publish
from apps.core.schema import schema_current
from apps.desktop.errors import BadSubscription, BadTeam, NotColleague
from apps.desktop.events import TOPIC
from apps.desktop.models import Colleague, PushSubscription, Team, TeamMember
from apps.desktop.selectors.people import colleagues_all, is_colleague


@transaction.atomic
def team_create(
    *,
    slug: str,
    name: str,
    answer_seconds: int = 120,
    claim_seconds: int = 300,
    next_team: Team | None = None,
    user_ids: Iterable[UUID] = (),
) -> Team:
    """Makes a team of these people. Raises ValidationError (such as a slug that is taken), NotColleague."""
    team = Team(slug=slug, name=name, answer_seconds=answer_seconds, claim_seconds=claim_seconds, next_team=next_team)
    return _save(team, user_ids)


@transaction.atomic
def team_update(*, team: Team, user_ids: Iterable[UUID] | None = None, **values: Any) -> Team:
    """Changes name, answer_seconds, claim_seconds, next_team, and the people unless None. The slug stays: agents name it.

    Raises ValidationError, BadTeam where the teams after it lead back to it, NotColleague.
    """
    for key in ("name", "answer_seconds", "claim_seconds", "next_team"):
        if key in values:
            setattr(team, key, values.pop(key))
    if values:
        raise TypeError(f"A team has no {', '.join(values)} that can be changed.")
    return _save(team, user_ids)


def _save(team: Team, user_ids: Iterable[UUID] | None) -> Team:
    team.full_clean()
    _require_end(team)
    team.save()
    if user_ids is not None:
        team_members_set(team=team, user_ids=user_ids)
    _announce(str(team.pk))
    return team


def _require_end(team: Team) -> None:
    """Offers go from team to team and must reach everybody in the end."""
    after = team.next_team
    while after is not None:
        if after.pk == team.pk:
            raise BadTeam(
                "The teams after this one lead back to it, so nobody else would ever be asked. Choose another next team."
            )
        after = after.next_team


@transaction.atomic
def team_delete(*, team: Team) -> None:
    """Its conversations stay, without a team."""
    pk = str(team.pk)
    team.delete()
    _announce(pk)


@transaction.atomic
def team_members_set(*, team: Team, user_ids: Iterable[UUID]) -> None:
    """These people and no others are the team. Raises NotColleague."""
    wanted = set(user_ids)
    if wanted - {person.user_id for person in colleagues_all()}:
        raise NotColleague
    TeamMember.objects.filter(team=team).exclude(user_id__in=wanted).delete()
    for pk in sorted(wanted):  # one by one, so that the audit log hears of each
        TeamMember.objects.get_or_create(team=team, user_id=pk)
    _announce(str(team.pk))


@transaction.atomic
def colleague_set(
    *,
    user_id: UUID,
    presence: str | None = None,
    capacity: int | None = None,
    notify_desktop: bool | None = None,
    notify_push: bool | None = None,
    notify_email: bool | None = None,
    opens_next: bool | None = None,
) -> Colleague:
    """Changes how a person works; None leaves a part as it is. Raises NotColleague, ValidationError."""
    row = _colleague(user_id)
    given = {"presence": presence, "capacity": capacity, "notify_desktop": notify_desktop}
    given |= {"notify_push": notify_push, "notify_email": notify_email, "opens_next": opens_next}
    for key, value in given.items():
        if value is not None:
            setattr(row, key, value)
    row.full_clean()
    row.save()
    _announce(str(user_id))
    return row


@transaction.atomic
def colleague_sort_set(*, user_id: UUID, view: str, sort: str) -> None:
    """Keeps in which order a person wants a view of the list. Raises NotColleague."""
    row = Colleague.objects.select_for_update().get(pk=_colleague(user_id).pk)
    row.sorts[view] = sort
    row.save(update_fields=["sorts"])


def colleague_seen(*, user_id: UUID) -> None:
    """A desktop of theirs is connected now. Raises NotColleague."""
    _colleague(user_id)
    Colleague.objects.filter(user_id=user_id).update(seen_at=timezone.now())


def _colleague(user_id: UUID) -> Colleague:
    if not is_colleague(user_id):
        raise NotColleague
    return Colleague.objects.get_or_create(user_id=user_id)[0]


def push_subscribe(*, user_id: UUID, endpoint: str, p256dh: str, auth: str) -> PushSubscription:
    """A browser wants Web Push; a browser that another person used before is theirs now. Raises BadSubscription, NotColleague."""
    if not is_colleague(user_id):
        raise NotColleague
    parts = urlsplit(endpoint)
    if parts.scheme not in ("https", "http") or not parts.hostname or not p256dh or not auth or len(endpoint) > 2000:
        raise BadSubscription
    values = {"user_id": user_id, "p256dh": p256dh, "auth": auth}
    return PushSubscription.objects.update_or_create(endpoint=endpoint, defaults=values)[0]


def push_unsubscribe(*, user_id: UUID, endpoint: str) -> None:
    """Forgets one of a person's browsers."""
    PushSubscription.objects.filter(user_id=user_id, endpoint=endpoint).delete()


def _announce(pk: str) -> None:
    hint_publish(schema_current(), TOPIC, "team", pk, 0)
