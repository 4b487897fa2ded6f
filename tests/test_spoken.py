"""Words that were heard wrong are known again, and other words are not taken for them."""

import pytest

from tests.spoken import alike


@pytest.mark.parametrize(
    "heard", ["what are your opening nowers?", "What are you're opening hours.", "opening our", "Opening hours"]
)
def test_what_was_heard_wrong_in_part(heard: str) -> None:
    assert alike("opening hours", heard)


@pytest.mark.parametrize(
    "heard", ["", "we are open from 9 to 5.", "hello, this call is recorded. how can i help you?", "you", "good evening"]
)
def test_other_words(heard: str) -> None:
    assert not alike("opening hours", heard)


def test_a_sentence_is_known_by_most_of_it() -> None:
    assert alike("how can I help you", "hello this call is recorded, how can i have you?")
    assert not alike("we are open from nine to five", "what are your opening hours?")
