"""What the README and docs/ name is there: files, links, commands and settings."""

import re
from pathlib import Path

import pytest
from django.core.management import get_commands
from django.urls import Resolver404, resolve

from config.env import ROOT
from tests.architecture.test_deployment import UNTOLD, names_told

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TOP = {path.name for path in ROOT.iterdir()}
# Capitals that are no settings of a person: of Django, of LiveKit, of the benches, and a rule's own number.
NO_SETTINGS = {
    "AUDITLOG_INCLUDE_TRACKING_MODELS",
    "LIVEKIT_AGENTS_LOOP_BLOCK_WARN_MS",
    "MERIDIAN_BENCH_KEEP",
    "MACHINE_HISTORIES",
}
# Prefixes, parts of addresses, the proxy's routes, what middleware answers, and other paths.
NO_PAGES = {"/api/v1/", "/api/v1/billing/", "/plan", "/plan/preview", "/media-bot", "/shortcut", "/embeddings", "/order/status"}
NO_PAGES |= {"/healthz", "/readyz", "/metrics", "/rtc", "/ws/"}
FOLDERS = ("/bin/", "/etc/", "/home/", "/opt/", "/tmp/", "/usr/", "/var/")
METHODS = "(?:GET|POST|PUT|PATCH|DELETE)"
pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def anchors(page: Path) -> set[str]:
    """A page's headings as GitHub makes anchors of them."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pages
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        other = (page.parent / path).resolve() if path else page
        assert other.exists(), target
        assert not anchor or anchor in anchors(other), target


@pages
def test_commands_are_there(page: Path) -> None:
    named = set(re.findall(r"manage\.py ([a-z]\w+)", page.read_text()))
    assert named <= set(get_commands())
    scripts = set(re.findall(r"(?<![\w/])(?:\./)?script/(\w+)", page.read_text()))
    assert scripts <= {path.name for path in (ROOT / "script").iterdir()}


@pages
def test_files_are_there(page: Path) -> None:
    for name in re.findall(r"`([\w.-]+(?:/[\w.-]+)+)/?`", page.read_text()):
        if name.split("/")[0] in TOP and not name.startswith("media/"):
            assert (ROOT / name).exists(), name


@pages
def test_settings_can_be_set(page: Path) -> None:
    named = set(re.findall(r"`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?:=[^`]*)?`", page.read_text()))
    assert named <= names_told() | UNTOLD | NO_SETTINGS


def served(address: str) -> bool:
    """Whether the public host or a company's answers an address, whatever stands in its braces."""
    for urls in ("config.urls_public", "config.urls_tenant"):
        for value in ("00000000-0000-7000-8000-000000000000", "1", "x"):
            filled = re.sub(r"\{[^}]*\}", value, address)
            for path in (filled, filled.rstrip("/"), f"{filled}/"):
                try:
                    resolve(path, urls)
                except Resolver404:
                    continue
                return True
    return False


@pages
def test_addresses_are_served(page: Path) -> None:
    named = set(re.findall(rf"`(?:{METHODS}(?:[, ]+{METHODS})* )?(/[a-z][\w/{{}}.-]*)`", page.read_text()))
    named = {address for address in named - NO_PAGES if not address.startswith(FOLDERS)}
    assert {address for address in named if not served(address)} == set()
