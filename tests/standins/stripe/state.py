"""What the pretend Stripe knows: objects by id, in the order they were made, and the events they caused."""

from __future__ import annotations

import copy
import itertools
import time
from collections.abc import Callable
from typing import Any

from tests.standins.stripe.wire import Json, missing

API_VERSION = "2026-10-28.endive"
KINDS = {
    "customer": "cus",
    "tax_id": "txi",
    "invoiceitem": "ii",
    "invoice": "in",
    "credit_note": "cn",
    "payment_intent": "pi",
    "invoice_payment": "inpay",
    "dispute": "du",
    "billing_portal.session": "bps",
    "event": "evt",
}


class State:
    """Tables and events. `clock` gives the seconds that new objects carry."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[str, Json]] = {kind: {} for kind in KINDS}
        self.clock: Callable[[], float] = time.time
        self.searchable: set[str] = set()
        self.pending: list[Json] = []
        self._numbers = itertools.count(1)

    def make(self, kind: str, **fields: Any) -> Json:
        """A new object of a kind."""
        key = f"{KINDS[kind]}_{next(self._numbers):06d}pretend"
        row = {"id": key, "object": kind, "created": int(self.clock()), "livemode": False, "metadata": {}, **fields}
        self.tables[kind][key] = row
        return row

    def get(self, kind: str, key: Any) -> Json:
        """An object, or Stripe's 404."""
        row = self.tables[kind].get(str(key))
        if row is None:
            raise missing(kind, str(key))
        return row

    def rows(self, kind: str, **wanted: Any) -> list[Json]:
        """Objects with these values, oldest first; None does not filter."""
        asked = {name: value for name, value in wanted.items() if value is not None}
        return [row for row in self.tables[kind].values() if all(row.get(name) == value for name, value in asked.items())]

    def tell(self, kind: str, about: Json) -> Json:
        """Something happened: an event that waits to be delivered, with the object as it is now."""
        event = self.make("event", type=kind, api_version=API_VERSION, data={"object": copy.deepcopy(about)})
        event |= {"pending_webhooks": 1, "request": {"id": None, "idempotency_key": None}}
        self.pending.append(event)
        return event

    def index(self) -> None:
        """Search sees what there is now; until then it lags behind."""
        self.searchable = {key for table in self.tables.values() for key in table}
