"""An agent as one JSON document: out of one tenant, into another, or back again. It never holds a secret."""

from typing import Annotated, Any, Literal
from uuid import UUID

from django.db import transaction
from django.utils.translation import ngettext
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from apps.compass.models import Agent, AgentVersion, ToolSecret
from apps.compass.neighbours import teams_now
from apps.compass.payloads import SECRET
from apps.compass.payloads_checks import ScenarioIn
from apps.compass.selectors.versions import config_whole
from apps.compass.services.agents import agent_create, agent_draft_save, slug_free
from apps.compass.services.checks import MOST_SCENARIOS, ChecksRefused, scenarios_add
from apps.compass.services.config import ConfigInvalid
from apps.core.errors import fields_of

SCHEMA = 1
CONFIDENTIAL = ("authorization", "cookie", "key", "token", "secret", "password")


class AgentDocument(BaseModel):
    """`secrets` are the names of what the tools need and the document leaves out; `checks` are its scenarios."""

    model_config = ConfigDict(extra="forbid")

    meridian: Literal["agent"]
    schema_version: Literal[1]
    name: Annotated[str, Field(min_length=1, max_length=120)]
    slug: str = Field("", max_length=63)
    language: str = "en"
    config: dict[str, Any]
    secrets: list[str] = Field(default_factory=list)
    checks: list[ScenarioIn] = Field(default_factory=list, max_length=MOST_SCENARIOS)


def agent_export(version: AgentVersion) -> dict[str, Any]:
    """The version as a document. A header that looks like a secret is replaced by the name of one."""
    config = config_whole(version)
    config["tools"] = [_without_secrets(tool) for tool in config["tools"]]
    document = AgentDocument(
        meridian="agent",
        schema_version=SCHEMA,
        name=version.agent.name,
        slug=version.agent.slug,
        language=version.language,
        config=config,
        secrets=sorted(_secrets(config)),
        checks=[ScenarioIn.model_validate(scenario.snapshot()) for scenario in version.agent.scenarios.all()],
    )
    return document.model_dump(mode="json")


@transaction.atomic
def agent_import(*, document: Any, agent: Agent | None = None, created_by: UUID | None = None) -> tuple[AgentVersion, list[str]]:
    """Makes a new agent of a document, or the draft of this one; and says what is still to be done.

    Raises ConfigInvalid with sentences, PermanentError.
    """
    found = _document(document)
    config, notes = _fitted(found.config)
    if agent is None:
        agent = agent_create(
            slug=slug_free(found.slug or found.name),
            name=found.name,
            language=found.language,
            config=config,
            created_by=created_by,
        )
        draft = agent.versions.get(state=AgentVersion.State.DRAFT)
    else:
        draft = agent_draft_save(agent=agent, config=config, language=found.language, created_by=created_by)
    return draft, [*notes, *_checks_brought(agent, found.checks), *_missing(draft.config)]


def _checks_brought(agent: Agent, checks: list[ScenarioIn]) -> list[str]:
    """Adds the scenarios whose names are not there yet; raises ConfigInvalid where one cannot be kept."""
    there = set(agent.scenarios.values_list("name", flat=True))
    fresh = [given for given in checks if given.name not in there]
    try:
        scenarios_add(agent=agent, given=fresh)
    except ChecksRefused as error:
        raise ConfigInvalid([str(error)]) from error
    return [ngettext("%(count)s check came with it.", "%(count)s checks came with it.", len(fresh)) % {"count": len(fresh)}][
        : len(fresh)
    ]


def _document(document: Any) -> AgentDocument:
    if not isinstance(document, dict) or document.get("meridian") != "agent":
        raise ConfigInvalid(["This is not an agent of Meridian: the document has no “meridian”: “agent”."])
    if document.get("schema_version") != SCHEMA:
        raise ConfigInvalid(
            [f"The document's schema_version is {document.get('schema_version')}; this installation reads {SCHEMA}."]
        )
    try:
        return AgentDocument.model_validate(document)
    except ValidationError as error:
        raise ConfigInvalid([f"{item['field']}: {item['message']}." for item in fields_of(error)]) from error


def _fitted(config: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """What belongs to the tenant it came from is left out, and said."""
    config, notes = dict(config), []
    handoff = config.get("handoff")
    team = handoff.get("team") if isinstance(handoff, dict) else None
    if isinstance(handoff, dict) and team and team not in dict(teams_now()):
        config["handoff"] = {**handoff, "team": None}
        notes.append(f"There is no team “{team}” here: conversations are handed over to everybody until you choose one.")
    knowledge = config.get("knowledge")
    if isinstance(knowledge, dict) and isinstance(knowledge.get("documents"), list) and knowledge["documents"]:
        config["knowledge"] = {**knowledge, "documents": []}
        notes.append("The documents that it knew were not brought along: choose some of yours under Knowledge.")
    return config, notes


def _missing(config: dict[str, Any]) -> list[str]:
    needed = _secrets(config)
    missing = needed - set(ToolSecret.objects.filter(name__in=needed).values_list("name", flat=True))
    return [f"Its tools use {', '.join(sorted(missing))}: add it under Secrets before you publish."] if missing else []


def _secrets(config: dict[str, Any]) -> set[str]:
    headers = [tool.get("http", {}).get("headers", {}) for tool in config.get("tools", [])]
    return {name for header in headers for value in header.values() for name in SECRET.findall(value)}


def _without_secrets(tool: dict[str, Any]) -> dict[str, Any]:
    if "http" not in tool:
        return tool
    headers = {name: _named(tool["name"], name, value) for name, value in tool["http"].get("headers", {}).items()}
    return {**tool, "http": {**tool["http"], "headers": headers}}


def _named(tool: str, header: str, value: str) -> str:
    """The value itself, where it already names its secrets or cannot be one."""
    if SECRET.search(value) or not any(word in header.lower() for word in CONFIDENTIAL):
        return value
    return f"{{secret:{tool}_{header.replace('-', '_')}}}"[:80]
