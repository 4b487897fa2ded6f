"""Where the one-machine default keeps its data, its tools and its scratch folders."""

import hashlib
import os
import stat
import tempfile
from pathlib import Path

from embedded.errors import StackError

CHECKOUT = Path(__file__).resolve().parent.parent
SHARED_CACHE = Path("/var/cache/meridian")


def is_root() -> bool:
    """Say whether this process runs as root, which Postgres refuses to do."""
    return os.geteuid() == 0


def cache_dir() -> Path:
    """Return the folder for tools that are built or fetched once, MERIDIAN_CACHE or ~/.cache/meridian. Raises StackError."""
    given = os.environ.get("MERIDIAN_CACHE")
    base = Path(given).expanduser().absolute() if given else Path.home() / ".cache" / "meridian"
    _make(base, 0o777, "tools", "MERIDIAN_CACHE")
    return base


def _make(path: Path, mode: int, what: str, variable: str) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True, mode=mode)
    except OSError as error:
        raise StackError(
            f"The folder {path} for the {what} cannot be made ({error.strerror}); name another one in {variable}."
        ) from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise StackError(f"The folder {path} for the {what} cannot be written to; name another one in {variable}.")


def data_dir_default() -> Path:
    """Return the data folder of this checkout: MERIDIAN_DATA, or one named after the checkout's path."""
    given = os.environ.get("MERIDIAN_DATA")
    if given:
        return Path(given).expanduser().resolve()
    name = hashlib.sha256(str(CHECKOUT).encode()).hexdigest()[:12]
    if is_root():
        return Path("/var/lib/meridian") / name
    return Path.home() / ".local" / "share" / "meridian" / name


def data_dir_make(path: Path) -> Path:
    """Create a data folder; as root others may walk through it, because Postgres runs as another user. Raises StackError."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    _make(path, 0o711 if is_root() else 0o700, "data", "MERIDIAN_DATA")
    if is_root():
        for folder in missing:  # the umask of a hardened server closes them
            folder.chmod(folder.stat().st_mode | 0o111)
    (path / "logs").mkdir(exist_ok=True, mode=0o700)
    return path


def others_reach(path: Path) -> bool:
    """Say whether any user may walk down to `path`; the parts that do not exist yet are left out."""
    known = [folder for folder in (path, *path.parents) if folder.exists()]
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in known)


def scratch_dir(prefix: str = "meridian-") -> Path:
    """Make a fresh temporary data folder that the unprivileged Postgres user can walk into."""
    path = Path(tempfile.mkdtemp(prefix=prefix))
    if is_root() and not others_reach(path.parent):
        path.rmdir()
        path = Path(tempfile.mkdtemp(prefix=prefix, dir="/tmp"))
    path.chmod(0o711 if is_root() else 0o700)
    return data_dir_make(path)
