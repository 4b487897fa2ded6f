"""What an entry was charged for, line by line: quantity times unit price, as the prices were that held."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.billing.models import Kind, LedgerEntry, Part, Unit
from apps.billing.rating import BESIDE, MICRO, RATE_SCALE, UNITS, Rates, Tariff, base_of, quantity_read
from apps.billing.selectors.prices import overrides_at, rates_of

QUANTITIES = {
    "seconds": _("seconds"),
    "characters": _("characters"),
    "input_tokens": _("input tokens"),
    "cached_tokens": _("cached input tokens"),
    "output_tokens": _("output tokens"),
    "calls": _("calls"),
    "messages": _("messages"),
    "turns": _("answers"),
    "runs": _("runs"),
}


@dataclass(frozen=True)
class Charge:
    """`quantity` of something at `unit_price` for `per`; no price where it cannot be told which one held."""

    quantity: str
    what: str
    unit_price: Decimal | None = None
    per: str = ""


@dataclass(frozen=True)
class EntryLine:
    """One line. `amount` is None while there is no price; `free` says why it costs nothing."""

    label: str
    model: str
    provider: str
    charges: list[Charge]
    amount: Decimal | None
    free: str = ""


def entry_lines(entry: LedgerEntry) -> list[EntryLine]:
    """The lines of an entry. Unit prices are told where they give the very amount that was charged."""
    rates = rates_of(entry.price_book, overrides_at(entry.tenant, entry.started_at, entry.currency))
    return [_line(line, rates) for line in entry.lines if not _is_silent(line)]


def _is_silent(line: dict[str, Any]) -> bool:
    """What Media Bot used and nobody is charged for: it is the platform's cost and no matter of its customer's."""
    return line["model"].endswith(BESIDE) and line["amount"] is not None and not Decimal(line["amount"])


def _line(line: dict[str, Any], rates: Rates) -> EntryLine:
    amount = None if line["amount"] is None else Decimal(line["amount"])
    kind = line["kind"]
    return EntryLine(
        label=str(Kind(kind).label) if kind in Kind.values else str(Part.PLATFORM.label),
        model=_model(line["model"]),
        provider=line["provider"],
        charges=_charges(line, amount, rates),
        amount=amount,
        free=line.get("free", ""),
    )


def _model(name: str) -> str:
    return gettext("%(model)s, Media Bot") % {"model": base_of(name)} if name.endswith(BESIDE) else name


def _charges(line: dict[str, Any], amount: Decimal | None, rates: Rates) -> list[Charge]:
    quantities = {name: text for name, text in line["quantities"].items() if Decimal(text)}
    tariff = _tariff(line, amount, rates)
    return [_charge(name, text, tariff) for name, text in quantities.items()]


def _tariff(line: dict[str, Any], amount: Decimal | None, rates: Rates) -> Tariff | None:
    """The tariff that the line was charged by; None where another one must have held."""
    tariff = rates.of(line["kind"], line["provider"], line["model"])
    if tariff is None or amount is None:
        return None
    counted = {name: quantity_read(text) for name, text in line["quantities"].items()}
    charged = tariff.charge(counted)
    return tariff if charged is not None and Decimal(charged) / MICRO == amount else None


def _charge(name: str, text: str, tariff: Tariff | None) -> Charge:
    quantity = Decimal(text)
    places = max(0, -int(quantity.normalize().as_tuple().exponent))
    written, what = number_format(quantity, min(places, 6), force_grouping=True), str(QUANTITIES.get(name, name))
    if tariff is None or name not in tariff.charges:
        return Charge(written, what)
    rate, size = tariff.charges[name]
    unit = next((Unit(unit).label for unit, counted in UNITS.items() if counted == (name, size)), what)
    return Charge(written, what, Decimal(rate) / RATE_SCALE, str(unit))
