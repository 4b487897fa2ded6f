"""What new agents listen, think and speak with, by the providers that the environment has."""

from collections.abc import Mapping
from typing import Any

from embedded.models import CHAT_MODEL, SPEECH_MODEL, TRANSCRIPTION_MODEL, VOICE


def agent_defaults(env: Mapping[str, str]) -> dict[str, Any]:
    """Return parts of an agent's configuration."""
    chosen = _local() if env.get("MERIDIAN_LOCAL_MODELS") else _openai()
    if env.get("DEEPGRAM_API_KEY"):
        chosen["stt"] = {"provider": "deepgram", "model": "nova-3"}
    if env.get("ELEVENLABS_API_KEY"):
        chosen["tts"] = {"provider": "elevenlabs", "model": "eleven_flash_v2_5", "voice": ""}
    return chosen


def _openai() -> dict[str, Any]:
    return {
        "stt": {"provider": "openai", "model": "gpt-4o-mini-transcribe"},
        "llm": {"provider": "openai", "model": "gpt-4o-mini"},
        "tts": {"provider": "openai", "model": "gpt-4o-mini-tts", "voice": "alloy"},
    }


def _local() -> dict[str, Any]:
    return {
        "stt": {"provider": "openai", "model": TRANSCRIPTION_MODEL},
        "llm": {"provider": "openai", "model": CHAT_MODEL, "temperature": 0.0},
        "tts": {"provider": "openai", "model": SPEECH_MODEL, "voice": VOICE},
        # The local voice asks its questions so evenly that the end-of-turn model is unsure of them: wait a second, not more.
        "turn_taking": {"max_endpointing_delay": 1.0},
        "limits": {"first_token_seconds": 10},  # a model without a graphics card, on a machine that does everything else too
    }
