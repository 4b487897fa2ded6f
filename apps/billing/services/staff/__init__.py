"""What the platform's staff do, each written into the log of it."""

from apps.billing.services.staff.acts import act_record
from apps.billing.services.staff.companies import company_restore, company_suspend

__all__ = ["act_record", "company_restore", "company_suspend"]
