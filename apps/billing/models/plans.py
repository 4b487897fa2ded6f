"""Plans and who is on them, and what a tenant tells about itself for its invoices."""

from decimal import Decimal

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.billing.models.money import Meter, money
from apps.core.ids import uuid7
from apps.tenants.models import Tenant


class Plan(models.Model):
    """What a month costs before anything is used. A plan that somebody is on keeps its prices: a new one replaces it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    code = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=80)
    description = models.CharField(max_length=300, blank=True)
    currency = models.CharField(max_length=3, default="USD", help_text="ISO 4217.")
    fee = money(help_text="A month.")
    seat_price = money(default=Decimal(0), help_text="A month, for each seat above those included.")
    included_seats = models.PositiveIntegerField(default=0)
    trial_days = models.PositiveSmallIntegerField(default=0)
    offered = models.BooleanField(default=True, help_text="Tenants can choose it themselves.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["fee", "code"]
        constraints = [models.CheckConstraint(condition=models.Q(fee__gte=0, seat_price__gte=0), name="plan_not_negative")]

    def __str__(self) -> str:
        return self.name


class PlanInclusion(models.Model):
    """A quantity of a meter that a month of the plan includes; what is covered is a credit line of the invoice."""

    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="inclusions")
    meter = models.CharField(max_length=16, choices=Meter)
    quantity = models.DecimalField(max_digits=18, decimal_places=6)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["plan", "meter"], name="plan_inclusion_once"),
            models.CheckConstraint(condition=models.Q(quantity__gt=0), name="plan_inclusion_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} {self.get_meter_display()}"


class Subscription(models.Model):
    """A tenant's plan and seats from a day on, until the day before `ended_on`. A change ends one row and begins the next.

    Days are those of the tenant's time zone; fees are charged for the days of a month that a row covers (proration by day).
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="subscriptions")
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="subscriptions")
    seats = models.PositiveIntegerField(default=1)
    started_on = models.DateField()
    ended_on = models.DateField(null=True, blank=True, help_text="The first day that is no longer covered.")
    trial_until = models.DateField(null=True, blank=True, help_text="The first day that costs a fee.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["started_on", "created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant"], condition=models.Q(ended_on__isnull=True), name="subscription_one_running"
            ),
            models.CheckConstraint(
                condition=models.Q(ended_on__isnull=True) | models.Q(ended_on__gte=models.F("started_on")),
                name="subscription_ends_after_start",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.plan} from {self.started_on}"


class BillingProfile(models.Model):
    """Who gets a tenant's invoices, and where it stands with paying them."""

    class Standing(models.TextChoices):
        GOOD = "good", _("In good standing")
        PAST_DUE = "past_due", _("Payment overdue")
        RESTRICTED = "restricted", _("Restricted until paid")

    tenant = models.OneToOneField(Tenant, on_delete=models.PROTECT, primary_key=True, related_name="billing_profile")
    currency = models.CharField(max_length=3, default="USD", help_text="ISO 4217; of its prices and invoices.")
    legal_name = models.CharField(max_length=160, blank=True)
    email = models.EmailField(blank=True, help_text="Where invoices go; its owners where empty.")
    line1 = models.CharField(max_length=160, blank=True)
    line2 = models.CharField(max_length=160, blank=True)
    postal_code = models.CharField(max_length=20, blank=True)
    city = models.CharField(max_length=80, blank=True)
    state = models.CharField(max_length=80, blank=True)
    country = models.CharField(max_length=2, blank=True, help_text="ISO 3166.")
    tax_id_type = models.CharField(max_length=20, blank=True, help_text="As Stripe names it, such as eu_vat.")
    tax_id = models.CharField(max_length=60, blank=True)
    stripe_customer_id = models.CharField(max_length=64, blank=True)
    stripe_asked_at = models.DateTimeField(
        null=True, blank=True, help_text="When Stripe was first asked for a customer: one that got lost is younger."
    )
    stripe_tax_id = models.CharField(max_length=64, blank=True)
    standing = models.CharField(max_length=12, choices=Standing, default=Standing.GOOD)
    standing_since = models.DateTimeField(null=True, blank=True)
    seats_grow = models.BooleanField(
        default=True, help_text="Whoever single sign-on lets in takes a further seat; else nobody new above the seats."
    )
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return self.legal_name or str(self.tenant)

    @property
    def address(self) -> list[str]:
        """Its lines, without those that are empty."""
        place = " ".join(part for part in (self.postal_code, self.city, self.state) if part)
        return [line for line in (self.line1, self.line2, place, self.country) if line]
