"""What other apps know about agents, asked through registries that config/wiring.py fills. Compass imports none of them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

Price = tuple[str, str, str, str]  # part, provider, model, unit: as a price book writes them


@dataclass(frozen=True)
class Number:
    """A number whose callers or contacts an agent answers. `shown` is how people read it."""

    channel: str
    shown: str


@dataclass(frozen=True)
class PriceTable:
    """What customers pay for a unit, in one currency."""

    currency: str = "USD"
    prices: dict[Price, Decimal] = field(default_factory=dict)

    def get(self, part: str, provider: str, model: str, unit: str) -> Decimal | None:
        """The price, or None where there is none."""
        return self.prices.get((part, provider, model, unit))


Numbers = Callable[[Iterable[UUID]], dict[UUID, list[Number]]]
Counts = Callable[[Iterable[UUID]], dict[UUID, int]]
_numbers: list[Numbers] = []
_calls: list[Counts] = []
_prices: list[Callable[[], PriceTable]] = []
_teams: list[Callable[[], list[tuple[str, str]]]] = []


def numbers_register(source: Numbers) -> None:
    """Adds a source of numbers by agent."""
    _numbers.append(source)


def calls_register(source: Counts) -> None:
    """Says where the calls of the last seven days are counted, by agent."""
    _calls[:] = [source]


def prices_register(source: Callable[[], PriceTable]) -> None:
    """Says where today's prices come from."""
    _prices[:] = [source]


def teams_register(source: Callable[[], list[tuple[str, str]]]) -> None:
    """Says which teams (slug, name) there are to hand over to."""
    _teams[:] = [source]


def numbers_of(agent_ids: Iterable[UUID]) -> dict[UUID, list[Number]]:
    """The numbers that point to each of these agents."""
    wanted, found = list(agent_ids), dict[UUID, list[Number]]()
    for source in _numbers:
        for agent_id, numbers in source(wanted).items():
            found.setdefault(agent_id, []).extend(numbers)
    return found


def calls_of(agent_ids: Iterable[UUID]) -> dict[UUID, int]:
    """How many calls each of these agents had in the last seven days."""
    return _calls[0](list(agent_ids)) if _calls else {}


def prices_now() -> PriceTable:
    """The prices in effect; an empty table where nobody sells anything."""
    return _prices[0]() if _prices else PriceTable()


def teams_now() -> list[tuple[str, str]]:
    """The teams (slug, name) of the current tenant."""
    return _teams[0]() if _teams else []
