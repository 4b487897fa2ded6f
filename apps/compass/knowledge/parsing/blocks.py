"""What every reader gives: blocks in their order."""

from collections.abc import Callable
from dataclasses import dataclass, field

from apps.core.errors import PermanentError

Progress = Callable[[int, int], None]


class Unreadable(PermanentError):
    """A document cannot be read; the text says why, and what its owner can do."""


@dataclass(frozen=True)
class Block:
    """A paragraph, list or row. `whole` ones are not glued to others when they are cut off; `page` counts from 1."""

    text: str
    heading: tuple[str, ...] = ()
    page: int | None = None
    whole: bool = False


@dataclass(frozen=True)
class Text:
    """A document as read. `title` is its own, if it names one."""

    kind: str
    blocks: list[Block]
    title: str = ""
    pages: int = 0


@dataclass
class Outline:
    """The headings above the present place, kept while a document is walked through."""

    _open: list[tuple[int, str]] = field(default_factory=list)

    def enter(self, level: int, text: str) -> None:
        """A heading closes those of its own level and below."""
        self._open = [item for item in self._open if item[0] < level]
        if text:
            self._open.append((level, text[:200]))

    @property
    def path(self) -> tuple[str, ...]:
        """Outermost first."""
        return tuple(text for _, text in self._open)


def row_text(names: list[str], values: list[str]) -> str:
    """A table's row that can stand alone: each value with its column's name."""
    pairs = [
        f"{name.strip()}: {value.strip()}" if name.strip() else value.strip()
        for name, value in zip(names, values, strict=False)
        if value.strip()
    ]
    return "; ".join(pairs)
