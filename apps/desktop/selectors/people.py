"""Teams and the people who answer. People live in the shared schema; only members of the current tenant are ever seen."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from uuid import UUID

from django.db.models import Count, QuerySet

from apps.core.prepared import prepared
from apps.core.schema import schema_current
from apps.desktop.models import Colleague, Conversation, Team, TeamMember
from apps.tenants.models import Membership, Role, User

DESK_ROLES = (Role.OWNER, Role.ADMIN, Role.SUPERVISOR, Role.AGENT)
SUPERVISORS = (Role.OWNER, Role.ADMIN, Role.SUPERVISOR)
CAPACITY = Colleague._meta.get_field("capacity").default


@dataclass(frozen=True)
class ColleagueRow:
    """A person at the desktop, with the defaults of one who never changed anything."""

    user_id: UUID
    name: str
    email: str
    role: str
    presence: str
    open_count: int
    capacity: int
    notify_desktop: bool = True
    notify_push: bool = True
    notify_email: bool = False
    opens_next: bool = False
    sorts: Mapping[str, str] = field(default_factory=dict)
    teams: tuple[str, ...] = ()

    @property
    def reachable(self) -> bool:
        """Available, and with room for one more."""
        return self.presence == Colleague.Presence.AVAILABLE and self.open_count < self.capacity


def teams_all() -> QuerySet[Team]:
    """Every team by name, with `member_count`."""
    return Team.objects.select_related("next_team").annotate(member_count=Count("members")).order_by("name")


def team_names() -> dict[str, str]:
    """Every team's name by its slug, in the order of the names."""
    with prepared("SELECT slug, name FROM desktop_team ORDER BY name", []) as cursor:
        return dict(cursor.fetchall())


def team_exists(slug: str) -> bool:
    """Whether there is a team of this slug."""
    return Team.objects.filter(slug=slug).exists()


def members_of(team: Team) -> list[ColleagueRow]:
    """The team's people who still work here, by name."""
    ids = set(TeamMember.objects.filter(team=team).values_list("user_id", flat=True))
    return [person for person in colleagues_all() if person.user_id in ids]


def colleagues_all() -> list[ColleagueRow]:
    """Everybody of this tenant who may use the desktop, by name."""
    settings = {row.user_id: row for row in Colleague.objects.all()}
    held = _held()
    teams: dict[UUID, list[str]] = {}
    for user_id, slug in TeamMember.objects.order_by("team__slug").values_list("user_id", "team__slug"):
        teams.setdefault(user_id, []).append(slug)
    rows = [_row(m, settings.get(m.user_id), held.get(m.user_id, 0)) for m in _memberships()]
    rows = [replace(row, teams=tuple(teams.get(row.user_id, ()))) for row in rows]
    return sorted(rows, key=lambda row: (row.name.lower(), str(row.user_id)))


def colleague_get(user_id: UUID | str) -> ColleagueRow | None:
    """One of colleagues_all, or None."""
    return next((row for row in colleagues_all() if str(row.user_id) == str(user_id)), None)


def is_colleague(user_id: UUID | str) -> bool:
    """True for a member of this tenant who may use the desktop."""
    return _memberships().filter(user_id=user_id).exists()


def may_supervise(user_id: UUID | str) -> bool:
    """True for those who may act on conversations that others hold."""
    return _memberships().filter(user_id=user_id, role__in=SUPERVISORS).exists()


def colleague_capacity(user_id: UUID) -> int:
    """How many open conversations a person holds at once."""
    found = Colleague.objects.filter(user_id=user_id).values_list("capacity", flat=True).first()
    return CAPACITY if found is None else found


def user_name(user_id: UUID | str | None) -> str:
    """A person's name, or nothing for nobody."""
    return user_names([user_id]).get(str(user_id), "") if user_id else ""


def user_names(user_ids: Iterable[UUID | str | None]) -> dict[str, str]:
    """Names by id (as text), also of people who have left the tenant."""
    wanted = {str(user_id) for user_id in user_ids if user_id}
    return {str(user.pk): str(user) for user in User.objects.filter(pk__in=wanted)} if wanted else {}


def _memberships() -> QuerySet[Membership]:
    return Membership.objects.filter(
        tenant__schema_name=schema_current(), role__in=DESK_ROLES, user__is_active=True
    ).select_related("user")


def _held() -> dict[UUID, int]:
    rows = Conversation.objects.filter(status=Conversation.Status.OPEN, assignee_id__isnull=False)
    return dict(rows.values_list("assignee_id").annotate(count=Count("pk")).order_by())


def _row(member: Membership, own: Colleague | None, held: int) -> ColleagueRow:
    own = own or Colleague(user_id=member.user_id)
    return ColleagueRow(
        user_id=member.user_id,
        name=str(member.user),
        email=member.user.email,
        role=member.role,
        presence=own.presence,
        open_count=held,
        capacity=own.capacity,
        notify_desktop=own.notify_desktop,
        notify_push=own.notify_push,
        notify_email=own.notify_email,
        opens_next=own.opens_next,
        sorts=own.sorts,
    )
