"""Whatever JSON a configuration is made of, it is either kept whole or refused with a sentence."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.compass.payloads import Config
from apps.compass.services import ConfigInvalid, config_check

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
documents = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=8
)
tools = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["http", "builtin"]),
        "name": st.sampled_from(["order", "end_call"]) | st.text(),
        "description": st.text(),
        "parameters": st.fixed_dictionaries({"type": st.just("object"), "properties": documents}) | documents,
        "http": st.fixed_dictionaries(
            {"url": st.text().map("https://api.example.com/".__add__) | st.text(), "headers": documents}
        ),
    }
)


def kept(config: Any) -> None:
    try:
        checked = config_check(config)
    except ConfigInvalid as error:
        assert error.errors
        return
    assert config_check(json.loads(json.dumps(checked))) == checked


@given(part=st.sampled_from(sorted(Config.model_fields)), value=documents)
def test_any_value_in_any_part(part: str, value: Any) -> None:
    kept({part: value})


@given(st.lists(tools, max_size=2))
def test_any_tools(values: list[Any]) -> None:
    kept({"tools": values})


@pytest.mark.parametrize("document", [None, [], "text", 7, {"tools": {}}])
def test_what_is_no_configuration(document: Any) -> None:
    with pytest.raises(ConfigInvalid):
        config_check(document)
