"""The tool library: what is kept, what agents get of it, mapping, retries, and what a refusal says."""

from collections.abc import Iterator
from typing import Any

import pytest

from apps.compass.models import Tool
from apps.compass.paths import BadPath, path_pick
from apps.compass.registry import ToolContext, ToolFailed
from apps.compass.selectors import agent_config, agent_for_call
from apps.compass.services import ConfigInvalid, agent_draft_save, agent_publish, secret_set
from apps.compass.services.credentials import secret_delete
from apps.compass.services.tools import ToolInvalid, tool_create, tool_delete, tool_enable, tool_update
from apps.compass.tools import http, tool_run
from apps.compass.tools.trial import http_try
from apps.core.errors import PermanentError
from tests.compass.factories import LOCAL, agent_published
from tests.compass.servers import ALLOWED, Seen, reply, serving

pytestmark = pytest.mark.usefixtures("in_acme")
PARAMETERS = {"type": "object", "properties": {"order_id": {"type": "string"}}, "required": ["order_id"]}
ANSWER = b'{"order": {"status": "shipped", "note": "internal", "lines": [{"name": "Lamp"}, {"name": "Chair"}]}}'
CONTEXT = ToolContext("acme", "x", "call", "x")


def spec(port: int = 80, **http_fields: Any) -> dict[str, Any]:
    call = {"method": "GET", "url": f"http://{ALLOWED}:{port}/orders/{{order_id}}", **http_fields}
    return {"parameters": PARAMETERS, "http": call}


def order(port: int = 80, **http_fields: Any) -> Tool:
    return tool_create(name="order", kind="http", description="Looks an order up.", spec=spec(port, **http_fields))


REFERENCE = {"kind": "http", "name": "order"}


@pytest.fixture
def shop(settings: Any) -> Iterator[Seen]:
    settings.TOOL_ALLOWED_NETWORKS = [f"{ALLOWED}/32"]
    settings.PROVIDER_DEFAULTS = {**settings.PROVIDER_DEFAULTS}
    with serving(reply(body=ANSWER)) as seen:
        yield seen


def run(agent: Any, name: str = "order", **arguments: Any) -> Any:
    version = agent_for_call(agent.pk)
    return tool_run(version=version, name=name, arguments=arguments or {"order_id": "7"}, context=CONTEXT)


def test_agents_use_it_by_name_and_follow_its_changes(shop: Seen) -> None:
    tool = order(shop.port)
    agent = agent_published(tools=[REFERENCE])
    (offered,) = agent_config(agent_for_call(agent.pk))["tools"]
    assert offered == {"name": "order", "description": "Looks an order up.", "parameters": PARAMETERS, "kind": "http"}
    assert run(agent)["order"]["status"] == "shipped"
    tool_update(tool=tool, name="order", description="Now.", spec=spec(shop.port, pick={"state": "order.status"}))
    assert run(agent) == {"state": "shipped"}
    assert agent_config(agent_for_call(agent.pk))["tools"][0]["description"] == "Now."


def test_what_is_switched_off_is_offered_to_nobody(shop: Seen) -> None:
    tool = order(shop.port)
    agent = agent_published(tools=[REFERENCE])
    tool_enable(tool=tool, enabled=False)
    assert agent_config(agent_for_call(agent.pk))["tools"] == []
    with pytest.raises(Exception, match="no tool named order"):
        run(agent)


def test_a_tool_that_is_not_there_cannot_be_chosen() -> None:
    with pytest.raises(ConfigInvalid, match="no tool named order in the library"):
        agent_published(tools=[REFERENCE])


def test_a_used_tool_is_neither_deleted_nor_renamed() -> None:
    tool = order()
    agent = agent_published(tools=[REFERENCE])
    with pytest.raises(ToolInvalid, match="Reception"):
        tool_delete(tool=tool)
    with pytest.raises(ToolInvalid, match="Reception"):
        tool_update(tool=tool, name="other", description="x", spec=spec())
    agent_draft_save(agent=agent, config=LOCAL)
    agent_publish(agent=agent)
    tool_delete(tool=tool)
    assert not Tool.objects.exists()


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"name": "two words"}, "name", "is no name"),
        ({"name": "end_call"}, "name", "built-in"),
        ({"description": ""}, "description", "at least 1"),
        ({"spec": spec(method="POST", retries=1)}, "http", "safe to send twice"),
        ({"spec": spec(url="http://{order_id}.example/")}, "url", "host cannot come from an argument"),
        ({"spec": spec(url="https://a.example/{nothing}")}, "", "uses nothing: add a parameter of that name"),
        ({"spec": spec(pick={"a": "..b"})}, "pick", "“a”: “..b” is no path"),
        ({"spec": spec(headers={"X-A": "a" * 2_001})}, "headers", "“X-A”: at most 2000 characters fit here"),
        ({"spec": spec(headers={"Hé": "a"})}, "headers", "“Hé” is no name of a header"),
        ({"spec": {**spec(), "parameters": {"type": "object", "properties": {"a": {"$ref": "#"}}}}}, "parameters", "a \\$ref"),
        ({"spec": {**spec(), "parameters": {"type": "object", "required": 5}}}, "parameters", "wrong at required: 5 is not"),
        ({"spec": {**spec(), "parameters": {"type": "string"}}}, "parameters", "object"),
        ({"spec": {**spec(), "more": 1}}, "", "more is not part"),
    ],
)
def test_what_cannot_be_kept(changes: Any, field: str, words: str) -> None:
    given = {"name": "order", "kind": "http", "description": "Finds it.", "spec": spec(), **changes}
    with pytest.raises(ToolInvalid, match=words) as caught:
        tool_create(**given)
    assert [name for name, _ in caught.value.errors] == [field]
    assert not Tool.objects.exists()


def test_a_name_is_used_once() -> None:
    order()
    with pytest.raises(ToolInvalid, match="already"):
        order()
    assert Tool.objects.count() == 1


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("order.status", "shipped"),
        ("/order/status", "shipped"),
        ("order.lines[1].name", "Chair"),
        ("/order/lines/0/name", "Lamp"),
        ("order.lines[*].name", ["Lamp", "Chair"]),
        ('order["status"]', "shipped"),
        ("order.nothing.at.all", None),
        ("order.lines[9]", None),
        ("order.status[*]", None),
    ],
)
def test_paths(path: str, expected: Any) -> None:
    value = {"order": {"status": "shipped", "lines": [{"name": "Lamp"}, {"name": "Chair"}]}}
    assert path_pick(value, path) == expected


@pytest.mark.parametrize("path", ["a..b", "a[", "a[x]", "a b", ".", "a["])
def test_paths_that_are_none(path: str) -> None:
    with pytest.raises(BadPath):
        path_pick({}, path)


def test_fields_cannot_be_picked_from_text(settings: Any) -> None:
    settings.TOOL_ALLOWED_NETWORKS = [f"{ALLOWED}/32"]
    with serving(reply(body=b"hello", content_type="text/plain")) as shop:
        order(shop.port, pick={"a": "b"})
        agent = agent_published(tools=[REFERENCE])
        with pytest.raises(ToolFailed, match="no JSON"):
            run(agent)


def flaky(*statuses: int) -> Any:
    left = list(statuses)

    def answer(handler: Any) -> None:
        reply(left.pop(0) if left else 200, ANSWER)(handler)

    return answer


@pytest.mark.parametrize(
    ("retries", "statuses", "requests", "ok"),
    [(0, [503], 1, False), (1, [503], 2, True), (2, [503, 429], 3, True), (2, [503, 503, 503], 3, False), (2, [500], 1, False)],
)
def test_retries(settings: Any, monkeypatch: Any, retries: int, statuses: list[int], requests: int, ok: bool) -> None:
    settings.TOOL_ALLOWED_NETWORKS = [f"{ALLOWED}/32"]
    monkeypatch.setattr(http, "RETRY_PAUSE", 0)
    with serving(flaky(*statuses)) as shop:
        tool = order(shop.port, retries=retries)
        assert http_try(tool.http, {"order_id": "7"}).ok is ok
        assert len(shop.requests) == requests


def test_a_safe_post_is_sent_again(settings: Any, monkeypatch: Any) -> None:
    settings.TOOL_ALLOWED_NETWORKS = [f"{ALLOWED}/32"]
    monkeypatch.setattr(http, "RETRY_PAUSE", 0)
    with serving(flaky(502)) as shop:
        assert http_try(order(shop.port, method="POST", retries=1, safe=True).http, {"order_id": "7"}).ok
        assert [request[0] for request in shop.requests] == ["POST", "POST"]


def test_all_tries_share_one_deadline(settings: Any, monkeypatch: Any) -> None:
    settings.TOOL_ALLOWED_NETWORKS = [f"{ALLOWED}/32"]
    monkeypatch.setattr(http, "RETRY_PAUSE", 60)
    with serving(flaky(503, 503)) as shop:
        trial = http_try(order(shop.port, retries=3, timeout=2).http, {"order_id": "7"})
        assert not trial.ok
        assert "longer than 2 seconds" in trial.error
        assert len(shop.requests) == 1


def test_a_trial_shows_all_but_the_secrets(settings: Any) -> None:
    settings.TOOL_ALLOWED_NETWORKS = [f"{ALLOWED}/32"]
    secret_set(name="SHOP_KEY", value="canary-value-1")

    def echo(handler: Any) -> None:
        reply(body=f'{{"key": "{handler.headers["X-Key"]}"}}'.encode())(handler)

    with serving(echo) as shop:
        tool = order(shop.port, headers={"X-Key": "k {secret:SHOP_KEY}"}, method="PUT")
        trial = http_try(tool.http, {"order_id": "7"})
        assert shop.requests[0][2]["X-Key"] == "k canary-value-1"
    assert (trial.ok, trial.status, trial.headers) == (True, 200, {"X-Key": "k ••••"})
    assert (trial.method, trial.url, trial.body) == ("PUT", f"http://{ALLOWED}:{shop.port}/orders/7", "{}")
    assert trial.result == {"key": "k ••••"}
    assert "canary" not in repr(trial)


def test_a_secret_in_use_stays(settings: Any) -> None:
    secret_set(name="SHOP_KEY", value="canary-value-1")
    tool = order(headers={"X-Key": "{secret:SHOP_KEY}"})
    with pytest.raises(PermanentError, match="used by order"):
        secret_delete(name="SHOP_KEY")
    tool_delete(tool=tool)
    secret_delete(name="SHOP_KEY")
    assert "SHOP_KEY is missing" in http_try(tool.http, {"order_id": "7"}).error


def test_publishing_asks_for_the_secrets_of_library_tools() -> None:
    order(headers={"X-Key": "{secret:SHOP_KEY}"})
    with pytest.raises(PermanentError, match="SHOP_KEY"):
        agent_published(tools=[REFERENCE])
