"""What providers have to offer: models and voices, asked with the tenant's own key and kept for ten minutes."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx
import openai
from django.core.cache import cache
from django.utils.translation import gettext as _

from apps.compass.models import ProviderCredential
from apps.compass.outgoing import ProviderRefused, openai_http
from apps.compass.selectors.agents import AgentUnavailable, credential_of
from apps.core.errors import TransientError
from apps.core.schema import schema_current

T = TypeVar("T")
SECONDS = 6.0
SAMPLE_SECONDS = 20.0
KEPT_SECONDS = 600
DEEPGRAM = ["nova-3", "nova-3-medical", "nova-2", "nova-2-phonecall", "nova-2-meeting", "flux-general-en"]
OPENAI_STT = ["gpt-4o-transcribe", "gpt-4o-mini-transcribe", "whisper-1"]
NAMES = {"openai": "OpenAI", "elevenlabs": "ElevenLabs"}
OPENAI_VOICES = ("alloy", "ash", "ballad", "coral", "echo", "fable", "nova", "onyx", "sage", "shimmer", "verse")
NOT_LANGUAGE = (
    "whisper",
    "tts",
    "piper",
    "embed",
    "transcribe",
    "dall-e",
    "image",
    "audio",
    "realtime",
    "moderation",
    "sora",
    "minilm",
)
SAMPLES = {
    "de": "Guten Tag, schön, dass Sie anrufen. Wie kann ich Ihnen helfen?",
    "es": "Hola, gracias por llamar. ¿En qué puedo ayudarle?",
    "fr": "Bonjour, merci de votre appel. Comment puis-je vous aider ?",
    "it": "Buongiorno, grazie per la chiamata. Come posso aiutarla?",
    "pt": "Olá, obrigado por ligar. Como posso ajudar?",
}
SAMPLE = "Hello, it is good that you call. How can I help you today?"


class Unanswered(TransientError):
    """The provider gave no list or no sound; the text says why, and what to do."""


@dataclass(frozen=True)
class Voice:
    """`about` is what the provider says of it."""

    id: str
    name: str
    about: str = ""
    gender: str = ""
    language: str = ""

    def fits(self, *, search: str = "", gender: str = "", language: str = "") -> bool:
        """Whether it is what somebody looks for; empty is anything."""
        text = f"{self.name} {self.about} {self.id}".lower()
        return gender in ("", self.gender) and language in ("", self.language) and search.lower() in text


def language_models() -> list[str]:
    """The language models of the OpenAI-like server. Raises Unanswered."""
    return [model for model in _openai_models() if not any(word in model.lower() for word in NOT_LANGUAGE)]


def speech_models(provider: str) -> list[str]:
    """What speech to text can use. Raises Unanswered."""
    if provider == "deepgram":
        return DEEPGRAM
    offered = [model for model in _openai_models() if "whisper" in model.lower() or "transcribe" in model.lower()]
    return offered or OPENAI_STT


def voices(provider: str) -> list[Voice]:
    """Every voice of the tenant's account. Raises Unanswered."""
    if provider == "elevenlabs":
        return _kept("elevenlabs", "voices", _elevenlabs_voices)
    if _credential("openai")["base_url"] and "piper" in _openai_models():
        return [Voice("joe", _("Joe, on this machine"), _("English, male"), "male", "en")]
    return [Voice(name, name.capitalize(), _("speaks every language")) for name in OPENAI_VOICES]


def sample(*, provider: str, model: str, voice: str, language: str) -> tuple[bytes, str]:
    """A sentence in this voice, and its content type. Raises Unanswered."""
    text = SAMPLES.get(language.split("-")[0].lower(), SAMPLE)
    if provider == "elevenlabs":
        return _told("elevenlabs", lambda key: _elevenlabs_sample(key, model, voice, text))
    return _told("openai", lambda key: _openai_sample(key, model, voice, text))


def _openai_models() -> list[str]:
    return _kept("openai", "models", _openai_listed)


def _openai_listed(key: dict[str, Any]) -> list[str]:
    with _openai(key, SECONDS) as client:
        return sorted(model.id for model in client.models.list())


def _openai(key: dict[str, Any], seconds: float) -> openai.OpenAI:
    return openai.OpenAI(
        api_key=key["api_key"],
        base_url=key["base_url"],
        timeout=seconds,
        max_retries=0,
        http_client=openai_http(key["base_url"]),
    )


def _openai_sample(key: dict[str, Any], model: str, voice: str, text: str) -> tuple[bytes, str]:
    with _openai(key, SAMPLE_SECONDS) as client:
        answer = client.audio.speech.create(model=model, voice=voice or "alloy", input=text, response_format="mp3")
        return answer.read(), "audio/mpeg"


def _elevenlabs_voices(key: dict[str, Any]) -> list[Voice]:
    from apps.compass.elevenlabs_voices import voices_listed

    return [_elevenlabs_voice(voice) for voice in voices_listed(key, seconds=SECONDS)]


def _elevenlabs_voice(voice: Any) -> Voice:
    labels = voice.labels or {}
    about = ", ".join(filter(None, (labels.get(name) for name in ("gender", "age", "accent", "use_case", "description"))))
    return Voice(voice.voice_id, voice.name or voice.voice_id, about, labels.get("gender", ""), labels.get("language", ""))


def _elevenlabs_sample(key: dict[str, Any], model: str, voice: str, text: str) -> tuple[bytes, str]:
    from apps.compass.elevenlabs_voices import voice_sample

    return voice_sample(key, model=model, voice=voice, text=text, seconds=SAMPLE_SECONDS), "audio/mpeg"


def _credential(provider: str) -> dict[str, Any]:
    own = ProviderCredential.objects.filter(provider=provider).first()
    try:
        return credential_of(provider, own.secret if own else None)
    except AgentUnavailable as error:
        raise Unanswered(error.message) from error


def _kept(provider: str, what: str, ask: Callable[[dict[str, Any]], T]) -> T:
    key = _credential(provider)
    mark = hashlib.sha256(f"{key['api_key']} {key['base_url']}".encode()).hexdigest()[:24]
    name = f"catalogue:{schema_current()}:{provider}:{what}:{mark}"
    found: T | None = cache.get(name)
    if found is None:
        found = _told(provider, ask)
        cache.set(name, found, KEPT_SECONDS)
    return found


def _told(provider: str, ask: Callable[[dict[str, Any]], T]) -> T:
    """A provider's own words may hold a part of the key, so they are not passed on."""
    try:
        return ask(_credential(provider))
    except (openai.APIStatusError, ProviderRefused) as error:
        if error.status_code in (401, 403):
            text = _("%(provider)s does not take the key. Put a new one in under Settings, Providers.")
        else:
            text = _("%(provider)s answered with an error. Try again in a minute, or write the name by hand.")
        raise Unanswered(text % {"provider": NAMES[provider]}) from error
    except (openai.OpenAIError, httpx.HTTPError, OSError) as error:
        text = _("%(provider)s did not answer. Try again in a minute, or write the name by hand.")
        raise Unanswered(text % {"provider": NAMES[provider]}) from error
