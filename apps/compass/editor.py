"""What the agent editor is made of: tabs, and the panel beside them. Each area registers its own from ready().

A tab's template is rendered inside the editor's one form, with the values of its `context`, and `editing` (an Editing).
What its fields say reaches the configuration through `read`; a tab without `read` only shows, or saves by itself.
In the browser: `agent:dirty`, `agent:saved` (detail: `base`) and `agent:refused` are events of `document`; a change that a
script makes to a field calls for an `input` event that bubbles; and `agent:save` asks for the draft to be saved.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest, QueryDict

from apps.compass.models import Agent, AgentVersion

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise


@dataclass(frozen=True)
class Editing:
    """Who edits what: `version` is the draft, or the newest published version where there is no draft yet."""

    request: HttpRequest
    agent: Agent
    version: AgentVersion
    config: dict[str, Any]
    may_change: bool


Context = Callable[[Editing], dict[str, Any]]
Read = Callable[[QueryDict], dict[str, Any]]


@dataclass(frozen=True)
class Tab:
    """One tab. `read` makes parts of the configuration (such as `{"tools": […]}`) of the posted fields."""

    name: str
    title: "str | _StrPromise"
    icon: str
    template: str
    context: Context | None = None
    read: Read | None = None
    order: int = 50


@dataclass(frozen=True)
class Panel:
    """What stands beside the tabs."""

    template: str
    context: Context | None = None


_tabs: dict[str, Tab] = {}
_panels: list[Panel] = []


def tab_register(
    name: str,
    title: "str | _StrPromise",
    icon: str,
    template: str,
    context: Context | None = None,
    *,
    read: Read | None = None,
    order: int = 50,
) -> None:
    """Adds a tab, or replaces the one of this name. `read` may raise ConfigInvalid.

    Orders: prompt 10, voice 20, model 30, turn-taking 40, tools 50, knowledge 60, handoff 70, Media Bot 80, limits 90,
    checks 100.
    """
    _tabs[name] = Tab(name, title, icon, template, context, read, order)


def panel_register(template: str, context: Context | None = None) -> None:
    """Puts a panel beside the tabs, such as the one to try the draft in."""
    _panels[:] = [Panel(template, context)]


def tabs_all() -> list[Tab]:
    """Every tab, in the order in which they are shown."""
    return sorted(_tabs.values(), key=lambda tab: tab.order)


def panel_current() -> Panel | None:
    """The panel beside the tabs, or None while no app has brought one."""
    return _panels[0] if _panels else None
