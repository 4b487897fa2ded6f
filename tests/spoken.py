"""What a small recogniser makes of speech: seldom every letter of it ("opening nowers")."""

from __future__ import annotations

import re
from difflib import SequenceMatcher

ENOUGH = 0.6
_PIECE = 3  # letters in a row; fewer are in any text


def alike(said: str, heard: str) -> bool:
    """Whether most letters of `said` are in `heard`, in their order and three or more at a time."""
    said, heard = _letters(said), _letters(heard)
    blocks = SequenceMatcher(None, said, heard, autojunk=False).get_matching_blocks()
    return sum(block.size for block in blocks if block.size >= _PIECE) >= ENOUGH * len(said)


def _letters(text: str) -> str:
    return " ".join(re.findall(r"[a-z0-9]+", text.lower()))
