"""A build that was interrupted goes on at the next start; one that is done leaves only its program."""

from pathlib import Path

import pytest

from embedded.errors import StackError
from embedded.toolchain import livekit_binary, livekit_path

GO = """#!/bin/sh
[ "$1" = version ] && echo "go version go1.99.0 linux/amd64" && exit 0
mkdir -p "$GOBIN" && touch "$GOBIN/fetched"
[ -e "{network}" ] || exit 1
echo program >"$GOBIN/server"
"""


def test_what_was_fetched_outlives_an_interruption(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = tmp_path / "network"
    (tmp_path / "go").write_text(GO.format(network=network))
    (tmp_path / "go").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("MERIDIAN_CACHE", str(tmp_path / "cache"))
    build = tmp_path / "cache" / "build" / "livekit-server"
    with pytest.raises(StackError, match="livekit-server"):
        livekit_binary()
    assert (build / "fetched").exists()
    network.touch()
    assert livekit_binary() == livekit_path()
    assert livekit_path().read_text() == "program\n"
    assert not build.exists()
