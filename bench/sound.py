"""What the scripted caller says: one question, spoken once by the local voice and kept in the tools' cache."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import wave
from pathlib import Path

import numpy as np

from embedded.paths import CHECKOUT, cache_dir

QUESTION = "What are your opening hours?"
RATE = 24000
QUIET = 300  # samples below this at either end are no speech
START_SECONDS = 60.0


def question() -> bytes:
    """The question as 16-bit mono PCM at RATE, cut to the speech itself, so that its last sample is the end of speech."""
    path = cache_dir() / "bench-question.wav"
    if not path.exists():
        _write(path, *_spoken(QUESTION))
    with wave.open(str(path)) as file:
        return file.readframes(file.getnframes())


def _write(path: Path, rate: int, pcm: bytes) -> None:
    heard = np.frombuffer(pcm, dtype=np.int16).astype(np.float64)
    at = np.arange(0, len(heard) - 1, rate / RATE)
    samples = np.interp(at, np.arange(len(heard)), heard).astype(np.int16)
    loud = np.flatnonzero(np.abs(samples) > QUIET)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples[loud[0] : loud[-1] + 1].tobytes())


def _spoken(text: str) -> tuple[int, bytes]:
    """Sample rate and PCM of `text`, from the local voice's own process."""
    with tempfile.TemporaryDirectory() as folder:
        address = f"{folder}/voice.sock"
        command = [sys.executable, "-m", "embedded.models.voice", address]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, cwd=CHECKOUT, env=os.environ)
        try:
            with _connected(address) as sock, sock.makefile("rwb") as stream:
                stream.write(json.dumps({"parts": [text], "speed": 1}).encode() + b"\n")
                stream.flush()
                return int(json.loads(stream.readline())["sample_rate"]), stream.read()
        finally:
            process.terminate()
            process.wait(10)


def _connected(address: str) -> socket.socket:
    until = time.monotonic() + START_SECONDS
    while True:
        sock = socket.socket(socket.AF_UNIX)
        try:
            sock.connect(address)
        except OSError:
            sock.close()
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
        else:
            return sock
