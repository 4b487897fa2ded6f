"""Agents, versions and credentials: what may be kept, published and read back."""

from ipaddress import ip_address
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from apps.compass import guard, selectors, services
from apps.compass.models import Agent, AgentVersion, ProviderCredential
from apps.compass.selectors import AgentUnavailable
from apps.compass.services import ConfigInvalid
from apps.core.errors import PermanentError
from apps.core.ids import uuid7
from tests.compass.factories import LOCAL, agent_published

pytestmark = pytest.mark.usefixtures("in_acme")


def tool(**changes: Any) -> dict[str, Any]:
    http = {"url": "https://api.example.com/orders/{order_id}", **changes.pop("http", {})}
    schema = {"type": "object", "properties": {"order_id": {"type": "string"}}}
    return {"kind": "http", "name": "order", "description": "Finds it.", "parameters": schema, "http": http, **changes}


def test_defaults_make_a_working_agent(alice: Any) -> None:
    agent = services.agent_create(slug="reception", name="Reception", created_by=alice.pk)
    draft = agent.versions.get()
    assert (draft.number, draft.state, draft.language, draft.created_by) == (1, "draft", "en", alice.pk)
    assert draft.config["stt"] == {"provider": "deepgram", "model": "nova-3", "options": {}}
    assert (draft.config["tts"]["provider"], draft.config["limits"]["max_call_seconds"]) == ("elevenlabs", 1800)


def test_versions_go_from_draft_to_published_to_archived() -> None:
    agent = agent_published()
    services.agent_draft_save(agent=agent, config=LOCAL, language="de")
    services.agent_draft_save(agent=agent, config={**LOCAL, "prompt": {"greeting": "Hallo"}})
    assert services.agent_publish(agent=agent).number == 2
    states = list(agent.versions.order_by("number").values_list("number", "state", "language"))
    assert states == [(1, "archived", "en"), (2, "published", "de")]
    assert selectors.agent_for_call(agent.pk).config["prompt"]["greeting"] == "Hallo"


def test_nothing_to_publish() -> None:
    agent = agent_published()
    with pytest.raises(PermanentError, match="no draft"):
        services.agent_publish(agent=agent)


@pytest.mark.parametrize("state", ["draft", "published"])
def test_the_database_keeps_one_draft_and_one_published(state: str) -> None:
    agent = Agent.objects.create(slug="a", name="A")
    AgentVersion.objects.create(agent=agent, number=1, state=state, config={})
    with pytest.raises(IntegrityError), transaction.atomic():
        AgentVersion.objects.create(agent=agent, number=2, state=state, config={})


@pytest.mark.parametrize("slug", ["", "Reception", "a b", "-a", "a-", "a/b", "é", "x" * 64])
def test_slugs_that_are_no_address(slug: str) -> None:
    with pytest.raises(PermanentError, match="address"):
        services.agent_create(slug=slug, name="A")


@pytest.mark.parametrize("name", ["", "  ", "x" * 121, "a\x00b"])
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(PermanentError, match="1 to 120"):
        services.agent_create(slug="reception", name=name)


def test_a_slug_that_is_taken() -> None:
    services.agent_create(slug="reception", name="A")
    with pytest.raises(PermanentError, match="already"):
        services.agent_create(slug="reception", name="B")
    assert Agent.objects.count() == 1


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"sst": {}}, "sst: this is not known here"),
        ({"stt": {"provider": "elevenlabs"}}, "stt.provider: choose 'deepgram' or 'openai'"),
        ({"llm": {"temperature": 3}}, "llm.temperature: write a number up to 2"),
        ({"llm": {"options": {"api_key": "x"}}}, "llm.options: api_key belongs under credentials"),
        ({"llm": {"fallbacks": [{"model": "a", "fallbacks": []}]}}, "llm.fallbacks.0.fallbacks: this is not known here"),
        (
            {"turn_taking": {"min_endpointing_delay": 3, "max_endpointing_delay": 1}},
            "turn_taking: max_endpointing_delay has to be",
        ),
        ({"limits": {"max_call_seconds": 0}}, "limits.max_call_seconds: write a number above 0"),
        ({"media_bot": {"ringback": "moon"}}, "media_bot.ringback: “moon” is not a country"),
        ({"media_bot": {"record": "loudly"}}, "media_bot.record: say true or false"),
        ({"media_bot": {"record_days": 0}}, "media_bot.record_days: write a number from 1 on"),
        ({"tools": [{"kind": "builtin", "name": "fly"}]}, "fly is not built in; there are collect, end_call"),
        ({"tools": [{"kind": "magic", "name": "fly"}]}, "tools.0: its kind is http, mcp or builtin"),
        ({"tools": [tool(), tool()]}, "two tools named order"),
        ({"tools": [tool(name="or der")]}, "tools.0.http.name"),
        ({"tools": [tool(parameters={"type": "string"})]}, '"type": "object"'),
        ({"tools": [tool(parameters={"type": "object", "properties": 7})]}, "the JSON Schema is wrong at properties: 7 is not"),
        ({"tools": [tool(parameters={"type": "object", "$ref": "http://169.254.169.254/"})]}, "the JSON Schema has a $ref"),
        ({"tools": [tool(http={"url": "ftp://api.example.com/{order_id}"})]}, "use an address such as"),
        ({"tools": [tool(http={"url": "https://user:pw@api.example.com/"})]}, "without user or password"),
        ({"tools": [tool(http={"url": "https://{order_id}.example.com/"})]}, "the host cannot come from an argument"),
        ({"tools": [tool(http={"url": "https://api.example.com/{order_id.__class__}"})]}, "a placeholder is the plain name"),
        ({"tools": [tool(http={"url": "https://api.example.com/{customer}"})]}, "the address uses customer"),
        ({"tools": [tool(http={"url": "https://[::1/"})]}, "this is not a web address"),
        ({"tools": [tool(http={"headers": {"Host": "evil"}})]}, "the header Host cannot be set: Meridian sets it by itself"),
        ({"tools": [tool(http={"headers": {"X-A": "a\r\nX-B: b"}})]}, "the value of X-A cannot be sent"),
        ({"tools": [tool(http={"timeout": 60})]}, "http.timeout"),
        ({"prompt": {"system": "a\x00b"}}, "cannot be stored"),
        ({"stt": {"options": {"a": ["\ud800"]}}}, "cannot be stored"),
    ],
)
def test_what_is_wrong_with_a_configuration_is_named(config: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigInvalid) as raised:
        services.agent_create(slug="reception", name="Reception", config=config)
    assert words in str(raised.value)
    assert Agent.objects.count() == 0


@pytest.mark.parametrize("language", ["english", "e", "pt_BR", "en-"])
def test_language_codes(language: str) -> None:
    with pytest.raises(ConfigInvalid, match="language code"):
        services.agent_create(slug="reception", name="Reception", language=language)


def test_publishing_names_the_provider_without_a_key() -> None:
    config = {**LOCAL, "tts": {"provider": "elevenlabs"}}
    agent = services.agent_create(slug="reception", name="Reception", config=config)
    with pytest.raises(AgentUnavailable, match="elevenlabs") as raised:
        services.agent_publish(agent=agent)
    assert raised.value.code == "credential_missing"
    assert agent.versions.get().state == "draft"
    services.credential_set(provider="elevenlabs", api_key="key")
    assert services.agent_publish(agent=agent).state == "published"


def test_publishing_names_the_secret_that_is_missing() -> None:
    config = {**LOCAL, "tools": [tool(http={"headers": {"X-Key": "{secret:SHOP}"}})]}
    agent = services.agent_create(slug="reception", name="Reception", config=config)
    with pytest.raises(AgentUnavailable, match="SHOP"):
        services.agent_publish(agent=agent)
    services.secret_set(name="SHOP", value="key")
    assert services.agent_publish(agent=agent).number == 1


def test_credentials_of_fallbacks_are_included(names: Any) -> None:
    services.credential_set(provider="elevenlabs", api_key="eleven", base_url="https://eu.example.com")
    fallback = {"provider": "openai", "model": "gpt-4o"}
    agent = agent_published(tts={"provider": "elevenlabs"}, llm={"fallbacks": [fallback]})
    config = selectors.agent_config(selectors.agent_for_call(agent.pk))
    assert sorted(config["credentials"]) == ["elevenlabs", "openai"]
    own = {"api_key": "eleven", "base_url": "https://eu.example.com", "allowed_networks": []}
    assert config["credentials"]["elevenlabs"] == own
    assert config["llm"]["fallbacks"] == [{**fallback, "temperature": 0.3, "options": {}}]


def test_secrets_are_encrypted_at_rest() -> None:
    services.credential_set(provider="openai", api_key="plain-key")
    services.secret_set(name="SHOP", value="plain-secret")
    with connection.cursor() as cursor:
        cursor.execute("SELECT secret FROM compass_providercredential UNION ALL SELECT value FROM compass_toolsecret")
        stored = str(cursor.fetchall())
    assert "plain" not in stored
    assert ProviderCredential.objects.get().secret == {"api_key": "plain-key", "base_url": None}
    services.credential_delete(provider="openai")
    assert ProviderCredential.objects.count() == 0


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The one name server: what it does not know has no address."""
    known = {"eu.example.com": "93.184.215.14", "inside.example.com": "10.1.2.3"}

    def resolved(host: str, port: int, timeout: float) -> list[Any]:
        if host not in known:
            raise guard.Unresolved(f"{host} has no address.")
        return [ip_address(known[host])]

    monkeypatch.setattr(guard, "_resolved", resolved)
    return known


@pytest.mark.parametrize("base_url", ["https://inside.example.com/v1", "wss://inside.example.com:8443"])
def test_a_tenants_address_may_not_lead_inside(base_url: str, names: Any, settings: Any) -> None:
    with pytest.raises(PermanentError, match=r"network that tenants may not reach.*TOOL_ALLOWED_NETWORKS"):
        services.credential_set(provider="openai", api_key="k", base_url=base_url)
    assert not ProviderCredential.objects.exists()
    settings.TOOL_ALLOWED_NETWORKS = ["10.1.0.0/16"]
    services.credential_set(provider="openai", api_key="k", base_url=base_url)
    assert ProviderCredential.objects.get().secret["base_url"] == base_url


def test_an_address_that_no_name_server_knows_is_not_stored(names: Any) -> None:
    with pytest.raises(PermanentError, match=r"typo\.example\.com has no address\. Check its spelling"):
        services.credential_set(provider="openai", api_key="k", base_url="https://typo.example.com")


def test_the_installations_own_address_is_free_of_the_guard(settings: Any) -> None:
    own = settings.PROVIDER_DEFAULTS["openai"]["base_url"]
    assert "127.0.0.1" in own
    services.credential_set(provider="openai", api_key="k", base_url=own)
    agent = agent_published()
    assert selectors.agent_config(agent.versions.get())["credentials"]["openai"] == {"api_key": "k", "base_url": own}
    services.credential_delete(provider="openai")
    assert selectors.agent_config(agent.versions.get())["credentials"]["openai"]["base_url"] == own


@pytest.mark.parametrize(
    "values",
    [
        {"provider": "acme", "api_key": "k"},
        {"provider": "openai", "api_key": " "},
        {"provider": "openai", "api_key": "k", "base_url": "api.example.com"},
        {"provider": "openai", "api_key": "k", "base_url": "file:///etc/passwd"},
        {"provider": "openai", "api_key": "k", "base_url": "ftp://eu.example.com"},
        {"provider": "openai", "api_key": "k", "base_url": "https://eu.example.com:x"},
    ],
)
def test_credentials_that_cannot_work(values: dict[str, str]) -> None:
    with pytest.raises(PermanentError):
        services.credential_set(**values)


@pytest.mark.parametrize(("name", "value"), [("a b", "v"), ("", "v"), ("A", ""), ("A", "x\r\ny"), ("A", "é")])
def test_secrets_that_cannot_work(name: str, value: str) -> None:
    with pytest.raises(PermanentError):
        services.secret_set(name=name, value=value)


def test_disabling_and_enabling() -> None:
    agent = agent_published()
    services.agent_disable(agent=agent)
    with pytest.raises(AgentUnavailable, match="switched off") as raised:
        selectors.agent_for_call(agent.pk)
    assert raised.value.code == "agent_disabled"
    services.agent_enable(agent=agent)
    assert selectors.agent_for_call(str(agent.pk)).agent == agent


def test_reads_by_slug_and_id() -> None:
    agent = agent_published()
    assert selectors.agent_by_slug("reception") == agent
    assert selectors.agent_by_slug("nobody") is None
    assert selectors.agent_names([agent.pk, uuid7()]) == {agent.pk: "Reception"}


def test_a_version_of_an_older_release_gets_todays_defaults() -> None:
    agent = agent_published()
    version = selectors.agent_for_call(agent.pk)
    del version.config["media_bot"]
    version.save()
    assert selectors.agent_config(selectors.agent_for_call(agent.pk))["media_bot"]["ringback"] == "eu"


def test_a_builtin_that_is_gone_is_left_out() -> None:
    agent = agent_published()
    version = selectors.agent_for_call(agent.pk)
    version.config["tools"] = [{"kind": "builtin", "name": "gone"}, {"kind": "builtin", "name": "end_call"}]
    version.save()
    config = selectors.agent_config(selectors.agent_for_call(agent.pk))
    assert [spec["name"] for spec in config["tools"]] == ["end_call"]
