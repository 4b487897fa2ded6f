"""The plans that Meridian comes with, made where there are none. Yours go in as new plans; these can be retired."""

from typing import Any

from apps.billing.models.money import Meter

PLANS: list[dict[str, Any]] = [
    {
        "code": "starter",
        "name": "Starter",
        "description": "To try things out: no fee, you pay for what you use above what is included.",
        "fee": "0",
        "seat_price": "10",
        "included_seats": 2,
        "trial_days": 0,
        "inclusions": {Meter.CALL_MINUTES: "30", Meter.AI_TURNS: "200", Meter.MESSAGES: "50"},
    },
    {
        "code": "team",
        "name": "Team",
        "description": "For a desk that answers every day.",
        "fee": "49",
        "seat_price": "12",
        "included_seats": 5,
        "trial_days": 14,
        "inclusions": {Meter.CALL_MINUTES: "300", Meter.AI_TURNS: "2000", Meter.MESSAGES: "200"},
    },
    {
        "code": "business",
        "name": "Business",
        "description": "For several teams, and many calls at once.",
        "fee": "299",
        "seat_price": "10",
        "included_seats": 20,
        "trial_days": 14,
        "inclusions": {Meter.CALL_MINUTES: "2000", Meter.AI_TURNS: "15000", Meter.MESSAGES: "1000"},
    },
]
