"""Everything of one pretend Meta together, from its start to its end."""

import asyncio
import hashlib
import hmac
import json
import shutil
import tempfile
from pathlib import Path

from embedded.meta.deliveries import Deliveries
from embedded.meta.faults import Faults
from embedded.meta.journal import Journal
from embedded.meta.network import Network
from embedded.meta.settings import Settings
from embedded.meta.state import State, file_write

SAVE_SECONDS = 2.0


class Hub:
    """State, faults, journal, deliveries and network of one server; made inside its event loop."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._scratch = None if settings.data_dir else Path(tempfile.mkdtemp(prefix="meridian-meta-"))
        self.folder = settings.data_dir or self._scratch or Path()
        self.faults = Faults()
        self.journal = Journal()
        self.state = State(settings.businesses, self.folder / "media")
        self.deliveries = Deliveries(settings, self.faults, self.journal)
        self.network = Network(self.state, self.faults, self.deliveries, settings.status_seconds)
        self.deliveries.on_delivered = self.network.delivered
        self._saver: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Take up what an earlier run has left and begin to deliver."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        kept = json.loads(self._file.read_text()) if self._file.is_file() else {}
        if kept:
            self.state.load(kept["state"])
        self.deliveries.start(kept.get("pending", {}))
        self._saver = asyncio.create_task(self._save_now_and_then())

    async def stop(self) -> None:
        """Stop, and keep everything for the next start."""
        if self._saver is not None:
            self._saver.cancel()
        await self.network.stop()
        await self.deliveries.stop()
        self._save()
        if self._scratch:
            shutil.rmtree(self._scratch, ignore_errors=True)

    def media_hash(self, media_id: str, until: int) -> str:
        """Return what makes a medium's address good until a time (Unix seconds)."""
        return hmac.new(self.settings.app_secret.encode(), f"{media_id}/{until}".encode(), hashlib.sha256).hexdigest()[:32]

    @property
    def _file(self) -> Path:
        return self.folder / "state.json"

    async def _save_now_and_then(self) -> None:
        saved = self.state.version
        while True:
            await asyncio.sleep(SAVE_SECONDS)
            if self.state.version != saved:
                saved = self.state.version
                self._save()

    def _save(self) -> None:
        if not self._scratch:
            file_write(self._file, {"state": self.state.dump(), "pending": self.deliveries.pending})
