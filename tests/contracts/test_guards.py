"""The worker's guard and Compass's own say the same of every address: neither may import the other."""

from ipaddress import ip_address
from typing import Any

import pytest

from agents_worker.contracts import AgentConfig
from agents_worker.guard import address_allowed as worker_allows
from apps.compass.guard import DENIED_V4, DENIED_V6, address_allowed
from apps.compass.services import credential_set
from tests.compass.factories import agent_published, bearer, public_get

EDGES = [str(address) for network in (*DENIED_V4, *DENIED_V6) for address in (network[0], network[-1])]
BESIDE = [str(ip_address(address) + step) for address in EDGES for step in (-1, 1) if 0 < int(ip_address(address)) < 2**32 - 1]
MAPPED = ["::ffff:10.0.0.1", "::ffff:8.8.8.8", "64:ff9b::a00:1", "64:ff9b::808:808"]
OTHERS = ["8.8.8.8", "::1", "::", "fe80::1", "fc00::1", "ff02::1", "2606:4700::1", *MAPPED]


@pytest.mark.parametrize("networks", [[], ["10.20.0.0/16", "fc00::/7"]])
def test_the_guards_agree(networks: list[str], settings: Any) -> None:
    settings.TOOL_ALLOWED_NETWORKS = networks
    told = {address: worker_allows(address, networks) for address in (*EDGES, *BESIDE, *OTHERS, "10.20.3.4")}
    assert told == {address: address_allowed(ip_address(address)) for address in told}
    assert {True, False} == set(told.values())


@pytest.mark.django_db
def test_the_worker_is_told_which_address_is_the_companys(in_acme: Any, settings: Any) -> None:
    agent = agent_published()
    ours = _credentials(agent)["openai"]
    assert ours.base_url is not None and ours.allowed_networks is None
    settings.TOOL_ALLOWED_NETWORKS = ["10.20.0.0/16"]
    credential_set(provider="openai", api_key="acme-key", base_url="https://93.184.215.14/v1")
    assert _credentials(agent)["openai"].allowed_networks == ["10.20.0.0/16"]


def _credentials(agent: Any) -> Any:
    return AgentConfig.model_validate(public_get(f"/agents/{agent.pk}", bearer("acme", agent.pk)).json()).credentials
