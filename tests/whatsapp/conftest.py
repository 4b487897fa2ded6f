"""acme's number is answered by an agent with a team behind it; Graph and Herald are servers of the test."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django_tenants.utils import tenant_context
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from apps.desktop.models import Conversation, Message
from apps.desktop.services.conversations import conversation_claim
from apps.desktop.services.messages import message_send
from apps.desktop.services.team import team_create, team_members_set
from apps.tenants.models import Tenant, User
from apps.whatsapp.models import AgentPhoneMapping
from apps.whatsapp.services.numbers import mapping_set
from tests.compass.factories import agent_published
from tests.whatsapp.meta import NUMBER, OTHER_NUMBER, SECRET, WABA, Graph, deliver, said, work


@pytest.fixture(autouse=True)
def meta_settings(settings: Any, tmp_path: Path) -> Any:
    settings.MEDIA_ROOT = tmp_path
    settings.WHATSAPP_APP_SECRET = SECRET
    settings.WHATSAPP_VERIFY_TOKEN = "the-verify-token"
    settings.WHATSAPP_ACCESS_TOKEN = "the-access-token"
    settings.WHATSAPP_GRAPH_URL = "http://127.0.0.1:1"
    settings.HERALD_URL = "http://127.0.0.1:1/turn"
    return settings


@pytest.fixture(scope="session")
def graph_server() -> Iterator[HTTPServer]:
    with HTTPServer(threaded=True) as server:
        yield server


@pytest.fixture
def graph(graph_server: HTTPServer, meta_settings: Any) -> Graph:
    """The Graph API; the product is pointed at it."""
    graph_server.clear()
    graph = Graph(graph_server)
    meta_settings.WHATSAPP_GRAPH_URL = graph.url
    return graph


class Herald:
    """Takes turns. `turns` are their bodies, `tokens` what came along; `answers` are the statuses it gives, then 202."""

    def __init__(self, server: HTTPServer) -> None:
        self.turns: list[dict[str, Any]] = []
        self.tokens: list[str] = []
        self.answers: list[int] = []
        server.expect_request("/turn", method="POST").respond_with_handler(self._take)

    def _take(self, request: Request) -> Response:
        status = self.answers.pop(0) if self.answers else 202
        if status == 202:
            self.turns.append(json.loads(request.data))
            self.tokens.append(request.headers["Authorization"].removeprefix("Bearer "))
        return Response("{}", status, content_type="application/json")


@pytest.fixture(scope="session")
def herald_server() -> Iterator[HTTPServer]:
    with HTTPServer(threaded=True) as server:
        yield server


@pytest.fixture
def herald(herald_server: HTTPServer, meta_settings: Any) -> Herald:
    """Herald; the product is pointed at it."""
    herald_server.clear()
    meta_settings.HERALD_URL = herald_server.url_for("/turn")
    return Herald(herald_server)


@pytest.fixture
def number(in_acme: Tenant, bob: User) -> AgentPhoneMapping:
    """acme's number, answered by Reception, with the team support (bob) behind it. The test runs inside acme."""
    team_members_set(team=team_create(slug="support", name="Support"), user_ids=[bob.pk])
    agent = agent_published()
    return mapping_set(phone_number_id=NUMBER, agent_id=agent.pk, team="support", waba_id=WABA, label="Main")


@pytest.fixture
def team_number(in_acme: Tenant, bob: User) -> AgentPhoneMapping:
    """acme's number, answered by the team support (bob)."""
    team_members_set(team=team_create(slug="support", name="Support"), user_ids=[bob.pk])
    return mapping_set(phone_number_id=NUMBER, team="support", waba_id=WABA)


@pytest.fixture
def other_number(globex: Tenant) -> AgentPhoneMapping:
    """globex's number, answered by its own agent."""
    with tenant_context(globex):
        return mapping_set(phone_number_id=OTHER_NUMBER, agent_id=agent_published().pk)


@pytest.fixture
def conversation() -> Callable[[], Conversation]:
    """The only conversation there is, as it is now."""
    return lambda: Conversation.objects.get()


@pytest.fixture
def held(team_number: Any, graph: Graph, bob: Any) -> Conversation:
    """A conversation that Bob holds."""
    deliver(said("Hi", wamid="wamid.theirs"))
    work()
    return conversation_claim(conversation_id=Conversation.objects.get().pk, user_id=bob.pk)


@pytest.fixture
def write(held: Conversation, bob: Any) -> Any:
    """Bob writes; returns the message, not sent yet."""

    def send(text: str = "", **more: Any) -> Message:
        return message_send(conversation=held, author="person", user_id=bob.pk, text=text, **more)

    return send
