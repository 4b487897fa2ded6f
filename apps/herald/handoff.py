"""Handing over to a person: the tool that the model may call, and the phrases that need no model."""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

HANDOFF = "handoff"
DESCRIPTION = (
    "Hand this conversation to a colleague, who answers from here on. Use it when the contact asks for a person, is upset, "
    "or needs something that you cannot do or do not know. Do not announce it in other words first."
)
PARAMETERS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "team": {"type": "string", "description": "The team that should answer; leave it out when you are not sure."},
        "reason": {"type": "string", "description": "Why, in a few words for the colleague."},
        "summary": {"type": "string", "description": "What the colleague has to know, in two or three sentences."},
    },
    "required": ["reason"],
}
# Scripts that do not put spaces between words, where a word's end cannot be seen.
UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]")


def handoff_tool(teams: dict[str, str]) -> dict[str, Any]:
    """The tool as this tenant's agents get it: the model chooses among the teams there are (slug to name), if there are any."""
    properties = {name: schema for name, schema in PARAMETERS["properties"].items() if name != "team"}
    if teams:
        listed = ", ".join(f"{slug} ({name})" for slug, name in teams.items())
        choice = f"The team that should answer: {listed}. Leave it out when you are not sure."
        properties["team"] = {"type": "string", "enum": list(teams), "description": choice}
    return {"name": HANDOFF, "description": DESCRIPTION, "parameters": {**PARAMETERS, "properties": properties}}


def phrase_in(texts: Iterable[str], phrases: list[str]) -> str | None:
    """The first of the tenant's phrases that the contact used: whole words, in any case, over any white space."""
    said = [_plain(text) for text in texts]
    return next((phrase for phrase in phrases if any(_pattern(phrase).search(text) for text in said)), None)


@lru_cache(maxsize=4096)
def _pattern(phrase: str) -> re.Pattern[str]:
    words = r"\s+".join(re.escape(word) for word in _plain(phrase).split()) or r"(?!)"
    return re.compile(words if UNSPACED.search(phrase) else rf"(?<!\w){words}(?!\w)")


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().replace("’", "'")
