"""How an agent's values are written."""

from typing import Any

from django import template

from apps.compass.diffs import shown as value_shown

register = template.Library()


@register.filter
def shown(value: Any, path: str = "") -> str:
    """A value of a configuration, as people read it."""
    return value_shown(value, path)
