"""What an owner's addresses are asked with: the client of the tools, which reaches no private network."""

from apps.compass.client import Call, RequestFailed, exchange
from apps.compass.guard import Blocked
from apps.tenants.outside import Ask, OutsideError, Reply, outside_register


def owners_ask() -> None:
    """Registers it."""
    outside_register(_fetch)


def _fetch(ask: Ask, timeout: float) -> Reply:
    try:
        answer = exchange(Call(ask.method, ask.url, dict(ask.headers), ask.body), timeout=timeout)
    except Blocked as error:
        raise OutsideError("The address leads into a private network, which is not reached from here.") from error
    except RequestFailed as error:
        raise OutsideError(str(error)) from error
    return Reply(answer.status, answer.headers, answer.body)
