"""compose.yaml's images, and how its parts reach each other; test_deployment.py holds it against the code."""

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent.parent
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]


def test_official_images() -> None:
    images = {name: service["image"].partition(":")[0] for name, service in SERVICES.items()}
    assert images["livekit"] == "livekit/livekit-server"
    assert images["sip"] == "livekit/sip"
    assert {images[name] for name in ("web", "realtime", "worker", "beat", "agents", "migrate")} == {"meridian"}


def test_what_configurations_name_is_reachable() -> None:
    livekit = yaml.safe_load(_plain(SERVICES["livekit"]["environment"]["LIVEKIT_CONFIG"]))
    sip = yaml.safe_load(_plain(SERVICES["sip"]["environment"]["SIP_CONFIG_BODY"]))
    assert livekit["webhook"]["urls"] == ["http://web:8000/livekit/webhook"]
    assert livekit["redis"]["db"] == sip["redis"]["db"] == 1
    assert livekit["agents"]["target_load"] == 1.0
    assert sip["ws_url"] == "ws://127.0.0.1:7880"
    assert "127.0.0.1:7880:7880" in SERVICES["livekit"]["ports"]


def test_livekit_is_the_version_that_is_built_elsewhere() -> None:
    built = re.search(r'LIVEKIT_VERSION = "(v[\d.]+)"', (ROOT / "embedded" / "toolchain.py").read_text())
    assert built is not None
    assert SERVICES["livekit"]["image"].endswith(":" + built.group(1))


def test_an_upgrade_of_another_ones_image_is_a_change_of_this_file() -> None:
    images = {service["image"] for service in SERVICES.values()} - {"meridian:latest"}  # built from this checkout
    assert all(re.fullmatch(r"[a-z/-]+:(v|pg)?\d[\d.]*", image) for image in images), images
    whole = {image for image in images if image.startswith("livekit/")}
    assert all(re.fullmatch(r"livekit/[a-z-]+:v\d+\.\d+\.\d+", image) for image in whole), "the two have to fit each other"


def test_the_image_is_built_once_and_never_fetched() -> None:
    ours = {name: service for name, service in SERVICES.items() if service["image"] == "meridian:latest"}
    assert [name for name, service in SERVICES.items() if "build" in service] == ["migrate"]
    assert {service["pull_policy"] for service in ours.values()} == {"never"}


def test_postgres_is_not_called_healthy_while_its_first_start_makes_the_database() -> None:
    test = SERVICES["postgres"]["healthcheck"]["test"]
    assert test[:4] == ["CMD", "pg_isready", "-h", "127.0.0.1"], "on its socket Postgres answers before it goes down once more"


def test_dependencies_exist() -> None:
    for name, service in SERVICES.items():
        assert set(service.get("depends_on", {})) <= SERVICES.keys(), name
        for volume in service.get("volumes", []):
            place = volume.partition(":")[0]
            assert place in COMPOSE["volumes"] or (ROOT / place).is_file(), name


def _plain(text: str) -> str:
    """A value in place of each ${VARIABLE}."""
    return re.sub(r"\$\{[^}]*\}", "value", text)
