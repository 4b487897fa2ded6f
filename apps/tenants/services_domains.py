"""Every write to a company's own host names: asked for, proven, chosen as the first, removed."""

import hmac
import re
import secrets
from datetime import datetime
from ipaddress import ip_address

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.core.errors import PermanentError
from apps.core.outbox import effect_enqueue
from apps.tenants.dns import DnsError, txt_of
from apps.tenants.models import CustomDomain, Domain, Tenant
from apps.tenants.models_domains import GRACE
from apps.tenants.outside import Ask, OutsideError, fetch

log = structlog.get_logger(__name__)
NAME = re.compile(r"^(?=.{4,240}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$")
WELL_KNOWN = "/.well-known/meridian-domain"
MAIL = "tenants.domain_mail"
MOST = 20  # host names that one company may ask for


class DomainError(PermanentError):
    """What cannot be done with a host name, as a sentence."""


def domain_add(*, tenant: Tenant, domain: str) -> CustomDomain:
    """Asks for a host name, which serves nothing before it is proven. Raises DomainError."""
    domain = domain_read(domain)
    if CustomDomain.objects.filter(tenant=tenant, domain=domain).exists():
        raise DomainError(_("%(domain)s is in the list already.") % {"domain": domain})
    if Domain.objects.filter(domain=domain).exists():
        raise DomainError(_taken(domain))
    if CustomDomain.objects.filter(tenant=tenant).count() >= MOST:
        raise DomainError(_("A company has %(most)d host names at most. Remove one first.") % {"most": MOST})
    return CustomDomain.objects.create(tenant=tenant, domain=domain, token=secrets.token_urlsafe(24))


def domain_read(text: str) -> str:
    """A host name as DNS writes it. Raises DomainError where it cannot be a company's."""
    text = text.strip().lower().rstrip(".")
    try:
        domain = text if text.isascii() else text.encode("idna").decode()
    except UnicodeError:
        domain = ""
    if not NAME.match(domain) or _is_number(domain):
        raise DomainError(_("Enter a host name such as service.example.com, without https:// and path."))
    for ours in (*settings.PUBLIC_HOSTS, settings.TENANT_HOST_SUFFIX.lstrip(".")):
        if domain == ours or domain.endswith(f".{ours}") or ours.endswith(f".{domain}"):
            raise DomainError(_("%(domain)s belongs to Meridian itself. Enter a host name of your own.") % {"domain": domain})
    return domain


def _is_number(domain: str) -> bool:
    try:
        ip_address(domain)
    except ValueError:
        return False
    return True


def domain_check(*, custom: CustomDomain) -> bool:
    """Looks for the proof; from then on the name serves the company. Returns whether it leads here already. Raises DomainError.

    What this server itself answers proves nothing about an unproven name: it answers for proven ones only.
    """
    if custom.is_verified:
        domain_recheck(custom=custom)
    else:
        _prove(custom)
        _serve(custom)
    return _published(custom)


def domain_recheck(*, custom: CustomDomain) -> str:
    """Whether a name that serves a company still leads here or has its record: `there`, `missing`, `over` or `unknown`.

    Whoever leads the company is told when its proof goes missing, and again when its time of grace is over and it is let go of.
    Where no name server answers nothing is concluded.
    """
    texts, there = _proof(custom)
    if there:
        _missing_note(custom, None)
        return "there"
    if texts is None:
        return "unknown"
    if custom.missing_since is None:
        _missing_note(custom, timezone.now())
        return "missing"
    if timezone.now() < custom.missing_since + GRACE:
        return "missing"
    _over(custom)
    return "over"


def _missing_note(custom: CustomDomain, since: datetime | None) -> None:
    if custom.missing_since == since:
        return
    with transaction.atomic():
        custom.missing_since = since
        custom.save(update_fields=["missing_since"])
        if since is not None:
            log.warning("domain_missing", domain=custom.domain)
            _tell(custom, "missing")


@transaction.atomic
def _over(custom: CustomDomain) -> None:
    """The name stays in the list, to be proven again."""
    log.warning("domain_over", domain=custom.domain)
    _serve_no_more(custom)
    _tell(custom, "over")
    custom.verified_at = custom.missing_since = None
    custom.save(update_fields=["verified_at", "missing_since"])


def _tell(custom: CustomDomain, what: str) -> None:
    key = f"{MAIL}:{custom.pk}:{what}:{custom.missing_since:%Y%m%d%H%M%S}"
    payload = {"domain": str(custom.pk), "what": what}
    effect_enqueue(kind=MAIL, key=key, payload=payload, schema_name=custom.tenant.schema_name)


def _proof(custom: CustomDomain) -> tuple[list[str] | None, bool]:
    """The TXT records, None where no name server answers, and whether they or a web server prove the name."""
    try:
        texts = txt_of(custom.record_name)
    except DnsError:
        texts = None
    return texts, any(_same(text.strip(), custom.record_value) for text in texts or []) or _published(custom)


def _prove(custom: CustomDomain) -> None:
    texts, there = _proof(custom)
    if there:
        return
    if texts is None:
        raise DomainError(_("The name servers did not answer. Try again in a minute."))
    if texts:
        words = _("%(name)s has a TXT record, but not this one: %(value)s. Changes may take up to an hour to be seen.")
        raise DomainError(words % {"name": custom.record_name, "value": custom.record_value})
    words = _("There is no TXT record at %(name)s yet. Changes may take up to an hour to be seen.")
    raise DomainError(words % {"name": custom.record_name})


def _published(custom: CustomDomain) -> bool:
    """Whether a web server answers with the token under that name: the company's own before it is proven, and this one after."""
    for scheme in ("https", "http"):
        try:
            reply = fetch(Ask(f"{scheme}://{custom.domain}{WELL_KNOWN}"))
        except OutsideError:
            continue
        if reply.status == 200 and _same(reply.body[:200].decode("latin-1").strip(), custom.token):
            return True
    return False


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(), wanted.encode())


def _serve(custom: CustomDomain) -> None:
    """Of two companies that prove the same name at once, one gets it."""
    try:
        with transaction.atomic():
            Domain.objects.create(domain=custom.domain, tenant=custom.tenant, is_primary=False)
            custom.verified_at = timezone.now()
            custom.save(update_fields=["verified_at"])
    except IntegrityError as error:
        custom.verified_at = None
        raise DomainError(_taken(custom.domain)) from error
    log.info("domain_verified", domain=custom.domain)


def _taken(domain: str) -> str:
    words = _("%(domain)s serves another company already. If it is yours, ask whoever runs this installation.")
    return words % {"domain": domain}


@transaction.atomic
def domain_make_primary(*, tenant: Tenant, domain: str) -> None:
    """Links in mails and from the public host lead there. Raises DomainError for a name that does not serve the company."""
    row = Domain.objects.select_for_update().filter(tenant=tenant, domain=domain).first()
    if row is None:
        raise DomainError(_("Check %(domain)s first: it does not serve your company yet.") % {"domain": domain})
    row.is_primary = True
    row.save()


@transaction.atomic
def domain_remove(*, custom: CustomDomain) -> None:
    """Its name serves nothing any more, and anybody who can prove it may have it. The platform's own becomes the first again."""
    _serve_no_more(custom)
    custom.delete()


def _serve_no_more(custom: CustomDomain) -> None:
    row = Domain.objects.filter(tenant=custom.tenant, domain=custom.domain).first()
    if row is not None:
        row.delete()
        left = Domain.objects.filter(tenant=custom.tenant)
        if row.is_primary and (own := left.filter(domain=platform_host(custom.tenant)).first() or left.first()):
            own.is_primary = True
            own.save()


def platform_host(tenant: Tenant) -> str:
    """The host name that every company has from the start and cannot lose."""
    return f"{tenant.schema_name}{settings.TENANT_HOST_SUFFIX}"
