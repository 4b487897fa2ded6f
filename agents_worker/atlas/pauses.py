"""How long a pause ends the caller's turn, by the words before it."""

from __future__ import annotations

from collections.abc import Callable

from livekit.agents import stt

from agents_worker.contracts import TurnTaking

# the pause after a question, in seconds, where the voice alone does not tell that it is over
QUESTION_DELAY = 0.6
# for how long, in seconds, a turn is kept open for words that were spoken and are not recognised yet
WORDS_DELAY = 3.0
_QUESTION_MARKS = ("?", "？", "؟")
Kind = stt.SpeechEventType


class Pauses:
    """The shortest and the longest pause of `turns`, changed as the recogniser's events say; `change` takes both, in seconds.

    While words are being spoken or recognised the turn stays open: else what was recognised of it before would be answered
    without them. The end-of-turn model listens to the melody of a voice and not to the words. A question is asked in order to
    be answered: who asks one and is silent for QUESTION_DELAY waits.
    """

    def __init__(self, turns: TurnTaking, change: Callable[[float, float], None]) -> None:
        longest = max(turns.min_endpointing_delay, turns.max_endpointing_delay)
        self._usual = (turns.min_endpointing_delay, longest)
        self._after_question = (self._usual[0], min(longest, max(turns.min_endpointing_delay, QUESTION_DELAY)))
        self._open = (max(self._usual[0], WORDS_DELAY), max(longest, WORDS_DELAY))
        self._now = self._usual
        self._change = change
        self._speaking = False
        self._ended_at = 0.0

    def follow(self, event: stt.SpeechEvent) -> None:
        """Has to see each event of the recogniser before the session does."""
        if event.type in (Kind.START_OF_SPEECH, Kind.INTERIM_TRANSCRIPT):
            self._speaking = True
            self._set(self._open)
        elif event.type == Kind.END_OF_SPEECH:
            self._on_end(event.speech_end_time)
        elif event.type == Kind.FINAL_TRANSCRIPT and event.alternatives and self._is_last(event.speech_end_time):
            self._set(self._after_question if asks(event.alternatives[0].text) else self._usual)

    def _on_end(self, ended_at: float | None) -> None:
        """Words come after it only where it says when the speech ended: EagerSTT's do."""
        self._speaking = False
        if ended_at is not None:
            self._ended_at = ended_at
        elif self._now == self._open:
            self._set(self._usual)

    def _is_last(self, ended_at: float | None) -> bool:
        """False for words of an utterance that was followed by another one meanwhile."""
        return ended_at is None or (not self._speaking and ended_at >= self._ended_at)

    def _set(self, delays: tuple[float, float]) -> None:
        if delays != self._now:
            self._now = delays
            self._change(*delays)


def asks(text: str) -> bool:
    return text.rstrip(" \"'”’»").endswith(_QUESTION_MARKS)
