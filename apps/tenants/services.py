"""Every write to tenants, people and routes."""

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _
from django_tenants.utils import schema_context, tenant_context

from apps.core.errors import PermanentError
from apps.tenants.lifecycle import lifecycle_tell
from apps.tenants.models import Domain, Membership, Role, Route, Tenant, User
from apps.tenants.places import Place
from apps.tenants.selectors import slug_problem


@transaction.atomic  # sweeps look into every tenant that they see, so none is seen before its schema
def tenant_create(*, slug: str, name: str, country: str = "US", timezone: str = "UTC") -> Tenant:
    """Makes a tenant, its schema and its domain. Raises PermanentError when the slug cannot be had."""
    with schema_context("public"):
        if problem := slug_problem(slug):
            raise PermanentError(problem)
        tenant = Tenant(schema_name=slug, name=name, country=country, timezone=timezone)
        tenant.save(verbosity=0)
        Domain.objects.create(domain=f"{slug}{settings.TENANT_HOST_SUFFIX}", tenant=tenant, is_primary=True)
    return tenant


class LogInExists(PermanentError):
    """Somebody has a log-in with this address already."""


@transaction.atomic
def company_create(*, slug: str, name: str, email: str, person: str, password: str, place: Place | None = None) -> User:
    """A new tenant and its owner, both or neither. Raises PermanentError when the slug cannot be had, LogInExists."""
    place = place or Place()
    tenant = tenant_create(slug=slug, name=name, country=place.country, timezone=place.timezone)
    lifecycle_tell("joined", tenant)
    if User.objects.filter(email=email.lower()).exists():  # asked now: whoever signs up is logged in as the owner
        raise LogInExists(_("There is a log-in with this address. Log in with it, or use another address."))
    return person_add(tenant=tenant, email=email, role=Role.OWNER, name=person, password=password).user


def person_rename(*, user: User, name: str) -> None:
    """What colleagues see."""
    user.name = name
    user.save(update_fields=["name"])


@transaction.atomic
def person_add(*, tenant: Tenant, email: str, role: Role | str, name: str = "", password: str | None = None) -> Membership:
    """Gives a person a role at a tenant; makes their log-in when they have none yet."""
    user = User.objects.filter(email=email.lower()).first()
    if user is None:
        user = User.objects.create_user(email, password, name=name)
    with tenant_context(tenant):  # whose audit log tells of it
        return Membership.everyone.update_or_create(tenant=tenant, user=user, defaults={"role": role, "deactivated_at": None})[0]


def route_set(*, kind: Route.Kind | str, external_id: str, tenant: Tenant) -> Route:
    """Says whose an outside id is. Raises PermanentError when another tenant has it."""
    route, created = Route.objects.get_or_create(kind=kind, external_id=external_id, defaults={"tenant": tenant})
    if not created and route.tenant_id != tenant.pk:
        raise PermanentError(f"{external_id} belongs to another tenant already.")
    return route


def route_delete(*, kind: Route.Kind | str, external_id: str, tenant: Tenant) -> None:
    """Forgets an outside id of this tenant."""
    Route.objects.filter(kind=kind, external_id=external_id, tenant=tenant).delete()
