"""What the README and docs/ name is there: files, links, commands and settings. And what is there for people is named."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class
from django.urls import Resolver404, URLPattern, URLResolver, get_resolver, resolve

from apps.compass.webhooks import TEST, TYPES
from apps.tenants.models_keys import AREAS
from config.env import ROOT
from tests.architecture.test_deployment import UNTOLD, names_told

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TOP = {path.name for path in ROOT.iterdir()}
# Capitals that are no settings of a person: of Django, LiveKit, OpenMP and the benches, and a rule's own number.
NO_SETTINGS = {
    "AUDITLOG_INCLUDE_TRACKING_MODELS",
    "LIVEKIT_AGENTS_LOOP_BLOCK_WARN_MS",
    "MERIDIAN_BENCH_KEEP",
    "MACHINE_HISTORIES",
    "OMP_WAIT_POLICY",
}
# Prefixes, parts of addresses, the proxy's routes, what middleware answers, and other paths.
NO_PAGES = {"/api/v1/", "/api/v1/billing/", "/plan", "/plan/preview", "/media-bot", "/shortcut", "/embeddings", "/order/status"}
NO_PAGES |= {"/healthz", "/readyz", "/metrics", "/rtc", "/ws/"}
READ = re.compile(r'(?:\benv|environ|given)(?:\.get\(|\[|\.(?:required|optional|flag|many|days|belonging)\()"([A-Z_]+)"')
# Of the system, not of Meridian; and what one process of the stack tells the pretend Meta.
NOT_OURS = {"PATH", "TERM", "NO_PROXY"}
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


def our_commands() -> dict[str, str]:
    return {name: app for name, app in get_commands().items() if app.startswith("apps.") or app == "embedded"}


def test_every_command_is_named() -> None:
    text = "\n".join(page.read_text() for page in PAGES) + (ROOT / "script" / "up").read_text()
    assert {name for name in our_commands() if f"manage.py {name}" not in text} == set()


@pages
def test_options_of_commands_can_be_given(page: Path) -> None:
    text = page.read_text().replace("\\\n", " ")
    for name, rest in re.findall(r"manage\.py (\w+)([^`|\n]*)", text):
        if name in our_commands():
            parser = load_command_class(our_commands()[name], name).create_parser("manage.py", name)
            assert set(re.findall(r"--[a-z-]+", rest)) <= set(parser._option_string_actions), name


def test_every_setting_that_is_read_is_named() -> None:
    files = [path for folder in ("config", "agents_worker", "embedded") for path in (ROOT / folder).rglob("*.py")]
    read = {name for path in files for name in READ.findall(path.read_text()) if not name.startswith("META_")}
    told = names_told() | set(re.findall(r"`([A-Z_]+)(?:=[^`]*)?`", "".join(page.read_text() for page in PAGES)))
    assert read - told - UNTOLD - NOT_OURS == set()


def addresses(patterns: Iterable[URLPattern | URLResolver], before: str = "") -> Iterator[str]:
    """Every address below these, with what its braces would hold still in angles."""
    for pattern in patterns:
        address = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern.url_patterns, address)
        else:
            yield address


def test_every_group_of_the_api_is_named() -> None:
    below = re.compile(r"api/v1/([\w-]+)")
    groups = {
        found[1] for address in addresses(get_resolver("config.urls_tenant").url_patterns) if (found := below.match(address))
    }
    text = (ROOT / "docs" / "api.md").read_text()
    assert "conversations" in groups
    assert {group for group in groups if not re.search(rf"(?:/api/v1/|[A-Z] |· ){group}\b", text)} == set()


def test_every_scope_and_event_is_named() -> None:
    api, webhooks = ((ROOT / "docs" / name).read_text() for name in ("api.md", "webhooks.md"))
    assert {scope for scope in AREAS if f"`{scope}`" not in api} == set()
    rows = {name for line in re.findall(r"^\| ([a-z., ]+) \|", webhooks, re.MULTILINE) for name in line.split(", ")}
    assert {*TYPES, TEST} <= rows
