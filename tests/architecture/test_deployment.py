"""The files that bring Meridian to a server agree with each other and with what the code reads; no engine is needed for that."""

import ast
import fnmatch
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from py_vapid import Vapid02, b64urlencode  # type: ignore[import-untyped]

from config.env import ROOT
from embedded.keys import vapid_public

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"].startswith("meridian:")}
WEB_SIDE = {name: service for name, service in OURS.items() if name != "agents"}
DOCKERFILE = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
READERS = r"env\.(?:required|optional|flag|many|days|belonging)|environ\.get|env\.get|_required|_whole_number"
ENV_READ = re.compile(rf'(?:{READERS})\((?:env(?:iron)?, )?"([A-Z_]+)"')
# Read in other ways: by Django, Docker, compose.yaml, script/_lib.sh, embedded.ports and embedded.environment.
ALSO_READ = {
    "DJANGO_SETTINGS_MODULE",
    "COMPOSE_PROFILES",
    "POSTGRES_PASSWORD",
    "NODE_IP",
    "SIP_NAT_IP",
    "MERIDIAN_PYTHON",
    "MERIDIAN_NODE_IP",
    "MERIDIAN_LIVEKIT_SIP",
}
ALSO_READ |= {f"MERIDIAN_{part}_PORT" for part in ("WEB", "REALTIME", "LIVEKIT", "POSTGRES", "VALKEY", "MODELS", "META", "SIP")}
# Not for a person to set: where things are on one machine, and who stands in for whom.
UNTOLD = {
    "MERIDIAN_STACK_ENV",
    "MERIDIAN_AGENTS_PARENT",
    "MERIDIAN_LOCAL_MODELS",
    "MERIDIAN_PRETEND_META",
    "MERIDIAN_ENV_FILES",
    "STATIC_ROOT",
}
UNTOLD |= {
    "CELERY_BEAT_SCHEDULE_FILENAME",
    "MERIDIAN_ATLAS_HEALTH_PORT",
    "MERIDIAN_MEDIA_BOT_HEALTH_PORT",
    "PUBLIC_HOSTS",
    "MERIDIAN_ALIVE_FILE",
}
UNTOLD |= {"STRIPE_API_BASE", "WHATSAPP_GRAPH_URL", "LIVEKIT_RTC_DEBUG"}


def names_read(*folders: str) -> set[str]:
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    return {name for path in files for name in ENV_READ.findall(path.read_text())}


def names_told() -> set[str]:
    """What .env.example names, commented or not."""
    return set(re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))


def words_of(service: dict[str, Any]) -> list[str]:
    return [str(word) for word in service.get("command", [])]


def without_places(words: list[str]) -> list[str]:
    """A command without where it listens and where it keeps its files, which differ between a machine and a container."""
    kept, skip = [], False
    for word in words:
        if skip or word in ("--host", "--port", "--schedule", "--pidfile"):
            skip = not skip
            continue
        kept.append(word)
    return kept


def test_compose_runs_what_the_procfile_runs() -> None:
    lines = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())
    image = ast.literal_eval(re.findall(r"^CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)[-1])
    for name, line in lines.items():
        if name == "models":  # one machine's stand-in
            continue
        command = words_of(OURS[name]) or image
        assert without_places(command) == without_places(shlex.split(line)), name


@pytest.mark.parametrize("name", sorted(OURS))
def test_what_a_service_is_given_is_read_by_somebody(name: str) -> None:
    folders = ("agents_worker",) if name == "agents" else ("config", "apps")
    extra = {"OPENAI_API_KEY", "OPENAI_BASE_URL", "ELEVENLABS_API_KEY", "ELEVENLABS_BASE_URL"}  # announce builds these names
    extra |= {"API_URL"}  # the address that a job's metadata leave out
    assert OURS[name]["environment"].keys() <= names_read(*folders) | extra


@pytest.mark.parametrize("name", sorted(WEB_SIDE))
def test_all_of_env_reaches_the_web_side(name: str) -> None:
    assert WEB_SIDE[name]["env_file"] == ".env"


def test_the_agents_hold_no_key_to_the_database() -> None:
    agents = OURS["agents"]
    assert "env_file" not in agents
    assert not agents["environment"].keys() & {
        "SECRET_KEY",
        "FIELD_KEYS",
        "DATABASE_URL",
        "POSTGRES_PASSWORD",
        "STRIPE_SECRET_KEY",
    }
    assert names_read("agents_worker") - UNTOLD <= agents["environment"].keys()


def test_the_example_names_what_can_be_set_and_nothing_else() -> None:
    read = names_read("config", "apps", "agents_worker", "embedded")
    told = names_told()
    assert told - read - ALSO_READ == set()
    assert names_read("config", "agents_worker") - told - UNTOLD == set()


def test_a_worker_has_ended_its_calls_before_it_is_killed() -> None:
    agents = OURS["agents"]
    drain = int(re.findall(r":-(\d+)}", agents["environment"]["MERIDIAN_DRAIN_SECONDS"])[0])
    assert agents["stop_grace_period"] == "10m"
    assert drain + 30 <= 600


def test_the_image_is_made_of_what_is_there() -> None:
    ignored = (ROOT / ".dockerignore").read_text().split()
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE):
        for source in line.split()[:-1]:
            assert any(path == source or path.startswith(f"{source}/") for path in tracked), source
            assert not any(fnmatch.fnmatch(source, pattern) for pattern in ignored), source


def test_the_image_holds_every_package_that_production_imports() -> None:
    last = DOCKERFILE.split("\nFROM ")[-1]
    copied = {source for line in re.findall(r"^COPY (?!--from)(.+)$", last, re.MULTILINE) for source in line.split()[:-1]}
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    imported = set()
    for folder in ("config", "apps", "agents_worker"):
        for path in (ROOT / folder).rglob("*.py"):
            if path.name != "dev.py" and path.name != "test.py":
                imported |= set(re.findall(r"^\s*(?:from|import) (\w+)", path.read_text(), re.MULTILINE))
    assert imported & packages <= copied


def test_what_the_image_calls_a_volume_is_mounted_by_every_part() -> None:
    declared = {
        place for line in re.findall(r"^VOLUME (.+)$", DOCKERFILE, re.MULTILINE) for place in re.findall(r"[\w/.-]+", line)
    }
    for name, service in OURS.items():
        mounted = {volume.split(":")[1] for volume in service.get("volumes", [])}
        assert declared <= mounted, f"each `docker compose down` would leave a nameless volume of {name} behind"


def test_health_is_asked_where_the_process_listens() -> None:
    for name in ("web", "realtime"):
        command = words_of(OURS[name]) or ast.literal_eval(re.findall(r"^CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)[-1])
        port = command[command.index("--port") + 1]
        assert f"127.0.0.1:{port}/" in OURS[name]["healthcheck"]["test"][-1]
        assert OURS[name]["ports"] == [f"127.0.0.1:{port}:{port}"]
    for name in OURS:
        test = OURS[name].get("healthcheck", {}).get("test", [])
        if "python" in test:
            compile(test[-1], name, "exec")


def test_every_part_that_goes_on_tells_its_health() -> None:
    without = {name for name, service in SERVICES.items() if "healthcheck" not in service}
    assert without == {"migrate", "sip"}  # one ends, the other's image holds nothing to ask with


def test_the_file_that_health_looks_at_is_the_one_that_is_touched() -> None:
    for name in ("worker", "turns", "beat"):
        test = OURS[name]["healthcheck"]["test"]
        alive = OURS[name]["environment"]["MERIDIAN_ALIVE_FILE"]
        assert f"find {alive} -mmin -1" in test[-1]
        assert "$$(" in test[-1]  # one $ would be compose's


def test_what_is_open_to_the_world_is_the_proxy_and_media() -> None:
    published = {port for service in SERVICES.values() for port in service.get("ports", [])}
    assert {port for port in published if not port.startswith("127.0.0.1:")} == {
        "80:80",
        "443:443",
        "443:443/udp",
        "7881:7881",
        "7882:7882/udp",
    }


def test_the_proxy_knows_the_names_of_the_services() -> None:
    text = (ROOT / "Caddyfile").read_text()
    assert set(re.findall(r"(\w+):\d{4}\b", text)) <= SERVICES.keys()
    assert "http://web:8000/domains/allowed" in text
    routes = re.findall(r'path\("(\w+)/', (ROOT / "config" / "asgi.py").read_text())
    assert set(routes) == {"ws"}
    assert "@live path /ws/*" in text


def configured(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "script").mkdir(exist_ok=True)
    shutil.copy(ROOT / "script" / "configure", folder / "script" / "configure")
    command = ["sh", str(folder / "script" / "configure"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env={"PATH": os.environ["PATH"]}, check=False)


def env_of(folder: Path) -> dict[str, str]:
    lines = (folder / ".env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


@pytest.mark.skipif(shutil.which("openssl") is None, reason="script/configure makes its secrets by openssl")
def test_configure_writes_all_that_compose_demands(tmp_path: Path) -> None:
    shutil.copy(ROOT / ".env.example", tmp_path / ".env")
    done = configured(tmp_path, "meridian.example.com", "203.0.113.5")
    assert done.returncode == 0, done.stderr
    env = env_of(tmp_path)
    assert set(re.findall(r"\$\{([A-Z_]+):\?", (ROOT / "compose.yaml").read_text())) <= {name for name in env if env[name]}
    assert len(env["LIVEKIT_API_SECRET"]) >= 32
    assert (tmp_path / ".env").stat().st_mode & 0o077 == 0
    key = Vapid02.from_string(env["WEBPUSH_PRIVATE_KEY"])
    assert b64urlencode(key.private_key.private_numbers().private_value.to_bytes(32, "big")) == env["WEBPUSH_PRIVATE_KEY"]
    assert vapid_public(env["WEBPUSH_PRIVATE_KEY"]) == env["WEBPUSH_PUBLIC_KEY"]


@pytest.mark.skipif(shutil.which("openssl") is None, reason="script/configure makes its secrets by openssl")
def test_configure_never_writes_over_secrets(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("FIELD_KEYS=kept\n")
    done = configured(tmp_path, "meridian.example.com", "203.0.113.5")
    assert done.returncode == 1
    assert "has a FIELD_KEYS already" in done.stderr
    assert (tmp_path / ".env").read_text() == "FIELD_KEYS=kept\n"


@pytest.mark.parametrize(
    "name", ["", "https://meridian.example.com", "meridian.example.com/x", "meridian", "meridian.example.com:8443"]
)
def test_configure_refuses_what_is_no_host_name(tmp_path: Path, name: str) -> None:
    done = configured(tmp_path, name, "203.0.113.5")
    assert done.returncode == 1
    assert done.stderr.startswith("Meridian: ")
    assert not (tmp_path / ".env").exists()
