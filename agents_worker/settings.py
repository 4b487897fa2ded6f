"""What the worker takes from its environment; a missing value stops start-up with a sentence."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

# set by the parent of both workers: a worker stops when that process is gone
PARENT_VARIABLE = "MERIDIAN_AGENTS_PARENT"


class SettingsError(Exception):
    """A sentence that names what is missing or wrong, and where to set it."""


@dataclass(frozen=True)
class WorkerSettings:
    livekit_url: str
    livekit_api_key: str = field(repr=False)
    livekit_api_secret: str = field(repr=False)
    atlas_health_port: int = 8081
    media_bot_health_port: int = 8082
    max_calls: int = 12
    idle_processes: int = 3
    begin_wait_seconds: int = 0
    drain_seconds: int = 3600
    parent_pid: int | None = None


def _required(environ: Mapping[str, str], name: str) -> str:
    value = environ.get(name, "").strip()
    if not value:
        raise SettingsError(
            f"{name} is not set: the agents worker needs it to reach LiveKit. Set it in the environment or in .env."
        )
    return value


def _whole_number(environ: Mapping[str, str], name: str, default: int, least: int) -> int:
    text = environ.get(name, "").strip()
    if not text:
        return default
    try:
        value = int(text)
    except ValueError:
        value = least - 1
    if value < least:
        raise SettingsError(f"{name} is {text!r}: it must be a whole number, {least} or more.")
    return value


def default_max_calls(cores: int | None = None) -> int:
    """Calls this machine takes, six a core: with more of them nobody is answered in time, so the next one goes elsewhere."""
    return 6 * (cores or os.cpu_count() or 1)


def settings_read(environ: Mapping[str, str] | None = None) -> WorkerSettings:
    """Read the settings. Raises SettingsError with a sentence naming the first problem."""
    env = os.environ if environ is None else environ
    return WorkerSettings(
        livekit_url=_required(env, "LIVEKIT_URL"),
        livekit_api_key=_required(env, "LIVEKIT_API_KEY"),
        livekit_api_secret=_required(env, "LIVEKIT_API_SECRET"),
        atlas_health_port=_whole_number(env, "MERIDIAN_ATLAS_HEALTH_PORT", 8081, 0),
        media_bot_health_port=_whole_number(env, "MERIDIAN_MEDIA_BOT_HEALTH_PORT", 8082, 0),
        max_calls=_whole_number(env, "MERIDIAN_MAX_CALLS", default_max_calls(), 1),
        idle_processes=_whole_number(env, "MERIDIAN_IDLE_PROCESSES", 3, 0),
        begin_wait_seconds=_whole_number(env, "MERIDIAN_BEGIN_WAIT_SECONDS", 0, 0),
        drain_seconds=_whole_number(env, "MERIDIAN_DRAIN_SECONDS", 3600, 1),
        parent_pid=_whole_number(env, PARENT_VARIABLE, 0, 0) or None,
    )
