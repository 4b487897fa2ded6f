"""Speech and language models, chosen by an agent's configuration alone."""

from __future__ import annotations

import inspect
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

import aiohttp
import httpx2
import openai
from livekit.agents import llm, stt, tts, vad
from livekit.plugins import deepgram, elevenlabs
from livekit.plugins import openai as openai_plugin

from agents_worker.contracts import (
    AgentConfig,
    Credential,
    LanguageModel,
    SpeechToText,
    TextToSpeech,
)
from agents_worker.eager_stt import EagerSTT
from agents_worker.guard import GuardedTransport, guarded_session

T = TypeVar("T")

_PROVIDER_NAMES = {"deepgram": "deepgram", "elevenlabs": "elevenlabs"}
_RESERVED = frozenset({"api_key", "base_url", "client", "http_session", "model", "vad", "self"})
_OPENAI_TIMEOUT = httpx2.Timeout(connect=5.0, read=20.0, write=5.0, pool=5.0)
_OPENAI_LIMITS = httpx2.Limits(max_connections=20, max_keepalive_connections=20, keepalive_expiry=120)


class ProviderError(Exception):
    """A provider cannot be used; the sentence names it and says where to set what is missing."""


@dataclass
class Models:
    """The models of one call. `llms` holds the agent's model first, then its fallbacks."""

    stt: stt.STT
    llms: list[llm.LLM]
    tts: tts.TTS


@cache
def tls_context() -> ssl.SSLContext:
    """One context for every client: loading the certificates stalls an event loop for long."""
    return httpx2.create_ssl_context()


def provider_name(plugin_provider: str) -> str:
    """The name billing knows for what a plugin calls itself.

    The openai plugin answers with the host of its base_url, so what is not named is openai.
    """
    return _PROVIDER_NAMES.get(plugin_provider.lower(), "openai")


def credential_for(config: AgentConfig, provider: str) -> Credential:
    """The key and address of a provider. Raises ProviderError when there is no key."""
    credential = config.credentials.get(provider)
    if credential is None or not credential.api_key:
        raise ProviderError(
            f"Agent {config.slug or config.id} uses {provider}, and there is no API key for it: "
            f"set it under Credentials in Compass, or {provider.upper()}_API_KEY for the "
            "whole platform."
        )
    return credential


class ModelFactory:
    """Builds the models of one agent, sharing one HTTP client for each OpenAI-like server."""

    def __init__(self, config: AgentConfig) -> None:
        self._config = config
        self._clients: dict[tuple[str, str | None], openai.AsyncClient] = {}
        self._sessions: list[aiohttp.ClientSession] = []

    def models(self, detector: vad.VAD) -> Models:
        """Everything a conversation needs. Raises ProviderError naming the first problem."""
        chain = [self._config.llm, *self._config.llm.fallbacks]
        return Models(
            stt=self.streaming_stt(detector),
            llms=[self.llm(model) for model in chain],
            tts=self.tts(),
        )

    def streaming_stt(self, detector: vad.VAD) -> stt.STT:
        """The agent's speech to text; one that cannot stream is run on each utterance."""
        recognizer = self.stt()
        if recognizer.capabilities.streaming:
            return recognizer
        return EagerSTT(recognizer, detector)

    def stt(self) -> stt.STT:
        spec = self._config.stt
        credential = credential_for(self._config, spec.provider)
        if spec.provider == "deepgram":
            return _deepgram_stt(spec, credential, self._config.language, self._guarded(credential))
        if spec.provider == "openai":
            defaults = {"language": _base_language(self._config.language)}
            kwargs = _checked(openai_plugin.STT, defaults | spec.options, "speech to text")
            return openai_plugin.STT(model=spec.model, client=self.openai(credential), **kwargs)
        raise ProviderError(f"{spec.provider} is not offered for speech to text.")

    def llm(self, spec: LanguageModel) -> llm.LLM:
        if spec.provider != "openai":
            raise ProviderError(f"{spec.provider} has no language model here: choose openai.")
        credential = credential_for(self._config, spec.provider)
        defaults = {} if spec.temperature is None else {"temperature": spec.temperature}
        kwargs = _checked(openai_plugin.LLM, defaults | spec.options, "language model")
        return openai_plugin.LLM(model=spec.model, client=self.openai(credential), **kwargs)

    def tts(self) -> tts.TTS:
        spec = self._config.tts
        credential = credential_for(self._config, spec.provider)
        if spec.provider == "elevenlabs":
            return _elevenlabs_tts(spec, credential, self._config.language, self._guarded(credential))
        if spec.provider == "openai":
            kwargs = _checked(openai_plugin.TTS, {"response_format": "pcm"} | spec.options, "text to speech")
            if spec.voice:
                kwargs["voice"] = spec.voice
            return openai_plugin.TTS(model=spec.model, client=self.openai(credential), **kwargs)
        raise ProviderError(f"{spec.provider} is not offered for text to speech.")

    def openai(self, credential: Credential) -> openai.AsyncClient:
        """One client for each key and address: building one costs tens of milliseconds."""
        key = (credential.api_key, credential.base_url)
        if key not in self._clients:
            self._clients[key] = openai.AsyncClient(
                api_key=credential.api_key,
                base_url=credential.base_url,
                max_retries=0,
                http_client=_openai_http(credential),
            )
        return self._clients[key]

    async def aclose(self) -> None:
        for client in self._clients.values():
            await client.close()
        self._clients.clear()
        for session in self._sessions:
            await session.close()
        self._sessions.clear()

    def _guarded(self, credential: Credential) -> aiohttp.ClientSession | None:
        """None where the address is not the company's: the job's own session will do."""
        if credential.allowed_networks is None:
            return None
        session = guarded_session(credential.allowed_networks, tls_context())
        self._sessions.append(session)
        return session


def _openai_http(credential: Credential) -> httpx2.AsyncClient:
    if credential.allowed_networks is not None:
        inner = httpx2.AsyncHTTPTransport(verify=tls_context(), limits=_OPENAI_LIMITS, trust_env=False)
        guarded = GuardedTransport(inner, credential.allowed_networks)
        return httpx2.AsyncClient(transport=guarded, timeout=_OPENAI_TIMEOUT, trust_env=False, follow_redirects=False)
    return httpx2.AsyncClient(
        verify=tls_context(),
        timeout=_OPENAI_TIMEOUT,
        limits=_OPENAI_LIMITS,
        follow_redirects=credential.base_url is None,  # an address that was set leads nowhere but there
    )


def _deepgram_stt(spec: SpeechToText, credential: Credential, language: str, session: aiohttp.ClientSession | None) -> stt.STT:
    kwargs = _checked(deepgram.STT, {"language": language} | spec.options, "speech to text")
    if credential.base_url:
        kwargs["base_url"] = deepgram_listen_url(credential.base_url)
    return deepgram.STT(model=spec.model, api_key=credential.api_key, http_session=session, **kwargs)


def _elevenlabs_tts(spec: TextToSpeech, credential: Credential, language: str, session: aiohttp.ClientSession | None) -> tts.TTS:
    # PCM at the room's own rate: nothing to decode and nothing to resample
    defaults: dict[str, Any] = {"encoding": "pcm_24000"}
    if "multilingual" not in spec.model:
        defaults["language"] = _base_language(language)
    options = dict(spec.options)
    if isinstance(options.get("voice_settings"), Mapping):
        options["voice_settings"] = elevenlabs.VoiceSettings(**options["voice_settings"])
    kwargs = _checked(elevenlabs.TTS, defaults | options, "text to speech")
    if spec.voice:
        kwargs["voice_id"] = spec.voice
    if credential.base_url:
        kwargs["base_url"] = with_version(credential.base_url)
    return elevenlabs.TTS(model=spec.model, api_key=credential.api_key, http_session=session, **kwargs)


def with_version(base_url: str) -> str:
    """An address that ends in /v1, whether it came with it or not."""
    parts = urlsplit(base_url)
    path = parts.path.rstrip("/")
    return urlunsplit(parts._replace(path=path if path.endswith("/v1") else f"{path}/v1"))


def deepgram_listen_url(base_url: str) -> str:
    """Deepgram's /v1/listen from a base address with or without its path."""
    trimmed = base_url.rstrip("/").removesuffix("/listen")
    return f"{with_version(trimmed)}/listen"


def _base_language(language: str) -> str:
    return language.replace("_", "-").split("-")[0].lower()


def _checked(build: Callable[..., T], options: Mapping[str, Any], what: str) -> dict[str, Any]:
    """Options as keyword arguments; one that the plugin does not take is named."""
    known = set(inspect.signature(build).parameters) - _RESERVED
    for name in options:
        if name not in known:
            raise ProviderError(
                f"The agent's {what} has an option {name!r} that it does not take. Known options: {', '.join(sorted(known))}."
            )
    return dict(options)
