"""How long a pause may be before Atlas answers."""

import pytest
from livekit.agents import stt

from agents_worker.atlas.pauses import QUESTION_DELAY, Pauses, asks
from agents_worker.contracts import TurnTaking

START = stt.SpeechEventType.START_OF_SPEECH
INTERIM = stt.SpeechEventType.INTERIM_TRANSCRIPT
EARLY = stt.SpeechEventType.PREFLIGHT_TRANSCRIPT
FINAL = stt.SpeechEventType.FINAL_TRANSCRIPT


def heard(kind: stt.SpeechEventType, text: str = "") -> stt.SpeechEvent:
    return stt.SpeechEvent(kind, alternatives=[stt.SpeechData(language="en", text=text)] if text else [])


def waits(turns: TurnTaking, *events: stt.SpeechEvent) -> list[float]:
    changes: list[float] = []
    pauses = Pauses(turns, changes.append)
    for event in events:
        pauses.follow(event)
    return changes


@pytest.mark.parametrize("kind", [EARLY, FINAL])
def test_after_a_question_the_wait_is_short_until_the_caller_speaks_again(kind: stt.SpeechEventType) -> None:
    turns = TurnTaking(min_endpointing_delay=0.3, max_endpointing_delay=2.5)
    assert waits(turns, heard(kind, "Are you open?"), heard(START)) == [QUESTION_DELAY, 2.5]


def test_a_caller_who_goes_on_after_a_question_gets_the_long_pause_again() -> None:
    turns = TurnTaking(min_endpointing_delay=0.3, max_endpointing_delay=2.5)
    said = [heard(EARLY, "Are you open?"), heard(INTERIM, "Are you open? I"), heard(FINAL, "Are you open? I mean today.")]
    assert waits(turns, *said) == [QUESTION_DELAY, 2.5]


def test_what_is_no_question_changes_nothing() -> None:
    assert waits(TurnTaking(), heard(START), heard(EARLY, "I need a room."), heard(FINAL, "I need a room.")) == []


def test_neither_the_shortest_pause_nor_a_longest_below_it_is_changed() -> None:
    patient = TurnTaking(min_endpointing_delay=0.9, max_endpointing_delay=2.0)
    assert waits(patient, heard(FINAL, "Are you open?")) == [0.9]
    quick = TurnTaking(min_endpointing_delay=0.2, max_endpointing_delay=0.4)
    assert waits(quick, heard(FINAL, "Are you open?")) == []


@pytest.mark.parametrize("text", ["Open?", "Open? ", '"Open?"', "開いていますか？", "هل أنتم مفتوحون؟"])
def test_a_question_is_known_by_its_mark(text: str) -> None:
    assert asks(text)
    assert not asks(text.replace("?", ".").replace("？", "。").replace("؟", "."))
