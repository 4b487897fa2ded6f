"""Whether calls are recorded is a setting of the agent: off unless chosen, never for a trial, unknown to older versions."""

from typing import Any

import pytest
from django_tenants.utils import schema_context

from apps.compass.diffs import versions_diff
from apps.compass.models import AgentVersion
from apps.compass.selectors.versions import config_whole, version_published
from apps.compass.services import agent_draft_save
from apps.core.tokens import token_issue
from apps.tenants.models import Tenant
from tests.compass.factories import LOCAL, agent_published, bearer, public_get

pytestmark = pytest.mark.django_db


def test_a_trial_of_an_agent_that_records_is_not_recorded(acme: Tenant) -> None:
    with schema_context("acme"):
        agent = agent_published(media_bot={"record": True})
        agent_draft_save(agent=agent, config={**LOCAL, "media_bot": {"record": True}})
    call = "0198c0de-0000-7000-8000-000000000001"
    trial = token_issue(kind="call", tenant="acme", agent_id=str(agent.pk), subject_id=call, ttl=60, version="draft")
    answers = [bearer("acme", agent.pk, call_id=call), {"Authorization": f"Bearer {trial}", "Host": "localhost"}]
    assert [public_get(f"/agents/{agent.pk}", one).json()["media_bot"]["record"] for one in answers] == [True, False]


def test_a_version_from_before_recording_stays_as_it_was(in_acme: Any) -> None:
    agent = agent_published()
    version = version_published(agent)
    assert version is not None
    old = {**version.config, "media_bot": {"ringback": "us", "transcribe": True, "sentiment": "off"}}
    AgentVersion.objects.filter(pk=version.pk).update(config=old)
    version.refresh_from_db()
    assert config_whole(version)["media_bot"] == {**old["media_bot"], "record": False, "record_days": 30}
    draft = agent_draft_save(agent=agent, config=config_whole(version))
    assert versions_diff(version, draft) == []
    changed = agent_draft_save(agent=agent, config={**old, "media_bot": {**old["media_bot"], "record": True}})
    assert [(change.path, change.after) for change in versions_diff(version, changed)] == [("media_bot.record", True)]
