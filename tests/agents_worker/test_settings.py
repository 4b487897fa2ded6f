from __future__ import annotations

import pytest

from agents_worker.__main__ import main
from agents_worker.settings import SettingsError, default_max_calls, settings_read

ENVIRON = {"LIVEKIT_URL": "ws://127.0.0.1:7880", "LIVEKIT_API_KEY": "k", "LIVEKIT_API_SECRET": "s"}


def test_defaults() -> None:
    settings = settings_read(ENVIRON)
    assert (settings.atlas_health_port, settings.media_bot_health_port) == (8081, 8082)
    assert settings.max_calls == default_max_calls()
    assert (settings.idle_processes, settings.begin_wait_seconds) == (3, 0)


def test_two_cores_take_twelve_calls() -> None:
    assert default_max_calls(2) == 12


@pytest.mark.parametrize("name", sorted(ENVIRON))
def test_a_missing_value_is_named(name: str) -> None:
    with pytest.raises(SettingsError, match=f"^{name} is not set"):
        settings_read({key: value for key, value in ENVIRON.items() if key != name})


@pytest.mark.parametrize("text", ["-1", "many", "1.5"])
def test_a_wrong_number_is_named(text: str) -> None:
    with pytest.raises(SettingsError, match="MERIDIAN_MAX_CALLS"):
        settings_read(ENVIRON | {"MERIDIAN_MAX_CALLS": text})


def test_start_up_stops_with_a_sentence(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("LIVEKIT_URL", raising=False)
    assert main([]) == 1
    assert capsys.readouterr().err.startswith("agents_worker: LIVEKIT_URL is not set")


def test_an_unknown_agent_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["herald"]) == 2
    assert "atlas|media-bot" in capsys.readouterr().err
