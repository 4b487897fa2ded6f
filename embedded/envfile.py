"""Files of KEY=VALUE lines that only their owner may read."""

from collections.abc import Mapping
from pathlib import Path


def env_read(path: Path) -> dict[str, str]:
    """Return the values of a file, without comments and quotes; nothing when there is no file."""
    if not path.is_file():
        return {}
    values = {}
    for line in path.read_text().splitlines():
        name, found, value = line.strip().partition("=")
        if found and not name.startswith("#"):
            values[name.strip()] = value.strip().strip("'\"")
    return values


def env_write(path: Path, values: Mapping[str, str]) -> None:
    """Replace a file in one step, readable by its owner only."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600)
    fresh.write_text("".join(f"{name}={value}\n" for name, value in values.items()))
    fresh.replace(path)
