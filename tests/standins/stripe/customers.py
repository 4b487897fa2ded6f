"""Customers, their tax ids, and the portal where they change their cards."""

from __future__ import annotations

from tests.standins.stripe.state import State
from tests.standins.stripe.wire import Json, StripeProblem, found, page, required, since

FIELDS = ("email", "name", "address", "preferred_locales")


class Customers:
    """`/v1/customers` and `/v1/billing_portal`."""

    def __init__(self, state: State) -> None:
        self.state = state

    def answer(self, method: str, parts: list[str], params: Json) -> Json:
        if parts[0] == "billing_portal":
            return self._portal(params)
        if len(parts) == 1:
            return self._create(params) if method == "POST" else self._list(params)
        if parts[1] == "search":
            rows = [row for row in self.state.rows("customer") if row["id"] in self.state.searchable]
            return found("/v1/customers/search", rows, params)
        row = self.state.get("customer", parts[1])
        if len(parts) > 2:
            return self._tax_ids(method, row, parts[3:], params)
        if method == "POST":
            self._change(row, params)
            self.state.tell("customer.updated", row)
        return row

    def _create(self, params: Json) -> Json:
        row = self.state.make("customer", balance=0, invoice_settings={"default_payment_method": None}, default_source=None)
        self._change(row, params)
        for datum in params.get("tax_id_data") or []:
            self._tax_id(row, datum)
        self.state.tell("customer.created", row)
        return row

    def _change(self, row: Json, params: Json) -> None:
        if "@" not in params.get("email", "@"):
            raise StripeProblem(400, f"Invalid email address: {params['email']}", code="email_invalid", param="email")
        row |= {name: params[name] or None for name in FIELDS if name in params}
        row["metadata"] |= params.get("metadata") or {}

    def _list(self, params: Json) -> Json:
        return page("/v1/customers", since(self.state.rows("customer", email=params.get("email")), params), params)

    def _tax_ids(self, method: str, row: Json, rest: list[str], params: Json) -> Json:
        url = f"/v1/customers/{row['id']}/tax_ids"
        if not rest:
            return self._tax_id(row, params) if method == "POST" else page(url, self._of(row), params)
        found_id = self.state.get("tax_id", rest[0])
        if method == "DELETE":
            del self.state.tables["tax_id"][rest[0]]
            return {"id": rest[0], "object": "tax_id", "deleted": True}
        return found_id

    def _of(self, row: Json) -> list[Json]:
        return self.state.rows("tax_id", customer=row["id"])

    def _tax_id(self, row: Json, params: Json) -> Json:
        kind, value = required(params, "type"), required(params, "value")
        if kind == "eu_vat" and not value[:2].isalpha():
            raise StripeProblem(400, f"Invalid value for {kind}.", code="tax_id_invalid", param="value")
        return self.state.make("tax_id", customer=row["id"], type=kind, value=value)

    def _portal(self, params: Json) -> Json:
        row = self.state.get("customer", required(params, "customer"))
        session = self.state.make("billing_portal.session", customer=row["id"], return_url=params.get("return_url"))
        session["url"] = f"https://billing.stripe.test/p/session/{session['id']}"
        return session
