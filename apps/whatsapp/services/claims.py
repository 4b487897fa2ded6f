"""A WhatsApp number that a company adds by itself: whoever maps a number reads what is written to it, so it is proven first."""

from typing import Any

from django.utils.translation import gettext as _

from apps.core.errors import PermanentError, TransientError
from apps.whatsapp import graph
from apps.whatsapp.models import AgentPhoneMapping
from apps.whatsapp.services.numbers import NumberMapped, mapping_set, number_id_check


class NumberUnproven(PermanentError):
    """Nothing shows that this number is the company's."""


def number_claim(*, phone_number_id: str, access_token: str | None, **given: Any) -> AgentPhoneMapping:
    """Maps a number that is new here, as `mapping_set` does, once the company's own access token has seen it at Meta.

    Raises NumberUnproven, and what mapping_set raises with `new`. The installation's own token proves nothing about a company:
    numbers that it serves are mapped by whoever runs the installation (`manage.py whatsapp_number_set`).
    """
    number_id_check(phone_number_id)
    if AgentPhoneMapping.objects.filter(phone_number_id=phone_number_id).exists():
        raise NumberMapped
    shown = _seen(phone_number_id, access_token or "")
    given["display_number"] = given.get("display_number") or shown
    return mapping_set(phone_number_id=phone_number_id, access_token=access_token, new=True, **given)


def _seen(phone_number_id: str, token: str) -> str:
    """The number as people write it, by Meta's own account."""
    if not token:
        raise NumberUnproven(
            _(
                "Give the access token of a system user at Meta who may use this number: it shows that the number is yours."
                " A number that uses this installation’s own token is mapped by whoever runs it (manage.py whatsapp_number_set)."
            )
        )
    try:
        return str(graph.number_about(token=token, phone_number_id=phone_number_id).get("display_phone_number", ""))[:32]
    except (TransientError, graph.Uncertain) as error:
        raise NumberUnproven(_("Meta could not be asked whether this number is yours. Try again in a minute.")) from error
    except graph.Refused as error:
        said = _("Meta does not show this number to this access token, so it is not added. Meta says: %(why)s")
        raise NumberUnproven(said % {"why": error}) from error
