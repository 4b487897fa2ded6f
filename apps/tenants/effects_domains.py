"""Who leads a company is told by e-mail that the proof of one of its host names is gone."""

from django.conf import settings
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from apps.core.errors import Ignored, TransientError
from apps.core.letters import letter_make
from apps.core.models import OutboundEffect
from apps.core.outbox import sender
from apps.tenants.hosts import address_at
from apps.tenants.models import CustomDomain, Membership, Role, Tenant
from apps.tenants.services_domains import MAIL, platform_host


@sender(MAIL)
def domain_mail(effect: OutboundEffect) -> str:
    """Owners, or the admins where a company has none. Raises Ignored for what is no longer so, TransientError."""
    custom = CustomDomain.objects.select_related("tenant").filter(pk=effect.payload["domain"]).first()
    if custom is None or (effect.payload["what"] == "missing" and custom.missing_since is None):
        raise Ignored("The host name was removed, or its proof is back.")
    subject, paragraphs = _words(custom, effect.payload["what"])
    mail = letter_make(
        bcc=_leaders(custom.tenant),
        subject=subject,
        paragraphs=paragraphs,
        url=_page(custom.tenant),
        action=_("Check the host name"),
        small=_("You get this because you lead %(company)s on Meridian.") % {"company": custom.tenant.name},
    )
    try:
        mail.send()
    except OSError as error:
        raise TransientError(f"The mail server did not take it ({type(error).__name__}).") from error
    return ""


def _words(custom: CustomDomain, what: str) -> tuple[str, list[str]]:
    """(subject, paragraphs)."""
    words = {
        "domain": custom.domain,
        "name": custom.record_name,
        "value": custom.record_value,
        "host": platform_host(custom.tenant),
        "date": date_format(custom.serves_until, "j F Y") if custom.serves_until else "",
    }
    if what == "missing":
        paragraphs = [
            _("%(domain)s no longer leads to Meridian, and its TXT record is gone. It goes on working until %(date)s."),
            _("If it is to go on afterwards, let its CNAME record lead to %(host)s again, or publish this TXT record:"),
            "%(name)s\n%(value)s",
            _("Then press Check."),
        ]
        return _("%(domain)s is no longer proven to be yours") % words, [text % words for text in paragraphs]
    paragraphs = [
        _(
            "%(domain)s has led elsewhere for a month, so it no longer serves your company. Links lead to %(host)s, where "
            "everybody can log in as before."
        ),
        _("To have it back, publish its records and press Check."),
    ]
    return _("%(domain)s no longer serves your company") % words, [text % words for text in paragraphs]


def _page(tenant: Tenant) -> str:
    """At the host that no record can take away."""
    return address_at(platform_host(tenant), reverse("domains", urlconf=settings.ROOT_URLCONF))


def _leaders(tenant: Tenant) -> list[str]:
    members = Membership.objects.filter(tenant=tenant, user__is_active=True)
    owners = list(members.filter(role=Role.OWNER).values_list("user__email", flat=True))
    return owners or list(members.filter(role=Role.ADMIN).values_list("user__email", flat=True))
