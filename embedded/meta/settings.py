"""What the pretend Meta is started with."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from embedded.meta import DEMO_NUMBERS

NEEDED = ("META_WEBHOOK_URL", "META_APP_SECRET", "META_VERIFY_TOKEN", "META_ACCESS_TOKEN")


@dataclass(frozen=True)
class Business:
    """A business number: `id` is Meta's phone_number_id, `waba_id` the WhatsApp Business Account it belongs to."""

    id: str
    display_number: str
    name: str
    waba_id: str

    @property
    def digits(self) -> str:
        """The number as webhooks carry it, such as 15550100001."""
        return "".join(filter(str.isdigit, self.display_number))


@dataclass(frozen=True)
class Settings:
    """Where the product is, the secrets both sides know, and the business numbers. Times are seconds."""

    webhook_url: str
    app_secret: str
    verify_token: str
    access_token: str
    businesses: tuple[Business, ...]
    base_url: str
    data_dir: Path | None = None
    retry_seconds: float = 1.0
    status_seconds: float = 0.25

    @classmethod
    def from_env(cls, env: Mapping[str, str], port: int) -> Self:
        """Read META_WEBHOOK_URL, META_APP_SECRET, META_VERIFY_TOKEN, META_ACCESS_TOKEN, META_NUMBERS and META_DATA_DIR.

        Raises SystemExit with a sentence when one that is needed is missing.
        """
        for name in NEEDED:
            if not env.get(name):
                raise SystemExit(f"The pretend Meta cannot start: {name} is not set. ./script/up sets it by itself.")
        folder = env.get("META_DATA_DIR")
        return cls(
            webhook_url=env["META_WEBHOOK_URL"],
            app_secret=env["META_APP_SECRET"],
            verify_token=env["META_VERIFY_TOKEN"],
            access_token=env["META_ACCESS_TOKEN"],
            businesses=businesses_read(env.get("META_NUMBERS") or DEMO_NUMBERS),
            base_url=f"http://127.0.0.1:{port}",
            data_dir=Path(folder) if folder else None,
        )


def businesses_read(text: str) -> tuple[Business, ...]:
    """Return the numbers of `phone_number_id:display number:name[:waba_id]`, comma separated. Raises SystemExit."""
    return tuple(_business(entry.strip()) for entry in text.split(",") if entry.strip())


def _business(entry: str) -> Business:
    parts = [part.strip() for part in entry.split(":")]
    if len(parts) not in (3, 4) or not all(parts):
        raise SystemExit(f"META_NUMBERS has {entry!r}; each number is phone_number_id:display number:name[:waba_id].")
    return Business(parts[0], parts[1], parts[2], parts[3] if len(parts) == 4 else f"9{parts[0]}")
