"""A data folder that goes away, on this machine's free ports."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from embedded.paths import scratch_dir


@pytest.fixture
def data_dir() -> Iterator[Path]:
    folder = scratch_dir("meridian-test-embedded-")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
