"""Price books: what one unit of one model costs the platform and its customers, and from when."""

from decimal import Decimal

from django.db import models
from django.utils import timezone

from apps.billing.models.money import Kind, Unit, money
from apps.core.ids import uuid7
from apps.tenants.models import Tenant


class PriceBook(models.Model):
    """A version of every price in one currency, in effect until the currency's next one. In effect, it no longer changes."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    version = models.PositiveIntegerField(unique=True, editable=False)
    effective_from = models.DateTimeField()
    currency = models.CharField(max_length=3, default="USD", help_text="ISO 4217.")
    markup = models.DecimalField(
        max_digits=7,
        decimal_places=4,
        default=Decimal(0),
        help_text="On the provider's cost where a price is empty; 0.25 is 25 %.",
    )
    note = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-version"]
        constraints = [
            models.UniqueConstraint(fields=["currency", "effective_from"], name="price_book_once_per_moment"),
            models.CheckConstraint(condition=models.Q(markup__gte=0), name="price_book_markup_not_negative"),
        ]

    def __str__(self) -> str:
        return f"Price book {self.version}"

    @property
    def in_effect(self) -> bool:
        """True once calls may have been billed by it."""
        return self.effective_from <= timezone.now()


class Price(models.Model):
    """What one unit of a model costs the platform (`provider_cost`) and its customers (`price`; by the markup where empty)."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    book = models.ForeignKey(PriceBook, on_delete=models.CASCADE, related_name="prices")
    kind = models.CharField(max_length=12, choices=Kind)
    provider = models.CharField(max_length=64)
    model = models.CharField(max_length=120)
    unit = models.CharField(max_length=24, choices=Unit)
    provider_cost = money()
    price = money(null=True, blank=True)
    note = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["kind", "provider", "model", "unit"]
        constraints = [
            models.UniqueConstraint(fields=["book", "kind", "provider", "model", "unit"], name="price_once"),
            models.CheckConstraint(condition=models.Q(price__gte=0, provider_cost__gte=0), name="price_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.model}: {self.charged} per {self.get_unit_display()}"

    @property
    def charged(self) -> Decimal:
        """What a customer pays for one unit: the price, or the provider's cost with the book's markup."""
        return self.provider_cost * (1 + self.book.markup) if self.price is None else self.price


class PriceTier(models.Model):
    """A lower price for what a tenant uses above a quantity in one month (graduated: only what is above it).

    The ledger charges the price itself; the difference is a line of the invoice, so that the order of reports changes nothing.
    """

    price = models.ForeignKey(Price, on_delete=models.CASCADE, related_name="tiers")
    above = models.DecimalField(max_digits=18, decimal_places=6, help_text="In the price's unit, in one month.")
    unit_price = money()

    class Meta:
        ordering = ["above"]
        constraints = [
            models.UniqueConstraint(fields=["price", "above"], name="price_tier_once"),
            models.CheckConstraint(condition=models.Q(above__gt=0, unit_price__gte=0), name="price_tier_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.unit_price} above {self.above}"


class PriceOverride(models.Model):
    """One tenant's own price, in force whatever the book says, from a moment and until one where it ends."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="price_overrides")
    kind = models.CharField(max_length=12, choices=Kind)
    provider = models.CharField(max_length=64)
    model = models.CharField(max_length=120)
    unit = models.CharField(max_length=24, choices=Unit)
    currency = models.CharField(max_length=3, default="USD")
    price = money()
    effective_from = models.DateTimeField()
    effective_until = models.DateTimeField(null=True, blank=True)
    note = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["kind", "provider", "model", "effective_from"]
        indexes = [models.Index(fields=["tenant", "effective_from"], name="override_by_tenant")]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "currency", "kind", "provider", "model", "unit", "effective_from"], name="override_once"
            ),
            models.CheckConstraint(condition=models.Q(price__gte=0), name="override_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.model}: {self.price}"


class PastPrice(models.Model):
    """A decision of finance: what is charged for something that had no price when it was used, whatever books say.

    It counts only where neither the book nor an override of the moment knows the model, so that late reports and re-rating agree.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, null=True, blank=True, related_name="past_prices")
    kind = models.CharField(max_length=12, choices=Kind)
    provider = models.CharField(max_length=64)
    model = models.CharField(max_length=120)
    unit = models.CharField(max_length=24, choices=Unit)
    currency = models.CharField(max_length=3, default="USD")
    provider_cost = money()
    price = money()
    since = models.DateTimeField(null=True, blank=True, help_text="Empty: for all that was ever used.")
    until = models.DateTimeField(help_text="Not included; later use is priced by books.")
    reason = models.CharField(max_length=300)
    decided_by = models.CharField(max_length=254, help_text="The e-mail address of whoever decided it.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["created_at"]
        constraints = [
            models.CheckConstraint(condition=models.Q(price__gte=0, provider_cost__gte=0), name="past_price_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.model}: {self.price} until {self.until:%Y-%m-%d}"

    @property
    def charged(self) -> Decimal:
        """What a customer pays for one unit."""
        return self.price
