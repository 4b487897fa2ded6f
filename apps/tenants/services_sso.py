"""Every write to a company's single sign-on: its provider, the check of it, and the people whom it names."""

import re
import secrets
from collections.abc import Collection

import structlog
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.core.errors import PermanentError
from apps.tenants.models import Invitation, Membership, Role, Tenant, User
from apps.tenants.models_sso import NEW_ROLES, SingleSignOn, SingleSignOnIdentity
from apps.tenants.oidc import (
    WELL_KNOWN,
    Provider,
    SsoError,
    code_exchange,
    discovery,
    error_of,
    forget,
    keys_fetch,
    provider_read,
    token_ask,
)
from apps.tenants.oidc_tokens import ALGORITHMS, Proven, signing_keys
from apps.tenants.outside import is_address
from apps.tenants.seats import Seat, seat_admit, seat_tell
from apps.tenants.selectors import membership_of
from apps.tenants.services import person_add

__all__ = ["code_exchange", "sso_admit", "sso_check", "sso_remove", "sso_require", "sso_rotate", "sso_set"]

log = structlog.get_logger(__name__)
DOMAIN = re.compile(r"^(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$")
WRONG_CLIENT = ("invalid_client", "unauthorized_client")


class SsoSettingError(PermanentError):
    """What cannot be set, and the field that it is about."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@transaction.atomic
def sso_set(
    *, tenant: Tenant, label: str, issuer: str, client_id: str, client_secret: str, domains: Collection[str], new_role: str
) -> SingleSignOn:
    """Stores the provider; an empty secret keeps the one that is there. It has to be checked again before anybody logs in by it,
    unless only the words, the domains or the role changed. Raises SsoSettingError.
    """
    row = SingleSignOn.objects.select_for_update().filter(tenant=tenant).first() or SingleSignOn(tenant=tenant)
    issuer = issuer.strip().removesuffix(WELL_KNOWN)
    _check(row, issuer, client_secret, domains, new_role)
    if client_secret or (row.issuer, row.client_id) != (issuer, client_id.strip()):
        row.checked_at = None
    row.label, row.issuer, row.client_id = label.strip(), issuer, client_id.strip()
    row.domains, row.new_role = sorted({one.lower() for one in domains}), new_role
    if client_secret:
        row.secret_put(client_secret)
    row.save()
    if row.checked_at is None:
        _require(tenant, False)
    return row


def _check(row: SingleSignOn, issuer: str, client_secret: str, domains: Collection[str], new_role: str) -> None:
    if not is_address(issuer) or "?" in issuer or "#" in issuer:
        words = _("Enter an address that begins with https://, such as https://login.example.com.")
        raise SsoSettingError("issuer", words)
    if not client_secret and (not row.client_secret or row.issuer != issuer):
        raise SsoSettingError("client_secret", _("Enter the secret that the provider gave for this client."))
    if not domains:
        raise SsoSettingError("domains", _("Enter one domain at least, such as example.com."))
    if wrong := [one for one in domains if not DOMAIN.match(one.lower())]:
        raise SsoSettingError("domains", _("“%(domain)s” is no domain such as example.com.") % {"domain": wrong[0][:60]})
    if new_role and new_role not in dict(NEW_ROLES):
        raise SsoSettingError("new_role", _("Nobody becomes an owner by a log-in. Choose another role."))


def sso_check(*, sso: SingleSignOn) -> str:
    """Asks the provider anew and notes whether it is right. Returns what is wrong, as a sentence, or nothing."""
    forget(sso)
    try:
        problem = _problem(sso)
    except SsoError as error:
        problem = str(error)
    if problem:
        return problem
    SingleSignOn.objects.filter(pk=sso.pk, issuer=sso.issuer, client_id=sso.client_id).update(checked_at=timezone.now())
    sso.refresh_from_db()
    return ""


def _problem(sso: SingleSignOn) -> str:
    document = discovery(sso.issuer)
    provider = provider_read(sso.issuer, document)
    if "code" not in document.get("response_types_supported", ["code"]):
        return _("The provider does not offer the authorization code flow, which is the only one that is used here.")
    if not provider.auth_method:
        return _("The provider takes no client secret. Make a confidential (web) client there.")
    offered = document.get("id_token_signing_alg_values_supported") or ["RS256"]
    if not set(ALGORITHMS) & set(map(str, offered)):
        return _("The provider signs its ID tokens in no way that can be trusted. Let it use RS256.")
    if not signing_keys(keys_fetch(provider)):
        return _("The provider shows no key that signs ID tokens, at %(url)s.") % {"url": provider.jwks_uri}
    return _client_problem(sso, provider)


def _client_problem(sso: SingleSignOn, provider: Provider) -> str:
    """A code that is none: the provider refuses it, and refuses the client first where that is wrong."""
    junk = secrets.token_urlsafe(32)
    reply = token_ask(sso, provider, code=junk, redirect_uri="https://localhost/", verifier=junk + junk)
    if error_of(reply) in WRONG_CLIENT:
        return _("The provider does not know this client ID with this secret. Copy both anew from the provider's own page.")
    return ""


@transaction.atomic
def sso_require(*, tenant: Tenant, by: User, required: bool) -> None:
    """Only owners log in by a password then. Raises PermanentError while it might lock everybody out."""
    row = SingleSignOn.objects.select_for_update().filter(tenant=tenant).first()
    if required and (row is None or not row.is_open):
        raise PermanentError(_("Check the provider first: nobody could log in otherwise."))
    if required and not by.has_usable_password():
        raise PermanentError(_("Set a password for yourself first: it is the owners' way in on the day the provider is away."))
    if required and not Membership.objects.filter(tenant=tenant, user=by, role=Role.OWNER).exists():
        raise PermanentError(_("Make somebody an owner first: owners can always come in by their password."))
    _require(tenant, required)


def _require(tenant: Tenant, required: bool) -> None:
    if tenant.sso_required != required:
        tenant.sso_required = required
        tenant.save(update_fields=["sso_required"])


@transaction.atomic
def sso_remove(*, tenant: Tenant) -> None:
    """Forgets the provider and whom it named; people log in by password again, which those without one set by e-mail."""
    _require(tenant, False)
    for model in (SingleSignOn, SingleSignOnIdentity):
        for row in model._default_manager.filter(tenant=tenant):
            row.delete()


def sso_admit(*, sso: SingleSignOn, proven: Proven) -> User:
    """The person whom the provider named, who works here or may from now on. Raises SsoError for everybody else.

    An address alone opens nothing that is there already: only who works at this company is found by it.
    """
    try:
        with transaction.atomic():
            SingleSignOn.objects.select_for_update().get(pk=sso.pk)  # one at a time, so that nobody is made twice
            return _admit(sso.tenant, sso.new_role, proven)
    except IntegrityError as error:
        raise SsoError(_("Somebody with this address was added at the same moment. Log in again.")) from error


def _admit(tenant: Tenant, new_role: str, proven: Proven) -> User:
    named = SingleSignOnIdentity.objects.select_related("user").filter(
        tenant=tenant, issuer=proven.issuer, subject=proven.subject
    )
    identity = named.first()
    user = identity.user if identity else User.objects.filter(email=proven.email).first()
    if user is None:
        user = _newcomer(tenant, new_role, proven)
    elif not user.is_active:
        raise SsoError(_("This log-in is switched off. Ask your admin."))
    elif membership_of(user, tenant) is None:
        raise SsoError(_stranger(tenant))
    if identity is None:
        SingleSignOnIdentity.objects.create(tenant=tenant, user=user, issuer=proven.issuer, subject=proven.subject)
        log.info("sso_linked", user=str(user.pk))
    return user


def _newcomer(tenant: Tenant, new_role: str, proven: Proven) -> User:
    """Somebody who has no log-in anywhere: invited here, or taken in by the company's rule."""
    invitation = Invitation.objects.filter(tenant=tenant, email=proven.email).first()
    role = invitation.role if invitation and not invitation.is_over else new_role
    if not role:
        raise SsoError(_stranger(tenant))
    seat = None if invitation else _seat(tenant)  # whoever was invited has one
    user = person_add(tenant=tenant, email=proven.email, role=role, name=proven.name).user
    if invitation:
        invitation.delete()
    seat_tell(tenant, seat, user)
    log.info("sso_person_added", user=str(user.pk), role=str(role))
    return user


def _seat(tenant: Tenant) -> Seat | None:
    try:
        return seat_admit(tenant)
    except PermanentError as error:
        raise SsoError(str(error)) from error


def _stranger(tenant: Tenant) -> str:
    """The same for everybody, so that nobody learns who has a log-in elsewhere."""
    return _("You do not work at %(company)s yet, or no longer. Ask one of its admins to invite you.") % {"company": tenant}


def sso_rotate(schema: str) -> int:
    """For the rotation of FIELD_KEYS: writes a tenant's secret anew; returns how many there were. Raises WrongKey."""
    row = SingleSignOn.objects.select_related("tenant").filter(tenant__schema_name=schema).first()
    if row is None:
        return 0
    before = row.client_secret
    row.secret_put(row.secret_read())
    return SingleSignOn.objects.filter(pk=row.pk, client_secret=before).update(client_secret=row.client_secret)
