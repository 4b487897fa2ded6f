"""The log of what the platform's staff do."""

from apps.billing.models import StaffAct
from apps.core.errors import PermanentError
from apps.tenants.models import Tenant


def act_record(*, kind: StaffAct.Kind, by: str, tenant: Tenant | None = None, subject: str = "", reason: str = "") -> StaffAct:
    """Writes down what was done, in the transaction of the caller. `by` is an e-mail address."""
    return StaffAct.objects.create(kind=kind, by=by, tenant=tenant, subject=subject[:200], reason=reason[:500])


def reason_checked(reason: str) -> str:
    """The reason without blanks around it. Raises PermanentError where there is none."""
    if not reason.strip():
        raise PermanentError("Say why in a sentence; it is kept with what you do.")
    return reason.strip()
