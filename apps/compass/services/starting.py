"""An agent begun from a template: its configuration, and the checks that such an agent should pass."""

from typing import Any
from uuid import UUID

from django.db import transaction

from apps.compass.models import Agent
from apps.compass.payloads_checks import ScenarioIn
from apps.compass.services.agents import agent_create
from apps.compass.services.checks import scenarios_add
from apps.compass.starters import Starter, blank


@transaction.atomic
def agent_start(
    *, starter: Starter | None, slug: str, name: str, language: str, config: dict[str, Any], created_by: UUID | None = None
) -> Agent:
    """A new agent: `config` over what the template sets, with the template's checks. Raises ConfigInvalid, PermanentError."""
    whole = {**(starter.config(language) if starter else blank(language)), **config}
    agent = agent_create(slug=slug, name=name, language=language, config=whole, created_by=created_by)
    scenarios_add(agent=agent, given=[ScenarioIn.model_validate(check) for check in (starter.checks if starter else [])])
    return agent
