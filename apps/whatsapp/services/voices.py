"""Voice notes become text: by the speech-to-text provider of the agent that answers the number."""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import openai
import structlog

from apps.compass.outgoing import openai_http, provider_http
from apps.compass.selectors import AgentUnavailable, agent_config, agent_for_call, agents_all
from apps.core.errors import PermanentError, TransientError
from apps.core.models import OPEN, OutboundEffect
from apps.core.outbox import effect_enqueue
from apps.core.prepared import prepared
from apps.desktop.models import Attachment
from apps.desktop.selectors.outgoing import attachment_get
from apps.desktop.services.messages import attachment_transcribed
from apps.whatsapp.lengths import ogg_seconds
from apps.whatsapp.selectors import mapping_for, turn_collecting
from apps.whatsapp.services.usage import voice_charge
from apps.whatsapp.wakes import turn_wake

log = structlog.get_logger(__name__)
TIMEOUT = 40.0
LONGEST_BYTES = 25 * 1024 * 1024  # what providers take in one request
DEEPGRAM = "https://api.deepgram.com"
MEDIA, TRANSCRIPT = "whatsapp.media", "whatsapp.transcript"
UNHEARD = (
    "SELECT file.id FROM desktop_attachment AS file JOIN desktop_message AS said ON said.id = file.message_id"
    " WHERE said.id = ANY(%s::uuid[]) AND said.kind = 'audio' AND file.transcript = ''"
)


@dataclass(frozen=True)
class Said:
    """What a voice note says, and how many seconds of it the provider counts; None where it does not tell."""

    text: str
    seconds: float | None


def transcript_enqueue(attachment_id: UUID | str) -> None:
    """In the caller's transaction: has a stored voice note transcribed."""
    effect_enqueue(kind=TRANSCRIPT, key=f"{TRANSCRIPT}:{attachment_id}", payload={"attachment": str(attachment_id)})


def transcripts_pending(message_ids: list[str]) -> bool:
    """Whether a voice note of these messages is still being fetched or transcribed."""
    with prepared(UNHEARD, [message_ids]) as cursor:
        keys = [f"{kind}:{pk}" for (pk,) in cursor.fetchall() for kind in (MEDIA, TRANSCRIPT)]
    return bool(keys) and OutboundEffect.objects.filter(OPEN, key__in=keys).exists()


def voice_transcribe(attachment_id: str) -> str:
    """Keeps what a voice note says. Raises PermanentError where it cannot be told, TransientError to try again."""
    attachment = attachment_get(attachment_id)
    if attachment is None or attachment.message is None or not attachment.file:
        raise PermanentError("The voice note is not here any more.")
    if attachment.size > LONGEST_BYTES:
        raise PermanentError("The voice note is too long to be transcribed.")
    config = _config(attachment)
    reader = {"openai": _openai, "deepgram": _deepgram}.get(config["stt"]["provider"])
    if reader is None:
        raise PermanentError(f"{config['stt']['provider']} cannot transcribe files here.")
    with attachment.file.open("rb") as file:
        data = file.read()
    said = reader(attachment, config, data)
    voice_charge(attachment, config, said.seconds or ogg_seconds(data))
    text = said.text.strip()
    attachment_transcribed(attachment_id=attachment.pk, text=text)
    return text


def _config(attachment: Attachment) -> dict[str, Any]:
    """The conversation's agent, the number's, or any other agent of the tenant that can talk."""
    assert attachment.message is not None
    conversation = attachment.message.conversation
    mapping = mapping_for(conversation.line)
    others = agents_all().values_list("pk", flat=True)[:20]
    candidates = [conversation.agent_id, mapping.agent_id if mapping else None, *others]
    for agent_id in filter(None, candidates):
        try:
            return agent_config(agent_for_call(agent_id))
        except AgentUnavailable as error:
            log.info("transcript_agent_unavailable", agent=str(agent_id), code=error.code)
    raise PermanentError("No agent of this tenant can transcribe: publish one in Compass.")


def _openai(attachment: Attachment, config: dict[str, Any], data: bytes) -> Said:
    credential = config["credentials"]["openai"]
    client = openai.OpenAI(
        api_key=credential["api_key"],
        base_url=credential["base_url"],
        timeout=TIMEOUT,
        max_retries=0,
        http_client=openai_http(credential["base_url"]),
    )
    try:
        with client:
            answer = client.audio.transcriptions.create(
                model=config["stt"]["model"], file=(_name(attachment), data, attachment.mime), language=_language(config)
            )
    except (openai.APIConnectionError, openai.RateLimitError, openai.InternalServerError) as error:
        raise TransientError(f"The transcription did not come: {type(error).__name__}.") from error
    except openai.OpenAIError as error:
        raise PermanentError(f"The provider could not transcribe it: {type(error).__name__}.") from error
    seconds = getattr(answer.usage, "seconds", None)  # models that count tokens do not say how long it was
    return Said(answer.text, _counted(seconds))


def _deepgram(attachment: Attachment, config: dict[str, Any], data: bytes) -> Said:
    credential = config["credentials"]["deepgram"]
    base = re.sub("^ws", "http", credential["base_url"] or DEEPGRAM).rstrip("/").removesuffix("/v1")  # Atlas streams to it
    params = {"model": config["stt"]["model"], "language": _language(config), "smart_format": "true"}
    headers = {"Authorization": f"Token {credential['api_key']}", "Content-Type": attachment.mime}
    try:
        post = (provider_http(credential["base_url"]) or httpx).post
        answer = post(f"{base}/v1/listen", params=params, headers=headers, content=data, timeout=TIMEOUT)
    except httpx.HTTPError as error:
        raise TransientError(f"The transcription did not come: {type(error).__name__}.") from error
    if answer.status_code == 429 or answer.status_code >= 500:
        raise TransientError(f"The transcription did not come: status {answer.status_code}.")
    try:
        body = answer.json()
        text = str(body["results"]["channels"][0]["alternatives"][0]["transcript"])
        return Said(text, _counted((body.get("metadata") or {}).get("duration")))
    except (AttributeError, ValueError, KeyError, IndexError, TypeError) as error:
        raise PermanentError(f"The provider could not transcribe it: status {answer.status_code}.") from error


def _counted(seconds: Any) -> float | None:
    return float(seconds) if isinstance(seconds, int | float) and seconds > 0 else None


def _language(config: dict[str, Any]) -> str:
    return str(config.get("language") or "en").split("-")[0]


def _name(attachment: Attachment) -> str:
    """Providers tell the format by the name's ending."""
    ending = {"audio/ogg": "ogg", "audio/mpeg": "mp3", "audio/mp4": "m4a", "audio/aac": "aac", "audio/amr": "amr"}
    return f"voice.{ending.get(attachment.mime, 'ogg')}"


def voice_turn_wake(attachment_id: str) -> None:
    """A turn may be waiting for this voice note: has it looked at now."""
    attachment = attachment_get(attachment_id)
    if attachment is None or attachment.message is None or attachment.message.kind != "audio":
        return
    turn = turn_collecting(attachment.message.conversation)
    if turn is not None:
        turn_wake(turn, timedelta(seconds=0.2))  # a moment after this effect has ended
