"""What the outbox does for webhooks: a delivery, and the word to the admins when an endpoint was switched off."""

from urllib.parse import urlsplit

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.compass.models import WebhookDelivery
from apps.compass.services.webhooks import KIND, MAIL, delivery_drop, delivery_note
from apps.compass.webhooks import webhook_try
from apps.core.errors import Ignored, TransientError
from apps.core.letters import letter_make
from apps.core.models import OutboundEffect
from apps.core.outbox import sender
from apps.core.schema import schema_current
from apps.tenants.access import ADMINS
from apps.tenants.models import Membership
from apps.tenants.selectors import tenant_by_slug, tenant_host


@sender(KIND)
def webhook_send(effect: OutboundEffect) -> str:
    """One try of one delivery. Raises as delivery_note does, Ignored for a delivery that is over."""
    rows = WebhookDelivery.objects.select_related("endpoint", "event")
    delivery = rows.filter(pk=effect.payload["delivery"], rounds=effect.payload["round"]).first()
    if delivery is None:
        raise Ignored("The endpoint was deleted, or the event was sent again meanwhile.")
    if not delivery.endpoint.enabled:
        delivery_drop(delivery=delivery)
    outcome = webhook_try(delivery.endpoint, delivery.event)
    delivery_note(delivery=delivery, outcome=outcome, tries=effect.attempts)
    return outcome.headers["webhook-id"]


@sender(MAIL)
def webhook_mail(effect: OutboundEffect) -> str:
    """Tells the admins which endpoint was switched off, why, and what to do. Raises TransientError."""
    members = Membership.objects.filter(tenant__schema_name=schema_current(), role__in=ADMINS, user__is_active=True)
    to = list(members.values_list("user__email", flat=True))
    mail = letter_make(
        bcc=to,
        subject=_("A webhook was switched off"),
        paragraphs=[
            _("Meridian has stopped sending events to %(url)s. %(reason)s") % effect.payload,
            _("Put the address right, then switch the webhook on again. What failed can be sent again there."),
        ],
        url=_page(),
        action=_("See the webhooks"),
        small=_("You get this because you are an admin of your company on Meridian."),
    )
    try:
        mail.send()
    except OSError as error:
        raise TransientError(f"The mail server did not take it ({type(error).__name__}).") from error
    return ""


def _page() -> str:
    tenant = tenant_by_slug(schema_current())
    if tenant is None:
        raise Ignored("The company was deleted meanwhile.")
    public = urlsplit(settings.PUBLIC_URL)
    port = f":{public.port}" if public.port else ""
    return f"{public.scheme}://{tenant_host(tenant)}{port}{reverse('webhooks', urlconf=settings.ROOT_URLCONF)}"
