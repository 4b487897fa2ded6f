"""Many ask at once: no more is admitted than one after another would be, and nobody waits in a circle."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from apps.billing.services.limits import spend_release
from apps.tenants.models import Tenant
from tests.billing.limits import AGENT, OTHER_AGENT, limit, reserve, spend, states, window

pytestmark = pytest.mark.django_db(transaction=True)
D = Decimal


def _at_once(tasks: list[Callable[[], Any]]) -> list[Any]:
    def run(task: Callable[[], Any]) -> Any:
        try:
            return task()
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(run, tasks))


def test_two_who_ask_at_once_do_not_both_get_the_last_of_it(acme: Tenant) -> None:
    month, agent = limit(acme, "5"), limit(acme, "3", scope="agent", agent_id=AGENT)
    answers = _at_once([lambda n=n: reserve(acme, f"call-{n}", "1").admitted for n in range(24)])
    assert sum(answers) == 3
    assert (window(month), window(agent)) == ((D(0), D(3)), (D(0), D(3)))


def test_questions_reports_and_releases_at_once_leave_the_sums_true(acme: Tenant) -> None:
    limits = [
        limit(acme, "1000", period=period, **scope)
        for period in ("day", "month")
        for scope in ({}, {"scope": "agent", "agent_id": AGENT}, {"scope": "channel", "channel": "sip"})
    ]
    tasks: list[Callable[[], Any]] = []
    for n in range(16):
        agent, channel = (AGENT, OTHER_AGENT)[n % 2], ("sip", "webrtc")[n // 2 % 2]
        tasks.append(lambda n=n, a=agent, c=channel: reserve(acme, f"call-{n}", "2", agent_id=a, channel=c))
        tasks.append(lambda n=n, a=agent, c=channel: spend(acme, "1", f"call-{n}", agent_id=a, channel=c))
        if n % 4 == 0:
            tasks.append(lambda n=n: spend_release(tenant_id=acme.pk, source_type="call", source_id=f"call-{n}"))
    _at_once(tasks)
    assert "held" not in states().values()
    assert [window(one) for one in limits] == [(D(16), D(0)), (D(8), D(0)), (D(8), D(0))] * 2


def test_the_same_source_asked_many_times_at_once_is_held_once(acme: Tenant) -> None:
    month = limit(acme, "5")
    assert all(_at_once([lambda: reserve(acme, "one", "1").admitted for _ in range(12)]))
    assert window(month) == (D(0), D(1))
