"""Turns a recogniser that takes whole utterances into a fast stream.

The usual adapter starts to recognise when the voice detector has waited out its silence. This
one starts on the first short pause, while that wait still runs: when the caller says no more,
the text is there as the turn ends; when the caller goes on, the attempt is dropped.

END_OF_SPEECH says when the utterance ended, and so does the FINAL_TRANSCRIPT of it that follows.
One without that moment follows instead where no words were found in it, and nothing else is open.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterable
from typing import Any

from livekit import rtc
from livekit.agents import APIConnectOptions, APIError, stt, utils, vad
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, NOT_GIVEN, NotGivenOr

logger = logging.getLogger(__name__)

SAMPLE_RATE = 16000
EAGER_SILENCE = 0.16
_RECOGNIZE_OPTIONS = APIConnectOptions(max_retry=1, retry_interval=0.3, timeout=10.0)
_EAGER_OPTIONS = APIConnectOptions(max_retry=0, timeout=10.0)
_NO_RESTART = APIConnectOptions(max_retry=0)


class EagerSTT(stt.STT):
    """A streaming STT over `recognizer`, cut into utterances by `detector`.

    `eager_silence` is the pause, in seconds, after which recognition starts.
    """

    def __init__(self, recognizer: stt.STT, detector: vad.VAD, *, eager_silence: float = EAGER_SILENCE) -> None:
        super().__init__(
            capabilities=stt.STTCapabilities(streaming=True, interim_results=False, keyterms=recognizer.capabilities.keyterms)
        )
        self.recognizer = recognizer
        self.detector = detector
        self.eager_silence = eager_silence
        recognizer.on("metrics_collected", self._forward_metrics)
        recognizer.on("error", self._forward_error)

    @property
    def model(self) -> str:
        return self.recognizer.model

    @property
    def provider(self) -> str:
        return self.recognizer.provider

    def stream(
        self,
        *,
        language: NotGivenOr[str] = NOT_GIVEN,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
    ) -> EagerStream:
        return EagerStream(self, language=language)

    def prewarm(self) -> None:
        self.recognizer.prewarm()

    async def aclose(self) -> None:
        self.recognizer.off("metrics_collected", self._forward_metrics)
        self.recognizer.off("error", self._forward_error)
        await self.recognizer.aclose()

    async def _recognize_impl(
        self,
        buffer: utils.AudioBuffer,
        *,
        language: NotGivenOr[str] = NOT_GIVEN,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
    ) -> stt.SpeechEvent:
        return await self.recognizer.recognize(buffer=buffer, language=language, conn_options=conn_options)

    def _forward_metrics(self, *args: Any) -> None:
        self.emit("metrics_collected", *args)

    def _forward_error(self, *args: Any) -> None:
        self.emit("error", *args)


class _Attempt:
    """Recognition of an utterance that may not be over yet."""

    def __init__(self, task: asyncio.Task[stt.SpeechData | None]) -> None:
        self.task = task
        self.announced = ""


class EagerStream(stt.RecognizeStream):
    def __init__(self, owner: EagerSTT, *, language: NotGivenOr[str]) -> None:
        super().__init__(stt=owner, conn_options=_NO_RESTART, sample_rate=SAMPLE_RATE)
        self._owner = owner
        self._language = language
        self._heard: list[rtc.AudioFrame] = []
        self._attempt: _Attempt | None = None
        self._open = 0
        self._finals: utils.aio.Chan[tuple[asyncio.Task[stt.SpeechData | None], float]] = utils.aio.Chan()

    async def _metrics_monitor_task(self, event_aiter: AsyncIterable[stt.SpeechEvent]) -> None:
        async for _ in event_aiter:  # the recogniser reports its own usage
            pass

    async def _run(self) -> None:
        voice = self._owner.detector.stream()
        tasks = [
            asyncio.create_task(self._listen(voice)),
            asyncio.create_task(self._follow(voice)),
            asyncio.create_task(self._emit_finals()),
        ]
        try:
            await asyncio.gather(*tasks)
        finally:
            self._drop_attempt()
            await utils.aio.cancel_and_wait(*tasks)
            await voice.aclose()

    async def _listen(self, voice: vad.VADStream) -> None:
        async for item in self._input_ch:
            if isinstance(item, rtc.AudioFrame):
                voice.push_frame(item)
            else:
                voice.flush()
        voice.end_input()

    async def _follow(self, voice: vad.VADStream) -> None:
        async for event in voice:
            if event.type == vad.VADEventType.START_OF_SPEECH:
                self._on_start(event)
            elif event.type == vad.VADEventType.END_OF_SPEECH:
                self._on_end(event)
            elif event.speaking:
                self._on_speaking(event)
        self._finals.close()

    def _on_start(self, event: vad.VADEvent) -> None:
        self._heard = list(event.frames)
        self._open += 1
        self._event_ch.send_nowait(stt.SpeechEvent(stt.SpeechEventType.START_OF_SPEECH))

    def _on_speaking(self, event: vad.VADEvent) -> None:
        self._heard.extend(event.frames)
        if event.raw_accumulated_silence >= self._owner.eager_silence:
            if self._attempt is None:
                self._attempt = self._start_attempt()
        elif event.raw_accumulated_speech > 0 and self._attempt is not None:
            self._on_resumed(self._attempt)

    def _on_resumed(self, attempt: _Attempt) -> None:
        self._drop_attempt()
        if attempt.announced:  # what was prepared on the announced text is stale now
            self._send(stt.SpeechEventType.INTERIM_TRANSCRIPT, attempt.task.result())

    def _on_end(self, event: vad.VADEvent) -> None:
        ended_at = time.time() - event.silence_duration - event.inference_duration
        self._event_ch.send_nowait(stt.SpeechEvent(stt.SpeechEventType.END_OF_SPEECH, speech_end_time=ended_at))
        attempt, self._attempt = self._attempt, None
        frames, self._heard = self._heard, []
        task = asyncio.create_task(self._finish(attempt, frames))
        self._finals.send_nowait((task, ended_at))

    def _start_attempt(self) -> _Attempt:
        task = asyncio.create_task(self._recognize(list(self._heard), _EAGER_OPTIONS))
        attempt = _Attempt(task)
        task.add_done_callback(lambda _: self._announce(attempt))
        return attempt

    def _announce(self, attempt: _Attempt) -> None:
        """Let the session prepare an answer before the turn is known to be over."""
        if attempt is not self._attempt or attempt.task.cancelled() or attempt.task.exception():
            return
        data = attempt.task.result()
        if data is not None:
            attempt.announced = data.text
            self._send(stt.SpeechEventType.PREFLIGHT_TRANSCRIPT, data)

    def _drop_attempt(self) -> None:
        if self._attempt is not None:
            self._attempt.task.cancel()
            self._attempt = None

    async def _finish(self, attempt: _Attempt | None, frames: list[rtc.AudioFrame]) -> stt.SpeechData | None:
        """The text of a finished utterance: the attempt's if there is one and it worked."""
        if attempt is not None:
            try:
                return await attempt.task
            except APIError as error:
                logger.warning("early recognition failed, trying again: %s", error)
        return await self._recognize(frames, _RECOGNIZE_OPTIONS)

    async def _recognize(self, frames: list[rtc.AudioFrame], options: APIConnectOptions) -> stt.SpeechData | None:
        event = await self._owner.recognizer.recognize(
            buffer=utils.merge_frames(frames), language=self._language, conn_options=options
        )
        data = event.alternatives[0] if event.alternatives else None
        return data if data is not None and data.text.strip() else None

    async def _emit_finals(self) -> None:
        """Finished utterances in the order they were spoken."""
        async for task, ended_at in self._finals:
            data = None
            try:
                data = await task
            except APIError as error:
                logger.warning("an utterance was not recognised: %s", error)
            self._open -= 1
            if data is not None:
                self._send(stt.SpeechEventType.FINAL_TRANSCRIPT, data, ended_at)
            elif not self._open:
                self._event_ch.send_nowait(stt.SpeechEvent(stt.SpeechEventType.END_OF_SPEECH))

    def _send(self, kind: stt.SpeechEventType, data: stt.SpeechData | None, ended_at: float | None = None) -> None:
        if data is not None:
            self._event_ch.send_nowait(stt.SpeechEvent(type=kind, alternatives=[data], speech_end_time=ended_at))
