"""A model's answer as WhatsApp takes it: its own marks instead of Markdown, and at most 4096 characters a message."""

import re

LONGEST = 4096  # characters of a text message's body (developers.facebook.com, Cloud API, text messages)
PARAGRAPH, LINE, SENTENCE, WORD = (
    re.compile(r"\n\s*\n"),
    re.compile(r"\n"),
    re.compile(r"(?<=[.!?…。！？])\s+"),
    re.compile(r"\s+"),
)
# What is tried one after the other to cut a text, and what joins its parts again.
CUTS = ((PARAGRAPH, "\n\n"), (LINE, "\n"), (SENTENCE, " "), (WORD, " "))
CODE = re.compile(r"(```.*?```|`[^`\n]+`)", re.DOTALL)
MARKS = (
    (re.compile(r"^#{1,6}[ \t]+(.+?)[ \t]*#*$", re.MULTILINE), r"*\1*"),
    (re.compile(r"\*\*(?=\S)(.+?)(?<=\S)\*\*"), r"*\1*"),
    (re.compile(r"__(?=\S)(.+?)(?<=\S)__"), r"*\1*"),
    (re.compile(r"~~(?=\S)(.+?)(?<=\S)~~"), r"~\1~"),
    (re.compile(r"^([ \t]*)[*+][ \t]+", re.MULTILINE), r"\1- "),
    (re.compile(r"!?\[([^\]\n]+)\]\((https?://[^\s)]+)\)"), r"\1 (\2)"),
)


def messages_of(answer: str, longest: int = LONGEST) -> list[str]:
    """The messages to send for an answer, in order: as few as possible, cut between paragraphs where that goes."""
    return _packed(whatsapp_text(answer), longest, 0)


def whatsapp_text(answer: str) -> str:
    """Markdown's bold, headings, strikes, lists and links in WhatsApp's spelling; code stays as it is."""
    parts = CODE.split(answer.strip())
    return "".join(part if index % 2 else _marked(part) for index, part in enumerate(parts))


def _marked(text: str) -> str:
    for pattern, replacement in MARKS:
        text = pattern.sub(replacement, text)
    return text


def _packed(text: str, longest: int, level: int) -> list[str]:
    text = text.strip()
    if len(text) <= longest:
        return [text] if text else []
    if level == len(CUTS):
        return [text[start : start + longest] for start in range(0, len(text), longest)]
    pattern, glue = CUTS[level]
    packed: list[str] = []
    for part in pattern.split(text):
        for piece in _packed(part, longest, level + 1):
            if packed and len(packed[-1]) + len(glue) + len(piece) <= longest:
                packed[-1] += glue + piece
            else:
                packed.append(piece)
    return packed
