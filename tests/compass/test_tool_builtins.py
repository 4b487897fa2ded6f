"""Built-in tools of the apps: who may have them, their options, and what they do or say when they cannot."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.calls import livekit
from apps.calls.models import Call
from apps.compass.registry import ToolContext, ToolFailed
from apps.compass.selectors import agent_config, agent_for_call
from apps.compass.services import ConfigInvalid
from apps.compass.tools import tool_run
from apps.desktop.models import Contact, Conversation, Message
from apps.desktop.services.contacts import contact_upsert
from apps.desktop.services.conversations import conversation_open
from apps.desktop.services.messages import message_receive
from apps.desktop.services.team import team_create
from apps.whatsapp.models import Template, Turn
from apps.whatsapp.services.numbers import mapping_set
from tests.calls.fake_livekit import FakeLiveKit
from tests.compass.factories import agent_published
from tests.pages.factories import call_make

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_acme")]
NUMBER = "+4915112345678"
LINE = "1000000077"


def builtin(name: str, **options: Any) -> dict[str, Any]:
    return {"kind": "builtin", "name": name, "options": options}


def run(agent: Any, name: str, subject: Any, arguments: dict[str, Any], kind: str = "call") -> Any:
    context = ToolContext("acme", str(agent.pk), kind, str(subject.pk))
    return tool_run(version=agent_for_call(agent.pk), name=name, arguments=arguments, context=context)


def phoned(**fields: Any) -> Call:
    values = {"channel": "sip", "from_number": NUMBER, "to_number": "+12125550100", "caller_identity": "sip_1", **fields}
    return call_make(lasted=None, **values)


@pytest.fixture
def lk(monkeypatch: Any) -> FakeLiveKit:
    fake = FakeLiveKit()
    monkeypatch.setattr(livekit, "client", lambda: fake)
    return fake


TRANSFER = builtin("transfer", targets=["Sales: +493012345678", "Desk:sip:100@pbx.example"])


def test_calls_and_chats_get_what_is_for_them() -> None:
    agent = agent_published(tools=[builtin("end_call"), TRANSFER, builtin("send_whatsapp"), builtin("collect", fields=["a"])])
    version = agent_for_call(agent.pk)
    assert [tool["name"] for tool in agent_config(version)["tools"]] == ["end_call", "transfer", "send_whatsapp", "collect"]
    assert [tool["name"] for tool in agent_config(version, subject="turn")["tools"]] == ["collect"]
    assert agent_config(version)["tools"][1]["parameters"]["properties"]["to"]["enum"] == ["Sales", "Desk"]
    assert "+4930" not in str(agent_config(version)["tools"])


@pytest.mark.parametrize(
    ("tool", "words"),
    [
        (
            builtin("transfer"),
            "nothing is written under “Whom callers can be put through to” of “Put through by phone”. One a line",
        ),
        (builtin("transfer", targets=["Sales: 12 34"]), "“Sales: 12 34” does not fit under “Whom callers can be put through to”"),
        (builtin("collect", more=1), "the settings of collect do not fit"),
        (builtin("send_whatsapp", template=7), "“7” does not fit under “Template for callers who have not written lately”"),
    ],
    ids=["missing", "array", "unknown", "type"],
)
def test_options_that_do_not_fit(tool: Any, words: str) -> None:
    with pytest.raises(ConfigInvalid, match=words):
        agent_published(tools=[tool])


def test_a_phone_call_is_put_through(lk: FakeLiveKit) -> None:
    agent, call = agent_published(tools=[TRANSFER]), phoned()
    assert run(agent, "transfer", call, {"to": "Sales"}) == {"transferred_to": "Sales"}
    assert lk.transfers == [(call.room_name, "sip_1", "tel:+493012345678")]
    call.refresh_from_db()
    assert (call.state, call.ended_reason, call.detail) == ("completed", "transferred", "Put through to Sales.")
    with pytest.raises(ToolFailed, match="not on the line"):
        run(agent, "transfer", call, {"to": "Desk"})


def test_a_transfer_that_fails_leaves_the_call_alone(lk: FakeLiveKit) -> None:
    agent, call = agent_published(tools=[TRANSFER]), phoned()
    lk.refuse.add("participant_transfer")
    with pytest.raises(ToolFailed, match="Sales could not be reached"):
        run(agent, "transfer", call, {"to": "Sales"})
    call.refresh_from_db()
    assert call.state == "in_progress"


def test_a_browser_cannot_be_put_through(lk: FakeLiveKit) -> None:
    agent, call = agent_published(tools=[TRANSFER]), phoned(channel="webrtc")
    with pytest.raises(ToolFailed, match="came by browser"):
        run(agent, "transfer", call, {"to": "Sales"})
    with pytest.raises(ToolFailed, match="do not fit"):
        run(agent, "transfer", call, {"to": "Somebody"})
    assert lk.transfers == []


def test_a_call_is_handed_over_to_a_team() -> None:
    team = team_create(slug="support", name="Support")
    agent = agent_published(tools=[builtin("handoff")], handoff={"team": "support", "phrases": []})
    call = phoned()
    answer = run(agent, "handoff", call, {"reason": "Wants a refund", "summary": "Order 7 is broken."})
    assert answer["handed_over"] is True
    (conversation,) = Conversation.objects.all()
    assert (conversation.channel, conversation.status, conversation.team) == ("call", "open", team)
    assert (conversation.handoff_reason, conversation.summary) == ("Wants a refund", "Order 7 is broken.")
    assert conversation.contact.phone == NUMBER
    run(agent, "handoff", call, {"reason": "Again"})
    assert Conversation.objects.count() == 1


def test_a_trial_hands_nothing_over() -> None:
    agent = agent_published(tools=[builtin("handoff"), builtin("collect", fields=["name"])])
    call = phoned(trial=True)
    assert run(agent, "handoff", call, {"reason": "x"})["handed_over"] is False
    assert run(agent, "collect", call, {"name": "Maria"})["stored"] is False
    assert not Conversation.objects.exists() and not Contact.objects.exists()


def test_what_was_collected_is_with_the_contact() -> None:
    agent = agent_published(tools=[builtin("collect", fields=["order number: six digits", "city"])])
    (tool,) = agent_config(agent_for_call(agent.pk))["tools"]
    assert tool["parameters"]["properties"]["order number"]["description"] == "six digits"
    call = phoned()
    run(agent, "collect", call, {"order number": "123456"})
    assert run(agent, "collect", call, {"city": "Bonn"}) == {"stored": ["city"]}
    assert Contact.objects.get().fields == {"order number": "123456", "city": "Bonn"}
    with pytest.raises(ToolFailed, match="do not fit"):
        run(agent, "collect", call, {"shoe size": "44"})


def chat() -> Conversation:
    contact = contact_upsert(identities={"wa_id": NUMBER[1:]}, name="Maria", phone=NUMBER)
    return conversation_open(contact=contact, channel="whatsapp", line=LINE)[0]


def test_a_chat_collects_too() -> None:
    agent, conversation = agent_published(tools=[builtin("collect", fields=["city"])]), chat()
    turn = Turn.objects.create(conversation_id=conversation.pk, agent_id=agent.pk, generation=1, due_at=timezone.now())
    run(agent, "collect", turn, {"city": "Bonn"}, kind="turn")
    assert Contact.objects.get().fields == {"city": "Bonn"}


def writes(conversation: Conversation, hours: float) -> None:
    at = timezone.now() - timedelta(hours=hours)
    message_receive(conversation=conversation, text="Hi", at=at, external_id="wamid.1", kind="text", payload={})


def test_a_follow_up_inside_the_window() -> None:
    team_create(slug="support", name="Support")
    mapping_set(phone_number_id=LINE, label="Shop", team="support")
    agent, call = agent_published(tools=[builtin("send_whatsapp")]), phoned()
    conversation = chat()
    writes(conversation, 1)
    assert run(agent, "send_whatsapp", call, {"text": "Here is the link."}) == {"sent": True, "to": NUMBER}
    message = Message.objects.get(author="ai")
    assert (message.text, message.kind, message.conversation_id) == ("Here is the link.", "text", conversation.pk)


def test_outside_the_window_only_with_a_template() -> None:
    team_create(slug="support", name="Support")
    mapping_set(phone_number_id=LINE, label="Shop", team="support", waba_id="42")
    call = phoned()
    with pytest.raises(ToolFailed, match="24 hours"):
        run(agent_published(tools=[builtin("send_whatsapp")]), "send_whatsapp", call, {"text": "Hello"})
    body = {"type": "BODY", "text": "News for you: {{1}}"}
    Template.objects.create(waba_id="42", name="follow_up", language="en", status="APPROVED", components=[body])
    agent = agent_published("second", tools=[builtin("send_whatsapp", template="follow_up")])
    run(agent, "send_whatsapp", call, {"text": "One\ntwo"})
    message = Message.objects.get(author="ai")
    assert message.kind == "template"
    assert (message.payload["name"], message.payload["variables"]) == ("follow_up", ["One two"])
    gone = agent_published("third", tools=[builtin("send_whatsapp", template="nothing")])
    with pytest.raises(ToolFailed, match="no template"):
        run(gone, "send_whatsapp", call, {"text": "One"})


def test_nobody_to_write_to() -> None:
    agent = agent_published(tools=[builtin("send_whatsapp")])
    with pytest.raises(ToolFailed, match="No WhatsApp number"):
        run(agent, "send_whatsapp", phoned(), {"text": "x"})
    with pytest.raises(ToolFailed, match="number is not known"):
        run(agent, "send_whatsapp", phoned(from_number=""), {"text": "x"})
    assert not Message.objects.exists()
