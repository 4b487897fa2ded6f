"""Telephone tones by country, synthesised.

Frequencies and cadences: ITU-T E.180 supplement 2, "Various tones used in national networks".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

RATE = 16000
_LEVEL = 0.18
_RAMP_SECONDS = 0.005


@dataclass(frozen=True)
class Tone:
    """`frequencies` in Hz sound together; `cadence` alternates seconds of sound and of silence.

    With `modulated_by`, the one frequency swells and fades that many times a second.
    """

    frequencies: tuple[float, ...]
    cadence: tuple[float, ...]
    modulated_by: float | None = None


_EUROPE = Tone((425,), (1.0, 4.0))
_BRITISH = Tone((400, 450), (0.4, 0.2, 0.4, 2.0))
_NORTH_AMERICA = Tone((440, 480), (2.0, 4.0))

RINGBACK: dict[str, Tone] = {
    "eu": _EUROPE,
    "at": Tone((420,), (1.0, 5.0)),
    "be": Tone((425,), (1.0, 3.0)),
    "ch": _EUROPE,
    "de": _EUROPE,
    "dk": _EUROPE,
    "es": Tone((425,), (1.5, 3.0)),
    "fi": _EUROPE,
    "fr": Tone((440,), (1.5, 3.5)),
    "it": _EUROPE,
    "nl": _EUROPE,
    "no": _EUROPE,
    "pl": _EUROPE,
    "pt": Tone((425,), (1.0, 5.0)),
    "se": Tone((425,), (1.0, 5.0)),
    "us": _NORTH_AMERICA,
    "ca": _NORTH_AMERICA,
    "mx": _EUROPE,
    "br": _EUROPE,
    "uk": _BRITISH,
    "gb": _BRITISH,
    "ie": _BRITISH,
    "au": Tone((425,), (0.4, 0.2, 0.4, 2.0), modulated_by=25),
    "nz": _BRITISH,
    "za": Tone((400,), (0.4, 0.2, 0.4, 2.0), modulated_by=33),
    "in": Tone((400,), (0.4, 0.2, 0.4, 2.0), modulated_by=25),
    "sg": Tone((425,), (0.4, 0.2, 0.4, 2.0), modulated_by=24),
    "hk": Tone((440, 480), (0.4, 0.2, 0.4, 3.0)),
    "jp": Tone((400,), (1.0, 2.0), modulated_by=16),
    "cn": Tone((450,), (1.0, 4.0)),
    "kr": Tone((440, 480), (1.0, 2.0)),
}

# heard when a call cannot go on and nothing can be said about it
REORDER = Tone((425,), (0.25, 0.25))


def ringback_tone(country: str) -> Tone:
    """The tone of a country; Europe's when it is not known."""
    return RINGBACK.get(country.lower(), _EUROPE)


def cycle(tone: Tone, *, rate: int = RATE) -> bytes:
    """One cadence as 16-bit mono PCM; played again and again it is the tone."""
    parts = []
    for index, seconds in enumerate(tone.cadence):
        sound = index % 2 == 0
        parts.append(_burst(tone, seconds, rate) if sound else np.zeros(int(seconds * rate)))
    return (np.concatenate(parts) * 32767).astype("<i2").tobytes()


def _burst(tone: Tone, seconds: float, rate: int) -> np.ndarray:
    time = np.arange(int(seconds * rate)) / rate
    wave = np.sum([np.sin(2 * np.pi * f * time) for f in tone.frequencies], axis=0)
    wave *= _LEVEL / len(tone.frequencies)
    if tone.modulated_by is not None:
        wave *= (1 + np.cos(2 * np.pi * tone.modulated_by * time)) / 2
    ramp = np.minimum(1.0, np.minimum(time, time[::-1]) / _RAMP_SECONDS)
    return np.asarray(wave * ramp)
