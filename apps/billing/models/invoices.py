"""Invoices: a month of a tenant, each line traceable to the ledger. Lines and totals round to the currency's smallest unit."""

from decimal import Decimal

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.billing.models.ledger import LedgerEntry
from apps.billing.models.money import SourceType, money
from apps.core.ids import uuid7
from apps.tenants.models import Tenant


class Invoice(models.Model):
    """A tenant's invoice of a month in one currency: draft while it may still be made anew, open once it was sent, then paid,
    uncollectible or void.

    `step` is how far sending it through Stripe came, so that a run that broke off goes on where it stopped.
    """

    class State(models.TextChoices):
        DRAFT = "draft", _("Draft")
        OPEN = "open", _("Open")
        PAID = "paid", _("Paid")
        UNCOLLECTIBLE = "uncollectible", _("Uncollectible")
        VOID = "void", _("Void")

    class Step(models.TextChoices):
        LOCAL = "local"
        CUSTOMER = "customer"
        CREATED = "created"
        ITEMS = "items"
        FINALIZED = "finalized"

    class Dunning(models.TextChoices):
        NONE = "", _("None")
        FIRST = "first", _("First reminder")
        SECOND = "second", _("Second reminder")
        FINAL = "final", _("Final notice")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="invoices")
    number = models.CharField(max_length=32, unique=True)
    month = models.DateField(help_text="The first day of the month that it is for.")
    period_start = models.DateTimeField()
    period_end = models.DateTimeField(help_text="Not included.")
    state = models.CharField(max_length=14, choices=State, default=State.DRAFT)
    currency = models.CharField(max_length=3)
    subtotal = money(default=Decimal(0), help_text="The lines without credits and tax.")
    credits = money(default=Decimal(0), help_text="The platform's credits that it used, above 0.")
    tax = money(default=Decimal(0), help_text="As Stripe computed it.")
    total = money(default=Decimal(0), help_text="To be paid: subtotal, less credits, with tax.")
    paid = money(default=Decimal(0))
    credited = money(default=Decimal(0), help_text="By credit notes.")
    balance = money(
        default=Decimal(0), help_text="Of the customer's credit at Stripe that it used; below 0 what the customer owed there."
    )
    step = models.CharField(max_length=12, choices=Step, default=Step.LOCAL)
    stripe_id = models.CharField(max_length=64, blank=True)
    stripe_number = models.CharField(max_length=64, blank=True)
    hosted_url = models.URLField(max_length=600, blank=True)
    pdf_url = models.URLField(max_length=600, blank=True)
    payment_attempts = models.PositiveSmallIntegerField(default=0)
    problem = models.CharField(max_length=500, blank=True, help_text="Why the last attempt to send or collect it failed.")
    dunning = models.CharField(max_length=8, choices=Dunning, default=Dunning.NONE, blank=True)
    dunning_at = models.DateTimeField(null=True, blank=True)
    disputed_at = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField(null=True, blank=True)
    finalized_at = models.DateTimeField(null=True, blank=True)
    paid_at = models.DateTimeField(null=True, blank=True)
    voided_at = models.DateTimeField(null=True, blank=True)
    written_off_at = models.DateTimeField(null=True, blank=True, help_text="When it was given up, also if it was paid later.")
    sent_at = models.DateTimeField(null=True, blank=True, help_text="When its customer was given it: mailed, or charged.")
    dispute = models.CharField(max_length=24, blank=True, help_text="The state of a dispute, as Stripe names it.")
    sending_until = models.DateTimeField(null=True, blank=True, help_text="Until then one process alone sends it.")
    send_attempts = models.PositiveIntegerField(default=0, help_text="How often sending began; a claim is good for its own.")
    send_again_at = models.DateTimeField(null=True, blank=True, help_text="When it is tried again by itself.")
    stripe_tries = models.PositiveSmallIntegerField(
        default=0, help_text="How often Stripe answered with an error of its own, which it repeats for the same idempotency key."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-month", "-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "month", "currency"], condition=~models.Q(state="void"), name="invoice_one_per_month_currency"
            ),
            models.UniqueConstraint(fields=["stripe_id"], condition=~models.Q(stripe_id=""), name="invoice_stripe_once"),
        ]
        indexes = [
            models.Index(fields=["tenant", "-month"], name="invoice_by_tenant"),
            models.Index(fields=["due_at"], condition=models.Q(state="open"), name="invoice_open"),
            models.Index(fields=["send_again_at"], condition=models.Q(send_again_at__isnull=False), name="invoice_to_send_again"),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def owed(self) -> Decimal:
        """What is left to be paid of one that was sent."""
        return max(self.total - self.paid - self.credited - self.balance, Decimal(0))

    @property
    def is_overdue(self) -> bool:
        """Open past the day on which it was due."""
        return self.state == self.State.OPEN and self.due_at is not None and self.due_at < timezone.now()


# The same as Invoice.owed for statements, where it is never below 0 but by a mistake.
OWED = models.F("total") - models.F("paid") - models.F("credited") - models.F("balance")


class InvoiceLine(models.Model):
    """One line. `exact` is what the ledger or the plan says, to 6 places; `amount` the same after the invoice's rounding."""

    class Kind(models.TextChoices):
        FEE = "fee", _("Plan")
        SEATS = "seats", _("Seats")
        USAGE = "usage", _("Usage")
        INCLUDED = "included", _("Included in the plan")
        TIER = "tier", _("Volume discount")
        CREDIT = "credit", _("Credit")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    invoice = models.ForeignKey(Invoice, on_delete=models.CASCADE, related_name="lines")
    position = models.PositiveIntegerField()
    kind = models.CharField(max_length=10, choices=Kind)
    description = models.CharField(max_length=300)
    source_type = models.CharField(max_length=12, choices=SourceType, blank=True)
    agent_id = models.UUIDField(null=True)
    channel = models.CharField(max_length=12, blank=True)
    quantity = models.DecimalField(max_digits=18, decimal_places=6, null=True)
    unit = models.CharField(max_length=24, blank=True, help_text="Of the quantity, such as minute.")
    entries = models.PositiveIntegerField(default=0, help_text="How many ledger entries are behind it.")
    exact = money()
    amount = money()
    details = models.JSONField(
        default=dict, help_text="How it was computed: parts, days, quantities; amounts as decimal strings."
    )
    stripe_id = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["invoice", "position"], name="invoice_line_once")]

    def __str__(self) -> str:
        return self.description


class InvoicedEntry(models.Model):
    """That a ledger entry is on an invoice: its key is the entry, so that nothing is invoiced twice."""

    entry = models.OneToOneField(LedgerEntry, on_delete=models.PROTECT, primary_key=True, related_name="invoiced")
    line = models.ForeignKey(InvoiceLine, on_delete=models.CASCADE, related_name="invoiced")
    invoice = models.ForeignKey(Invoice, on_delete=models.CASCADE, related_name="invoiced")

    def __str__(self) -> str:
        return f"{self.entry_id} on {self.invoice_id}"


class OpenEntry(models.Model):
    """That a ledger entry is on no invoice. The database writes it with the entry and takes it away with its InvoicedEntry."""

    entry_id = models.UUIDField(primary_key=True)
    tenant = models.ForeignKey(Tenant, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+")
    started_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["tenant", "started_at"], name="open_entry_by_tenant")]

    def __str__(self) -> str:
        return str(self.entry_id)


class Credit(models.Model):
    """Money that the platform gives a tenant: taken off its next invoices until it is used up or expires."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="credits")
    amount = money()
    currency = models.CharField(max_length=3)
    reason = models.CharField(max_length=300)
    granted_by = models.CharField(max_length=254, blank=True, help_text="The e-mail address of whoever gave it.")
    granted_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    carried_from = models.OneToOneField(
        Invoice,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="carried",
        help_text="The invoice that left this over: it came out below 0, or was voided with credit notes on it.",
    )

    class Meta:
        ordering = ["granted_at"]
        constraints = [models.CheckConstraint(condition=models.Q(amount__gt=0), name="credit_positive")]

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"


class CreditUse(models.Model):
    """What an invoice took of a credit."""

    credit = models.ForeignKey(Credit, on_delete=models.PROTECT, related_name="uses")
    invoice = models.ForeignKey(Invoice, on_delete=models.CASCADE, related_name="credit_uses")
    amount = money()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["credit", "invoice"], name="credit_use_once"),
            models.CheckConstraint(condition=models.Q(amount__gt=0), name="credit_use_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.amount} on {self.invoice_id}"


class CreditNote(models.Model):
    """What is taken back of an invoice that was sent, and why."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="credit_notes")
    number = models.CharField(max_length=32, unique=True)
    amount = money()
    reason = models.CharField(max_length=300)
    line = models.ForeignKey(InvoiceLine, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    after_payment = money(
        default=Decimal(0), help_text="Of the amount, what was paid by then: it became the customer's credit at Stripe."
    )
    key = models.CharField(max_length=64, blank=True, help_text="Of the request: the same again is the same note.")
    created_by = models.CharField(max_length=254, blank=True, help_text="The e-mail address of whoever made it.")
    stripe_id = models.CharField(max_length=64, blank=True)
    stripe_tries = models.PositiveSmallIntegerField(default=0, help_text="As an invoice's.")
    pdf_url = models.URLField(max_length=600, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    voided_at = models.DateTimeField(null=True, blank=True, help_text="When it was taken back at Stripe; it counts no longer.")

    class Meta:
        ordering = ["created_at"]
        constraints = [
            models.CheckConstraint(condition=models.Q(amount__gt=0), name="credit_note_positive"),
            models.UniqueConstraint(fields=["stripe_id"], condition=~models.Q(stripe_id=""), name="credit_note_stripe_once"),
            models.UniqueConstraint(fields=["key"], condition=~models.Q(key=""), name="credit_note_key_once"),
        ]

    def __str__(self) -> str:
        return self.number
