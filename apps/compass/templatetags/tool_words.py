"""How a tried tool is written down."""

import json
from typing import Any

from django import template

from apps.compass.tools.trial import Trial

register = template.Library()


@register.filter
def as_json(value: Any) -> str:
    """JSON for people to read; a text stays as it is."""
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)


@register.filter
def as_request(trial: Trial) -> str:
    """The request as HTTP would write it, secrets blacked out."""
    lines = [f"{trial.method} {trial.url}", *(f"{name}: {value}" for name, value in trial.headers.items())]
    return "\n".join([*lines, *(["", trial.body] if trial.body else [])])
