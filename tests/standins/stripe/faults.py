"""How a call can fail."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["500", "500_after", "drop", "drop_after", "late_after", "429"]


@dataclass
class Fault:
    """The next `times` calls that match `METHOD /path` go wrong, after letting `skip` of them pass.

    `500` nothing happened; `500_after` it happened and Stripe says 500; `drop` and `drop_after` the same without an answer;
    `late_after` it happened and the answer comes after `seconds`; `429` nothing happened.
    """

    call: str
    kind: Kind
    times: int = 1
    skip: int = 0
    seconds: float = 5.0

    def hits(self, call: str) -> bool:
        """True when this call fails; counts it."""
        if self.times <= 0 or not re.fullmatch(self.call, call):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.times -= 1
        return True
