"""How long a pause ends the caller's turn, by the words before it."""

from __future__ import annotations

from collections.abc import Callable

from livekit.agents import stt

from agents_worker.contracts import TurnTaking

# the pause after a question, in seconds, where the voice alone does not tell that it is over
QUESTION_DELAY = 0.6
_QUESTION_MARKS = ("?", "？", "؟")
_TEXT = (stt.SpeechEventType.PREFLIGHT_TRANSCRIPT, stt.SpeechEventType.FINAL_TRANSCRIPT)
_MORE = (stt.SpeechEventType.START_OF_SPEECH, stt.SpeechEventType.INTERIM_TRANSCRIPT)


class Pauses:
    """Shortens the longest pause of `turns` while the last thing recognised is a question.

    The end-of-turn model listens to the melody of a voice and not to the words. A question is asked in order to be
    answered: who asks one and is silent for QUESTION_DELAY waits. `change` takes a new longest pause in seconds.
    """

    def __init__(self, turns: TurnTaking, change: Callable[[float], None]) -> None:
        self._longest = max(turns.min_endpointing_delay, turns.max_endpointing_delay)
        self._after_question = min(self._longest, max(turns.min_endpointing_delay, QUESTION_DELAY))
        self._now = self._longest
        self._change = change

    def follow(self, event: stt.SpeechEvent) -> None:
        """Has to see each event of the recogniser before the session does."""
        if event.type in _TEXT and event.alternatives:
            self._set(self._after_question if asks(event.alternatives[0].text) else self._longest)
        elif event.type in _MORE:
            self._set(self._longest)

    def _set(self, seconds: float) -> None:
        if seconds != self._now:
            self._now = seconds
            self._change(seconds)


def asks(text: str) -> bool:
    return text.rstrip(" \"'”’»").endswith(_QUESTION_MARKS)
