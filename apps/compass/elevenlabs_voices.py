"""ElevenLabs's voices, by its SDK. Imported where they are asked for: the SDK alone is an eighth of each process's start."""

from typing import Any

from elevenlabs import ElevenLabs
from elevenlabs.core import ApiError

from apps.compass.outgoing import ProviderRefused, provider_http

FORMAT = "mp3_44100_128"


def voices_listed(key: dict[str, Any], *, seconds: float) -> list[Any]:
    """The voices of an account as the SDK has them, waiting `seconds` at most. Raises ProviderRefused, httpx.HTTPError."""
    try:
        return list(_client(key, seconds).voices.get_all().voices)
    except ApiError as error:
        raise ProviderRefused(error.status_code) from error


def voice_sample(key: dict[str, Any], *, model: str, voice: str, text: str, seconds: float) -> bytes:
    """A sentence in this voice, MP3. Raises ProviderRefused, httpx.HTTPError."""
    try:
        return b"".join(
            _client(key, seconds).text_to_speech.convert(voice, text=text, model_id=model, output_format=FORMAT)
        )  # fmt: skip
    except ApiError as error:
        raise ProviderRefused(error.status_code) from error


def _client(key: dict[str, Any], seconds: float) -> ElevenLabs:
    base = (key["base_url"] or "").rstrip("/").removesuffix("/v1")
    return ElevenLabs(api_key=key["api_key"], timeout=seconds, base_url=base or None, httpx_client=provider_http(key["base_url"]))
