"""What the local recogniser does before and after the model."""

import io
import wave

import numpy as np
import pytest
from faster_whisper import decode_audio

from embedded.models.errors import ApiError
from embedded.models.transcription import REPEATED, SAMPLE_RATE, _decoded


def wav(rate: int, channels: int = 1) -> bytes:
    """A second of a tone."""
    tone = (np.sin(np.arange(rate) * 440 * 2 * np.pi / rate) * 9000).astype(np.int16)
    data = io.BytesIO()
    with wave.open(data, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.repeat(tone, channels).tobytes())
    return data.getvalue()


@pytest.mark.parametrize(("rate", "channels"), [(SAMPLE_RATE, 1), (SAMPLE_RATE, 2), (24000, 1)])
def test_a_wav_is_read_as_the_decoder_reads_it(rate: int, channels: int) -> None:
    data = wav(rate, channels)
    expected = decode_audio(io.BytesIO(data), sampling_rate=SAMPLE_RATE)
    np.testing.assert_allclose(_decoded(data), expected, atol=1e-3)


def test_a_wav_that_breaks_off_is_heard_as_far_as_it_goes() -> None:
    assert len(_decoded(wav(SAMPLE_RATE)[:1001])) == (1001 - 44) // 2


def test_what_is_no_sound_is_refused() -> None:
    with pytest.raises(ApiError, match="not audio"):
        _decoded(b"RIFF, and nothing that follows")


@pytest.mark.parametrize("text", [" Yes, yes.", " Goodbye. Goodbye. Goodbye."])
def test_a_repetition_is_heard_again(text: str) -> None:
    assert REPEATED.match(text) is not None


@pytest.mark.parametrize("text", [" No, thank you.", " The blue one, not the green one.", " What are your opening hours?"])
def test_other_words_are_not(text: str) -> None:
    assert REPEATED.match(text) is None
