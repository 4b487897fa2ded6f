"""Who answers a number: mapping, business hours, out of hours, and the templates of its account."""

from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import connection
from django_tenants.utils import schema_context, tenant_context

from apps.core.errors import PermanentError
from apps.core.hours import hours_open
from apps.core.models import InboundEvent
from apps.desktop.models import Conversation, Team
from apps.tenants.models import Route
from apps.whatsapp.models import AgentPhoneMapping, Template, Turn
from apps.whatsapp.services.numbers import mapping_set
from apps.whatsapp.tasks import templates_sync_task
from tests.compass.factories import agent_published
from tests.whatsapp.meta import NUMBER, WABA, Graph, deliver, recorded, said, work

pytestmark = pytest.mark.django_db
HOURS = {"mon": [["09:00", "12:00"], ["13:00", "17:00"]], "fri": [["22:00", "06:00"]], "sun": [["00:00", "24:00"]]}
MONDAY = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "clock", "zone", "is_open"),
    [
        (0, "09:00", "UTC", True),
        (0, "08:59", "UTC", False),
        (0, "12:00", "UTC", False),
        (0, "16:59", "UTC", True),
        (0, "17:00", "UTC", False),
        (0, "08:30", "Europe/Berlin", True),
        (0, "16:30", "Europe/Berlin", False),
        (1, "10:00", "UTC", False),
        (4, "21:59", "UTC", False),
        (4, "23:00", "UTC", True),
        (5, "05:59", "UTC", True),
        (5, "06:00", "UTC", False),
        (6, "23:59", "UTC", True),
        (6, "00:00", "UTC", True),
        (0, "10:00", "Nowhere/Land", True),
    ],
)
def test_hours(day: int, clock: str, zone: str, is_open: bool) -> None:
    hour, minute = map(int, clock.split(":"))
    assert hours_open(HOURS, MONDAY + timedelta(days=day, hours=hour, minutes=minute), zone) is is_open


def test_no_hours_is_always_open() -> None:
    assert hours_open({}, MONDAY, "UTC")


def mapped(**more: Any) -> AgentPhoneMapping:
    return mapping_set(phone_number_id=NUMBER, business_hours={"mon": [["09:00", "17:00"]]}, **more)


def at_night(text: str = "Hello?", hours: int = 20) -> Conversation:
    with time_machine.travel(MONDAY + timedelta(hours=hours), tick=False):
        deliver(said(text))
        work()
    return Conversation.objects.get()


def test_out_of_hours_the_team_takes_over_from_the_agent(number: Any, graph: Graph) -> None:
    mapped(agent_id=number.agent_id, team="support", out_of_hours="team", out_of_hours_text="We open at nine.")
    conversation = at_night()
    assert (conversation.status, conversation.team.slug) == ("open", "support")
    assert graph.texts == ["We open at nine."]


def test_out_of_hours_an_agent_takes_over_from_the_team(team_number: Any, graph: Graph) -> None:
    agent = agent_published("night")
    mapped(team="support", out_of_hours="agent", out_of_hours_agent_id=agent.pk)
    assert at_night().agent_id == agent.pk
    assert Turn.objects.get().agent_id == agent.pk


def test_out_of_hours_the_contact_is_told_once(team_number: Any, graph: Graph) -> None:
    mapped(team="support", out_of_hours="message", out_of_hours_text="We are closed.")
    at_night("Hello?")
    at_night("Anybody?", hours=21)
    assert graph.texts == ["We are closed."]
    at_night("Good morning", hours=24 + 5)
    assert graph.texts == ["We are closed."] * 2


def test_a_delivery_that_is_days_late_is_kept_and_not_answered(team_number: Any, graph: Graph) -> None:
    mapped(team="support", out_of_hours="message", out_of_hours_text="We are closed.")
    with time_machine.travel(MONDAY + timedelta(hours=20), tick=False):
        deliver(said("Hello?", at=(MONDAY - timedelta(days=2)).timestamp()))
        work()
    assert Conversation.objects.get().unread == 1
    assert graph.sent == []


def test_within_hours_nothing_is_told(team_number: Any, graph: Graph) -> None:
    mapped(team="support", out_of_hours="message", out_of_hours_text="We are closed.")
    at_night(hours=10)
    assert graph.sent == []


def test_same_answers_at_any_time(number: Any, graph: Graph) -> None:
    mapped(agent_id=number.agent_id, team="support")
    assert at_night().status == "pending"


def test_a_team_that_was_deleted_is_everybody(team_number: Any, graph: Graph) -> None:
    Team.objects.all().delete()
    assert at_night().team is None


def test_mapping_makes_the_route(number: Any) -> None:
    route = Route.objects.get(kind="whatsapp_number", external_id=NUMBER)
    assert route.tenant.schema_name == "acme"


def test_a_number_of_another_tenant_cannot_be_had(number: Any, globex: Any) -> None:
    with tenant_context(globex), pytest.raises(PermanentError, match="belongs to another tenant already"):
        mapping_set(phone_number_id=NUMBER, agent_id=agent_published().pk)
    with tenant_context(globex):
        assert not AgentPhoneMapping.objects.exists()


def test_a_token_is_encrypted_and_stays_when_not_given(number: Any) -> None:
    mapped(team="support", access_token="secret-token")
    mapped(team="support")
    assert AgentPhoneMapping.objects.get().access_token == "secret-token"
    with connection.cursor() as cursor:
        cursor.execute("SELECT access_token FROM whatsapp_agentphonemapping")
        assert "secret-token" not in cursor.fetchone()[0]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"phone_number_id": "+1 555"}, "digits only"),
        ({"team": ""}, "Say who answers"),
        ({"team": "nobody"}, "There is no team “nobody”"),
        ({"agent_id": "0198c0de-0000-7000-8000-000000000001"}, "There is no such agent"),
        ({"business_hours": {"monday": []}}, "“monday” is no day"),
        ({"business_hours": {"mon": [["9", "x"]]}}, "hours of mon cannot be read"),
        ({"business_hours": {"mon": [5]}}, "hours of mon cannot be read"),
        ({"timezone_name": "Mars/Base"}, "no time zone"),
        ({"out_of_hours": "never"}, "Out of hours is one of"),
        ({"out_of_hours": "message"}, "Write what contacts are told"),
    ],
)
def test_what_cannot_be_mapped_says_why(team_number: Any, changes: Any, words: str) -> None:
    with pytest.raises(PermanentError, match=words):
        mapping_set(**{"phone_number_id": NUMBER, "team": "support", **changes})


def run(*words: str) -> str:
    out = StringIO()
    with schema_context("public"):
        call_command("whatsapp_number_set", *words, stdout=out)
    return out.getvalue()


def test_the_command_maps_a_number(number: Any, graph: Graph) -> None:
    graph.templates = [{"name": "hi", "language": "en", "status": "APPROVED", "id": "1", "components": []}]
    printed = run("acme", NUMBER, "--agent", "reception", "--team", "support", "--waba", WABA, "--number", "+1 555 010 0001")
    assert "+1 555 010 0001 is answered by agent reception." in printed
    assert "1 templates." in printed
    assert AgentPhoneMapping.objects.get().display_number == "+1 555 010 0001"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["nowhere", NUMBER, "--team", "support"], "There is no tenant “nowhere”"),
        (["acme", NUMBER, "--agent", "nobody"], "There is no agent “nobody”"),
        (["acme", NUMBER], "Say who answers"),
        (["acme", NUMBER, "--team", "support", "--hours", "{"], "The hours cannot be read"),
    ],
)
def test_the_command_says_what_is_wrong(team_number: Any, words: list[str], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        run(*words)


def test_templates_are_synced_over_pages_and_forgotten_when_gone(number: Any, graph: Graph) -> None:
    rows = [{"name": f"t{n}", "language": "en", "status": "APPROVED", "id": str(n), "components": []} for n in range(5)]
    graph.templates = [*rows, {"name": "broken"}]
    templates_sync_task()
    assert Template.objects.count() == 5
    graph.templates = [{**rows[0], "status": "PAUSED"}]
    templates_sync_task()
    assert list(Template.objects.values_list("name", "status")) == [("t0", "PAUSED")]
    assert ("GET", f"/v26.0/{WABA}/message_templates") in graph.calls


def test_templates_stay_when_meta_is_away(number: Any, graph: Graph, meta_settings: Any) -> None:
    Template.objects.create(waba_id=WABA, name="t", language="en", status="APPROVED")
    meta_settings.WHATSAPP_GRAPH_URL = "http://127.0.0.1:1"
    templates_sync_task()
    assert Template.objects.count() == 1


def test_templates_are_fetched_as_soon_as_meta_tells_of_them(
    number: Any, graph: Graph, django_capture_on_commit_callbacks: Any
) -> None:
    graph.templates = [{"name": "news", "language": "en", "status": "APPROVED", "id": "1", "components": []}]
    with django_capture_on_commit_callbacks(execute=True):
        deliver(recorded("template_status"))
        work()
    assert list(Template.objects.values_list("name", "status")) == [("news", "APPROVED")]
    assert InboundEvent.objects.get().state == "done"


def test_news_of_an_account_nobody_here_has_fetch_nothing(
    number: Any, graph: Graph, django_capture_on_commit_callbacks: Any
) -> None:
    AgentPhoneMapping.objects.update(waba_id="999")
    with django_capture_on_commit_callbacks(execute=True):
        deliver(recorded("template_status"))
        work()
    assert not graph.calls
