"""What the platform's staff do: the log of it, which outlives the tenants that it is about."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.core.ids import uuid7
from apps.tenants.models import Tenant


class StaffAct(models.Model):
    """One thing that somebody of the platform's staff did, and why. Only ever added to."""

    class Kind(models.TextChoices):
        SUSPENDED = "suspended", _("Suspended the company")
        RESTORED = "restored", _("Restored the company")
        CREDIT = "credit", _("Gave a credit")
        PLAN = "plan", _("Changed the plan")
        CURRENCY = "currency", _("Changed the currency")
        TRIAL = "trial", _("Extended the trial")
        DRAFTED = "drafted", _("Made an invoice anew")
        SENT = "sent", _("Sent an invoice again")
        VOIDED = "voided", _("Voided an invoice")
        NOTE = "note", _("Made a credit note")
        PAID = "paid", _("Noted a bank transfer")
        UNPAID = "unpaid", _("Took a bank transfer back")
        SURPLUS = "surplus", _("Said where an overpayment went")
        WRITTEN_OFF = "written_off", _("Gave up an invoice")
        OVERRIDE = "override", _("Set a price of its own")
        OVERRIDE_ENDED = "override_ended", _("Ended a price of its own")
        CONFLICT = "conflict", _("Decided a conflict")
        BOOK_MADE = "book_made", _("Made a price book")
        BOOK_CHANGED = "book_changed", _("Changed a price book")
        BOOK_DELETED = "book_deleted", _("Deleted a price book")
        PRICED = "priced", _("Gave something a price")
        PLAN_MADE = "plan_made", _("Made a plan")
        PLAN_RETIRED = "plan_retired", _("Retired a plan")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(max_length=16, choices=Kind)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, null=True, related_name="staff_acts")
    subject = models.CharField(max_length=200, blank=True, help_text="What it was about, such as a price book.")
    reason = models.CharField(max_length=500, blank=True)
    by = models.CharField(max_length=254, help_text="The e-mail address of whoever did it.")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-at"]
        indexes = [models.Index(fields=["tenant", "-at"], name="staff_act_by_tenant")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.subject or self.tenant}"
