"""Any two versions of an agent: what their difference tells is all that differs, and what is restored is what there was."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.compass.diffs import configs_diff, versions_diff
from apps.compass.selectors.versions import version_published
from apps.compass.services import agent_create, agent_draft_save, agent_publish, version_restore
from apps.core.ids import uuid7
from apps.tenants.models import Tenant
from tests.compass.factories import LOCAL

pytestmark = pytest.mark.django_db
FEW = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
WORDS = st.text(st.sampled_from("ab Z\n.é日{}\"'"), max_size=40)
LINE = st.text(st.sampled_from("ab é日\"'"), min_size=1, max_size=12).map(str.strip).filter(bool)
NAMES = st.sampled_from(["hours", "shop", "colour"])
ORDER = {"kind": "http", "name": "order", "description": "Finds it.", "http": {"method": "GET", "url": "https://shop.example/"}}
TOOLS = [
    {"kind": "builtin", "name": "end_call"},
    ORDER,
    {**ORDER, "name": "order_late", "description": "Finds what is late."},
]
CONFIGS = st.fixed_dictionaries(
    {},
    optional={
        "prompt": st.fixed_dictionaries(
            {"system": WORDS, "greeting": WORDS}, optional={"greetings": st.dictionaries(st.sampled_from(["de", "fr"]), LINE)}
        ),
        "variables": st.dictionaries(NAMES, LINE),
        "llm": st.fixed_dictionaries(
            {"model": st.sampled_from(["gpt-4o-mini", "gpt-4o"]), "temperature": st.sampled_from([0.0, 0.3, 2.0])},
            optional={"fallbacks": st.lists(st.just({"model": "gpt-4o"}), max_size=1), "options": st.dictionaries(NAMES, LINE)},
        ),
        "turn_taking": st.fixed_dictionaries({"min_endpointing_delay": st.sampled_from([0.2, 0.5]), "preemptive": st.booleans()}),
        "handoff": st.fixed_dictionaries({"phrases": st.lists(LINE, max_size=3)}),
        "media_bot": st.fixed_dictionaries(
            {"ringback": st.sampled_from([None, "eu", "us"]), "sentiment": st.sampled_from(["off", "llm"])},
            optional={"record": st.booleans(), "record_days": st.integers(1, 90)},
        ),
        "knowledge": st.fixed_dictionaries({"documents": st.sampled_from(["all", []]), "top_k": st.integers(1, 10)}),
        "tools": st.lists(st.sampled_from(TOOLS), unique_by=lambda tool: str(tool["name"])),
    },
)


def flat(config: dict[str, Any]) -> dict[str, Any]:
    """By the paths that a difference names, without what is nothing: told from nothing, everything is new."""
    return {change.path: change.after for change in configs_diff({}, config) if change.after is not None}


@FEW
@given(first=CONFIGS, second=CONFIGS, languages=st.tuples(st.sampled_from(["en", "de"]), st.sampled_from(["en", "fr"])))
def test_there_and_back(in_acme: Tenant, first: dict[str, Any], second: dict[str, Any], languages: tuple[str, str]) -> None:
    agent = agent_create(slug=f"a{uuid7().hex}", name="Reception", language=languages[0], config={**LOCAL, **first})
    agent_publish(agent=agent)
    one = version_published(agent)
    agent_draft_save(agent=agent, config={**LOCAL, **second}, language=languages[1])
    agent_publish(agent=agent)
    two = version_published(agent)
    assert one is not None and two is not None
    told = versions_diff(one, two)
    before, after = ({"language": version.language, **version.config} for version in (one, two))
    applied = {**flat(before), **{change.path: change.after for change in told}}
    assert {path: value for path, value in applied.items() if value is not None} == flat(after)
    assert all(change.before != change.after for change in told)
    restored = version_restore(agent=agent, number=one.number)
    assert (restored.config, restored.language) == (one.config, one.language)
    assert versions_diff(one, restored) == []
    back = [(change.path, change.after, change.before) for change in versions_diff(two, restored)]
    assert sorted(back, key=str) == sorted([(change.path, change.before, change.after) for change in told], key=str)
