"""What a call needs to know of the agent that answers it, as Compass publishes it."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from apps.calls.models import DEFAULT_FIRST_WORD_SECONDS, DEFAULT_MAX_CALL_SECONDS
from apps.calls.targets import first_target
from apps.compass.selectors import AgentUnavailable, agent_by_slug, agent_for_call, credentials_for
from apps.compass.selectors.trials import agent_for_trial


@dataclass(frozen=True)
class CallAgent:
    """A snapshot for the call record; `ringback` is the country of Media Bot's tone, None for silence."""

    id: UUID
    slug: str
    name: str
    language: str
    max_seconds: int
    first_word_seconds: float
    ringback: str | None
    team: str = ""  # that it hands over to
    records: bool = False
    target: tuple[str, str] | None = None  # name and number that callers can be put through to

    @property
    def snapshot(self) -> dict[str, Any]:
        """The fields of Call that it fills."""
        return {
            "agent_id": self.id,
            "agent_slug": self.slug,
            "agent_name": self.name,
            "language": self.language,
            "max_seconds": self.max_seconds,
            "first_word_seconds": self.first_word_seconds,
            "records": self.records,
        }


def call_agent(agent_id: UUID | str, *, trial: bool = False) -> CallAgent:
    """The published agent, able to talk; on trial its draft. Raises AgentUnavailable."""
    version = agent_for_trial(agent_id) if trial else agent_for_call(agent_id)
    credentials_for(version.config)
    limits, bot = version.config.get("limits") or {}, version.config.get("media_bot") or {}
    return CallAgent(
        id=version.agent.pk,
        slug=version.agent.slug,
        name=version.agent.name,
        language=version.language,
        max_seconds=int(limits.get("max_call_seconds") or DEFAULT_MAX_CALL_SECONDS),
        first_word_seconds=float(limits.get("first_word_seconds") or DEFAULT_FIRST_WORD_SECONDS),
        ringback=bot.get("ringback") or None,
        records=bool(bot.get("record")) and not trial,
        target=first_target(version.config),
        team=str((version.config.get("handoff") or {}).get("team") or ""),
    )


def call_agent_named(slug_or_id: str, *, trial: bool = False) -> CallAgent:
    """The same by slug or by id. Raises AgentUnavailable."""
    agent = agent_by_slug(slug_or_id)
    return call_agent(agent.pk if agent else slug_or_id, trial=trial)


__all__ = ["AgentUnavailable", "CallAgent", "call_agent", "call_agent_named"]
