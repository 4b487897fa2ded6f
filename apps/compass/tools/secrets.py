"""The stored secrets that a tool's headers name, put in for one request and blacked out of what comes back."""

import re
from dataclasses import dataclass

from apps.compass.client import Answer
from apps.compass.models import ToolSecret
from apps.compass.payloads_tools import SECRET, secrets_in
from apps.compass.registry import ToolFailed

MASK = "••••"
WORTH_MASKING = 6  # shorter values occur by chance


@dataclass(frozen=True)
class Headers:
    """Headers with their secrets put in, and how people may see them."""

    sent: dict[str, str]
    shown: dict[str, str]
    values: tuple[str, ...] = ()

    def masked(self, answer: Answer) -> Answer:
        """A service that echoes its headers does not tell a model, or people, the secret."""
        secret = sorted((value for value in self.values if len(value) >= WORTH_MASKING), key=len, reverse=True)
        if not secret:
            return answer
        pattern = re.compile(b"|".join(re.escape(value.encode()) for value in secret))
        return Answer(answer.status, answer.headers, pattern.sub(MASK.encode(), answer.body))


def headers_with_secrets(headers: dict[str, str]) -> Headers:
    """Raises ToolFailed naming a secret that is not stored."""
    names = secrets_in(headers)
    if not names:
        return Headers(headers, headers)
    secrets = {row.name: row.value for row in ToolSecret.objects.filter(name__in=names)}
    missing = names - secrets.keys()
    if missing:
        raise ToolFailed(f"The tool is not set up: {', '.join(sorted(missing))} is missing under Secrets in Compass.")
    sent = {header: SECRET.sub(lambda found: secrets[found[1]], value) for header, value in headers.items()}
    shown = {header: SECRET.sub(MASK, value) for header, value in headers.items()}
    return Headers(sent, shown, tuple(secrets.values()))
