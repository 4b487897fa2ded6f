"""POST /billing/calls: what the worker sends is what Billing takes, and its answers are what the OpenAPI schema says."""

from typing import Any

import pytest

from agents_worker.contracts import BillingReport
from apps.billing.payloads import CallReport
from tests.billing.factories import bill_post, report_of
from tests.contracts.openapi import schema_check

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("acme")]


def test_the_workers_report_is_taken_whole() -> None:
    report = report_of()
    sent = BillingReport.model_validate(report).model_dump(mode="json")
    answer = bill_post(sent)
    assert answer.status_code == 201
    assert bill_post(report).status_code == 200
    assert CallReport.model_validate(sent).content_hash() == CallReport.model_validate(report).content_hash()


@pytest.mark.parametrize("reason", BillingReport.model_fields["ended_reason"].annotation.__args__)  # type: ignore[union-attr]
def test_every_reason_of_the_worker_is_known(reason: str) -> None:
    assert bill_post(report_of(ended_reason=reason)).status_code == 201


@pytest.mark.parametrize(
    "changes", [{}, {"usage": []}, {"started_at": "2019-01-01T00:00:00Z", "ended_at": "2019-01-01T00:02:00Z"}]
)
def test_answers_are_as_promised(changes: dict[str, Any]) -> None:
    report = report_of(**changes)
    for body in (report, report, {**report, "duration": 3}, {**report, "duration": -3}, {**report, "usage": 1}):
        schema_check(bill_post(body), "/billing/calls", "post")
    schema_check(bill_post(report, tenant="vanished"), "/billing/calls", "post")
