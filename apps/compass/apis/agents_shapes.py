"""What `/api/v1/agents` takes and answers."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from rest_framework import serializers

from apps.compass.diffs import Change
from apps.compass.models import Agent, AgentVersion
from apps.compass.selectors.versions import AgentRow, agent_row, config_whole
from apps.core.moments import utc_text

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
State = Literal["draft", "published", "archived"]


class Shape(BaseModel):
    """A misspelt field is an error and not silently nothing."""

    model_config = ConfigDict(extra="forbid")


class NewAgent(Shape):
    """`config` goes over the template's; its shape is that of GET /agents/{id}/versions/{number}."""

    name: Name
    slug: Annotated[str, Field(max_length=63)] | None = None
    language: str = "en"
    template: str | None = None
    config: dict[str, Any] = Field(default_factory=dict)


class DraftChange(Shape):
    name: Name | None = None
    enabled: bool | None = None
    language: str | None = None
    config: dict[str, Any] | None = None
    base: str | None = None


class CopyIn(Shape):
    """Without a name it is "Copy of …"."""

    name: Name | None = None


class PublishIn(Shape):
    note: str = Field("", max_length=200)
    base: str | None = None


class ImportIn(Shape):
    document: dict[str, Any]
    agent_id: UUID | None = None


class VersionOut(BaseModel):
    """`base` is what a change is made from."""

    number: int
    state: State
    base: str
    language: str
    config: dict[str, Any]
    note: str
    created_at: datetime
    updated_at: datetime
    updated_by: UUID | None
    published_at: datetime | None
    published_by: UUID | None


class AgentOut(BaseModel):
    """`published` is what callers hear, `draft` what is about to be; one of them may be null."""

    id: UUID
    slug: str
    name: str
    enabled: bool
    created_at: datetime
    draft: VersionOut | None
    published: VersionOut | None
    numbers: list[str]
    calls_7_days: int | None
    notes: list[str] = Field(default_factory=list)


class AgentList(BaseModel):
    results: list[AgentOut]
    next: str | None
    previous: str | None


class VersionList(BaseModel):
    results: list[VersionOut]
    next: str | None
    previous: str | None


class ChangeOut(BaseModel):
    """A field that differs; `before` or `after` is null where it was not there."""

    path: str
    label: str
    before: Any = None
    after: Any = None


class ChangeList(BaseModel):
    changes: list[ChangeOut]


def agent_out(row: AgentRow) -> dict[str, Any]:
    """An agent as AgentOut."""
    agent = row.agent
    return {
        "id": str(agent.pk),
        "slug": agent.slug,
        "name": agent.name,
        "enabled": agent.enabled,
        "created_at": _utc(agent.created_at),
        "draft": version_out(row.draft) if row.draft else None,
        "published": version_out(row.published) if row.published else None,
        "numbers": [number.shown for number in row.numbers],
        "calls_7_days": row.calls,
        "notes": [],
    }


def version_out(version: AgentVersion) -> dict[str, Any]:
    """A version as VersionOut."""
    return {
        "number": version.number,
        "state": str(version.state),
        "base": version.base,
        "language": version.language,
        "config": config_whole(version),
        "note": version.note,
        "created_at": _utc(version.created_at),
        "updated_at": _utc(version.updated_at),
        "updated_by": str(version.updated_by) if version.updated_by else None,
        "published_at": _utc(version.published_at),
        "published_by": str(version.published_by) if version.published_by else None,
    }


class AgentPage(serializers.BaseSerializer[Agent]):
    """Agents of a page as AgentOut."""

    def to_representation(self, instance: Agent) -> dict[str, Any]:
        return agent_out(agent_row(instance))


class VersionPage(serializers.BaseSerializer[AgentVersion]):
    """Versions of a page as VersionOut."""

    def to_representation(self, instance: AgentVersion) -> dict[str, Any]:
        return version_out(instance)


def change_out(change: Change) -> dict[str, Any]:
    """A change as ChangeOut."""
    return {"path": change.path, "label": str(change.label), "before": change.before, "after": change.after}


def _utc(moment: datetime | None) -> str | None:
    return utc_text(moment) if moment else None
