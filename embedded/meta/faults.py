"""What can be made to go wrong, by the page's drawer or POST /pretend/faults."""

from dataclasses import asdict, dataclass
from typing import Any


class ControlError(Exception):
    """A request to the contact's side that makes no sense; the message says what would."""


@dataclass
class Faults:
    """Switches and counters; a counter goes down with every use.

    duplicate: every webhook comes twice, at the same time · reorder: webhooks overtake each other · delay_ms: each comes later ·
    lose: the next webhooks get lost and come with the retry · fail_code, fail_count: the next Graph calls are refused with the
    code · status_code, status_count: the next messages are accepted and fail later with the code · cut: the next sends are
    accepted, but the connection breaks before the answer · at_once: a closed window and an unknown recipient are refused at
    once; Meta itself accepts and fails later · limits: Meta's limits per number and pair.
    """

    duplicate: bool = False
    reorder: bool = False
    delay_ms: int = 0
    lose: int = 0
    fail_code: int = 0
    fail_count: int = 0
    status_code: int = 0
    status_count: int = 0
    cut: int = 0
    at_once: bool = False
    limits: bool = True

    def set(self, wanted: dict[str, Any]) -> None:
        """Change what is named; `fail_next` and `status_fail` may be {code, count}. Raises ControlError."""
        flat = {name: value for name, value in wanted.items() if name not in ("fail_next", "status_fail")}
        for name, prefix in (("fail_next", "fail"), ("status_fail", "status")):
            if name in wanted:
                flat |= _pair(wanted[name], prefix)
        kinds = {name: type(value) for name, value in self.shown().items()}
        for name, value in flat.items():
            if name not in kinds:
                raise ControlError(f"There is no fault {name!r}; there are {', '.join(kinds)}.")
            if type(value) is not kinds[name] or (kinds[name] is int and value < 0):
                raise ControlError(f"The fault {name!r} takes {'true or false' if kinds[name] is bool else 'a whole number'}.")
        for name, value in flat.items():
            setattr(self, name, value)

    def take(self, counter: str) -> bool:
        """Whether a counted fault strikes now; it is used up by one."""
        left = getattr(self, counter)
        if left:
            setattr(self, counter, left - 1)
        return bool(left)

    def shown(self) -> dict[str, Any]:
        """Return all of them as they are."""
        return asdict(self)


def _pair(value: Any, prefix: str) -> dict[str, Any]:
    if not value:
        return {f"{prefix}_code": 0, f"{prefix}_count": 0}
    if isinstance(value, int):
        return {f"{prefix}_code": value, f"{prefix}_count": 1}
    if not isinstance(value, dict) or "code" not in value:
        raise ControlError("This fault takes a code, or an object with code and count.")
    return {f"{prefix}_code": value["code"], f"{prefix}_count": value.get("count", 1)}
