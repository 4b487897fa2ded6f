"""How long a pause may be before Atlas answers."""

import pytest
from livekit.agents import stt

from agents_worker.atlas.pauses import QUESTION_DELAY, WORDS_DELAY, Pauses, asks
from agents_worker.contracts import TurnTaking

START = stt.SpeechEventType.START_OF_SPEECH
END = stt.SpeechEventType.END_OF_SPEECH
INTERIM = stt.SpeechEventType.INTERIM_TRANSCRIPT
EARLY = stt.SpeechEventType.PREFLIGHT_TRANSCRIPT
FINAL = stt.SpeechEventType.FINAL_TRANSCRIPT
TURNS = TurnTaking(min_endpointing_delay=0.3, max_endpointing_delay=2.5)
OPEN, USUAL, ASKED = (WORDS_DELAY, WORDS_DELAY), (0.3, 2.5), (0.3, QUESTION_DELAY)


def heard(kind: stt.SpeechEventType, text: str = "", ended_at: float | None = None) -> stt.SpeechEvent:
    alternatives = [stt.SpeechData(language="en", text=text)] if text else []
    return stt.SpeechEvent(kind, alternatives=alternatives, speech_end_time=ended_at)


def waits(turns: TurnTaking, *events: stt.SpeechEvent) -> list[tuple[float, float]]:
    """The pauses (shortest, longest) after each event."""
    now = [(turns.min_endpointing_delay, turns.max_endpointing_delay)]
    pauses = Pauses(turns, lambda *delays: now.append(delays))
    after = []
    for event in events:
        pauses.follow(event)
        after.append(now[-1])
    return after


def test_after_a_question_the_wait_is_short_until_the_caller_speaks_again() -> None:
    assert waits(TURNS, heard(FINAL, "Are you open?"), heard(START)) == [ASKED, OPEN]


def test_a_caller_who_goes_on_after_a_question_gets_the_long_pause_again() -> None:
    said = [heard(FINAL, "Are you open?"), heard(INTERIM, "I mean"), heard(FINAL, "I mean today.")]
    assert waits(TURNS, *said) == [ASKED, OPEN, USUAL]


def test_a_turn_stays_open_until_the_words_are_there() -> None:
    first, second = 100.0, 103.0
    said = [heard(START), heard(EARLY, "Hello?"), heard(END, ended_at=first), heard(FINAL, "Hello?", first)]
    more = [heard(START), heard(END, ended_at=second), heard(FINAL, "When are you open?", second)]
    assert waits(TURNS, *said, *more) == [OPEN, OPEN, OPEN, ASKED, OPEN, OPEN, ASKED]


def test_late_words_do_not_end_a_turn_that_goes_on() -> None:
    first, second = 100.0, 103.0
    said = [heard(START), heard(END, ended_at=first), heard(START), heard(FINAL, "Hello?", first)]
    more = [heard(END, ended_at=second), heard(FINAL, "It is me.", second)]
    assert waits(TURNS, *said, *more) == [OPEN, OPEN, OPEN, OPEN, OPEN, USUAL]
    later = [heard(START), heard(END, ended_at=first), heard(START), heard(END, ended_at=second)]
    assert waits(TURNS, *later, heard(FINAL, "Hello?", first), heard(FINAL, "It is me.", second))[-2:] == [OPEN, USUAL]


def test_a_recogniser_that_streams_ends_after_its_words() -> None:
    said = [heard(START), heard(INTERIM, "Are you"), heard(FINAL, "Are you open?"), heard(END)]
    assert waits(TURNS, *said) == [OPEN, OPEN, ASKED, ASKED]
    assert waits(TURNS, heard(FINAL, "Hello."), heard(START), heard(END)) == [USUAL, OPEN, USUAL]


def test_what_was_no_speech_leaves_the_turn_as_it_was() -> None:
    assert waits(TURNS, heard(START), heard(END, ended_at=100.0), heard(END)) == [OPEN, OPEN, USUAL]


def test_neither_the_shortest_pause_nor_a_longest_below_it_is_changed() -> None:
    patient = TurnTaking(min_endpointing_delay=0.9, max_endpointing_delay=2.0)
    assert waits(patient, heard(FINAL, "Are you open?")) == [(0.9, 0.9)]
    quick = TurnTaking(min_endpointing_delay=0.2, max_endpointing_delay=0.4)
    assert waits(quick, heard(FINAL, "Are you open?")) == [(0.2, 0.4)]
    slow = TurnTaking(min_endpointing_delay=4.0, max_endpointing_delay=5.0)
    assert waits(slow, heard(START)) == [(4.0, 5.0)]


@pytest.mark.parametrize("text", ["Open?", "Open? ", '"Open?"', "開いていますか？", "هل أنتم مفتوحون؟"])
def test_a_question_is_known_by_its_mark(text: str) -> None:
    assert asks(text)
    assert not asks(text.replace("?", ".").replace("？", "。").replace("؟", "."))
