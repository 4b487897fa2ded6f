"""The inbox: nothing acknowledged is lost, nothing is done twice."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.core import inbox
from apps.core.errors import Ignored, PermanentError, TransientError
from apps.core.inbox import Item, inbox_drain, inbox_store
from apps.core.mail import MAX_ATTEMPTS, claim_some
from apps.core.models import InboundEvent
from apps.tenants.models import Tenant

pytestmark = pytest.mark.django_db


@pytest.fixture
def heard() -> Iterator[list[tuple[str, str]]]:
    """A provider whose events name their tenant; what was handled is listed as (schema, external id)."""
    seen: list[tuple[str, str]] = []

    def listen(event: InboundEvent) -> None:
        seen.append((connection.schema_name, event.external_id))
        if error := event.payload.get("error"):
            raise {"transient": TransientError, "permanent": PermanentError, "ignored": Ignored, "bug": KeyError}[error](
                "because"
            )

    inbox.provider_register("testing", tenant_of=lambda event: event.payload.get("tenant"), unrouted=listen)
    inbox.handler("testing", "ping")(listen)
    yield seen
    inbox._providers.pop("testing")
    inbox._handlers.pop(("testing", "ping"))


def store(external_id: str, **payload: str) -> None:
    inbox_store("testing", [Item(external_id, "ping", payload)])


def state_of(external_id: str) -> InboundEvent:
    return InboundEvent.objects.get(provider="testing", external_id=external_id)


def test_event_is_handled_in_its_tenant(heard: list, acme: Tenant, django_capture_on_commit_callbacks) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        store("1", tenant="acme")
    assert heard == [("acme", "1")]
    assert (state_of("1").state, state_of("1").schema_name) == ("done", "acme")


def test_duplicate_is_stored_and_handled_once(heard: list) -> None:
    store("1", tenant="acme")
    store("1", tenant="acme")
    inbox_drain()
    inbox_drain()
    assert heard == [("acme", "1")]
    assert InboundEvent.objects.filter(provider="testing").count() == 1


def test_event_without_tenant_goes_to_the_unrouted_handler(heard: list) -> None:
    store("1")
    inbox_drain()
    assert heard == [("public", "1")]


def test_unknown_kind_is_ignored_with_a_reason(heard: list) -> None:
    inbox_store("testing", [Item("1", "unheard_of", {"tenant": "acme"})])
    inbox_drain()
    assert state_of("1").state == "ignored"
    assert "unheard_of" in state_of("1").note


@pytest.mark.parametrize(
    ("error", "state"), [("ignored", "ignored"), ("permanent", "dead"), ("transient", "pending"), ("bug", "pending")]
)
def test_outcome_is_recorded(heard: list, error: str, state: str) -> None:
    store("1", tenant="acme", error=error)
    inbox_drain()
    assert state_of("1").state == state
    assert "because" in state_of("1").note


def test_failing_event_is_retried_with_backoff_and_given_up(heard: list) -> None:
    store("1", tenant="acme", error="transient")
    for attempt in range(1, MAX_ATTEMPTS + 1):
        InboundEvent.objects.filter(provider="testing").update(available_at=timezone.now())
        inbox_drain()
        event = state_of("1")
        assert event.attempts == attempt
        if attempt < MAX_ATTEMPTS:
            assert event.available_at > timezone.now()
    assert event.state == "dead"
    assert "Given up after" in event.note


def test_event_of_a_killed_worker_is_taken_up_again(heard: list) -> None:
    store("1", tenant="acme")
    long_ago = timezone.now() - timedelta(minutes=5)
    InboundEvent.objects.filter(provider="testing").update(state="processing", attempts=1, available_at=long_ago)
    inbox_drain()
    assert state_of("1").state == "done"


def test_late_worker_cannot_overwrite_the_next_claim(heard: list) -> None:
    from apps.core.mail import claim, work

    store("1", tenant="acme")
    slow = claim(InboundEvent)
    assert slow is not None
    InboundEvent.objects.filter(pk=slow.pk).update(available_at=timezone.now() - timedelta(seconds=1))
    fast = claim(InboundEvent)
    assert fast is not None
    work(fast, lambda: None)

    def fail() -> None:
        raise PermanentError("too late")

    work(slow, fail)
    assert state_of("1").state == "done"


@pytest.fixture
def kept(heard: list) -> Iterator[None]:
    """Events of the kind `keep` write another event, and may fail after that."""

    def keep(event: InboundEvent) -> None:
        InboundEvent.objects.create(
            provider="testing", external_id=f"of {event.external_id}", kind="made", payload={}, state="done"
        )
        if event.payload.get("slow"):
            InboundEvent.objects.filter(pk=event.pk).update(attempts=F("attempts") + 1)  # as its next claimant does
        if event.payload.get("error"):
            raise TransientError("because")

    inbox.handler("testing", "keep", whole=True)(keep)
    yield
    inbox._handlers.pop(("testing", "keep"))
    inbox._whole.discard(("testing", "keep"))


@pytest.mark.parametrize(
    ("payload", "state", "made"),
    [({}, "done", True), ({"error": "transient"}, "pending", False), ({"slow": "yes"}, "processing", False)],
    ids=["done", "failed", "claimed by another meanwhile"],
)
def test_what_a_whole_event_did_and_its_end_are_there_together(kept: None, payload: dict, state: str, made: bool) -> None:
    inbox_store("testing", [Item("1", "keep", {"tenant": "acme", **payload})])
    inbox_drain()
    assert state_of("1").state == state
    assert InboundEvent.objects.filter(external_id="of 1").exists() is made


def test_a_burst_is_claimed_in_one_statement_and_in_its_order(heard: list) -> None:
    inbox_store("testing", [Item(str(number), "ping", {"tenant": "acme"}) for number in range(4)])
    with CaptureQueriesContext(connection) as seen:
        assert inbox.inbox_drain_on() == 4
    assert heard == [("acme", str(number)) for number in range(4)]
    assert sum("due AS MATERIALIZED" in query["sql"] for query in seen.captured_queries) == 1


def test_an_event_that_was_tried_before_takes_no_other_along(heard: list) -> None:
    inbox_store("testing", [Item(name, "ping", {"tenant": "acme"}) for name in ("tried", "new")])
    InboundEvent.objects.filter(external_id="tried").update(attempts=1, available_at=timezone.now() - timedelta(hours=1))
    events, more = claim_some(InboundEvent, 4)
    assert ([event.external_id for event in events], more) == (["new"], True)
    assert inbox.inbox_drain_on() == 1
    assert heard == [("acme", "tried")]
