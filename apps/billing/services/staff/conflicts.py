"""Deciding which of two reports counts."""

from django.db import transaction
from django.utils.translation import gettext as _

from apps.billing.models import BillingConflict, StaffAct
from apps.billing.services.corrections import conflict_accept
from apps.billing.services.ledger import conflict_resolve
from apps.billing.services.staff.acts import act_record, reason_checked
from apps.core.errors import PermanentError


@transaction.atomic
def conflict_decide(*, conflict: BillingConflict, later: bool, sentence: str, by: str) -> BillingConflict:
    """The first report stays, or the later one corrects the ledger. Raises PermanentError without a sentence, or twice."""
    said = reason_checked(sentence)
    kept = BillingConflict.objects.select_for_update(of=("self",)).select_related("tenant", "entry").get(pk=conflict.pk)
    if kept.resolved_at is not None:
        raise PermanentError(_("This was decided already: %(said)s") % {"said": kept.resolution})
    if later:
        conflict_accept(conflict=kept, by=by)
    choice = _("The later report counts.") if later else _("The first report stays.")
    conflict_resolve(conflict=kept, resolution=f"{choice} {said}"[:500])
    act_record(kind=StaffAct.Kind.CONFLICT, tenant=kept.tenant, subject=str(kept.entry), reason=f"{choice} {said}", by=by)
    return kept
