"""The `turns` queue: one task for each turn, on threads, since a turn mostly waits."""

from typing import Any

from celery import shared_task

from apps.core.tasks import TenantTask
from apps.herald import stopping  # noqa: F401  it listens to the worker
from apps.herald.payloads import TurnRequest
from apps.herald.services import turn_run


# Acknowledged at its start: a turn whose worker was killed is the channel's to give up, and must not come back an hour later.
@shared_task(base=TenantTask, queue="turns", acks_late=False)
def herald_turn_task(turn: dict[str, Any], token: str) -> str:
    """Runs one turn to its end; every failure ends in a `done` that calls for a person."""
    return turn_run(turn=TurnRequest.model_validate(turn), token=token)
