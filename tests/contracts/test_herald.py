"""POST /turn and POST /reply: what the WhatsApp Service sends Herald takes, and the answers are what the schema says."""

from typing import Any

import pytest

from apps.core.tokens import token_issue
from apps.herald.payloads import TurnRequest
from apps.whatsapp.models import Turn
from apps.whatsapp.services.dispatch import turn_body
from tests.compass.factories import public_post
from tests.contracts.openapi import schema_check
from tests.whatsapp.conftest import conversation, graph, graph_server, herald, herald_server, meta_settings, number  # noqa: F401  fixtures
from tests.whatsapp.meta import NAMES, deliver, recorded, said, work
from tests.whatsapp.test_replies import started

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("graph", "herald")]
FIELDS = {"turn_id", "conversation_id", "agent_id", "channel", "generation", "messages", "history", "summary", "contact"}
FIELDS |= {"reply_url"}
NO_TURN = ("status", "system", "batch", "error", "template", "reaction", "edit", "revoke", "echo", "history")
KINDS = [name for name in NAMES if not name.startswith(NO_TURN)]


@pytest.fixture
def turn(number: Any) -> Turn:  # noqa: F811
    deliver(said("Hello?"))
    work()
    return started(Turn.objects.get())


@pytest.mark.parametrize("name", KINDS)
def test_herald_takes_a_turn_with_every_type(number: Any, conversation: Any, name: str) -> None:  # noqa: F811
    deliver(recorded(name))
    work()
    (made,) = Turn.objects.all()
    body = turn_body(made, conversation())
    assert TurnRequest.model_validate(body).messages[0].id == made.message_ids[0]
    assert set(body) == FIELDS


def test_answers_of_reply_are_as_promised(turn: Turn) -> None:
    def post(body: Any, subject: Any = None, kind: Any = "turn", tenant: str = "acme") -> None:
        token = token_issue(kind=kind, tenant=tenant, agent_id=str(turn.agent_id), subject_id=str(subject or turn.pk), ttl=60)
        answer = public_post("/reply", body, {"Authorization": f"Bearer {token}", "Host": "localhost"})
        seen.append(answer.status_code)
        schema_check(answer, "/reply", "post")

    seen: list[int] = []
    base = {"turn_id": str(turn.pk), "seq": 0}
    post({**base, "event": "typing"})
    post({**base, "event": "typing"})
    post({**base, "seq": 5, "event": "typing"})
    post({**base, "seq": 1, "event": "shout"})
    post({**base, "seq": 1, "event": "done"})
    post({**base, "seq": 2, "event": "message", "text": "More"})
    post(base | {"event": "typing"}, subject="0198c0de-0000-7000-8000-000000000001")
    post(base | {"event": "typing"}, kind="call")
    post(base | {"event": "typing"}, tenant="globex")
    assert seen == [200, 200, 425, 422, 200, 409, 403, 401, 404]
