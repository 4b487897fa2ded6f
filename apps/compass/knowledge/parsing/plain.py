"""Plain text and Markdown."""

import re

from django.utils.translation import gettext as _

from apps.compass.knowledge.parsing.blocks import Block, Outline, Text, Unreadable

BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f]")
PARAGRAPH = re.compile(r"\n[ \t]*\n")
FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
HEADING = re.compile(r"^(#{1,6})[ \t]+(.+?)[ \t]*#*$")
UNDERLINE = re.compile(r"^(=+|-+)[ \t]*$")
FENCE = re.compile(r"^[ \t]*(```|~~~)")
LINK = re.compile(r"!?\[([^\]\n]*)\]\([^)\n]*\)")


def decoded(data: bytes) -> str:
    """The text of some bytes: by their mark, as UTF-8, or as Windows wrote it. Raises Unreadable where they are no text."""
    encoding = next((name for mark, name in BOMS if data.startswith(mark)), None)
    for name in [encoding] if encoding else ["utf-8", "cp1252"]:
        try:
            text = data.decode(name)
        except UnicodeDecodeError:
            continue
        if len(CONTROL.findall(text[:10_000])) * 100 <= len(text[:10_000]):
            return CONTROL.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    raise Unreadable(_("This is no document that can be read. Upload PDF, DOCX, HTML, Markdown, TXT or CSV."))


def read(text: str) -> Text:
    """Paragraphs, as blank lines part them."""
    return Text("text", [Block(part.strip()) for part in PARAGRAPH.split(text) if part.strip()])


def markdown_read(text: str) -> Text:
    """Paragraphs under their headings; code stays in one piece."""
    outline, blocks, title = Outline(), list[Block](), ""
    lines: list[str] = []
    fenced = False
    for line in [*FRONT_MATTER.sub("", text).split("\n"), ""]:
        fenced ^= bool(FENCE.match(line))
        heading = None if fenced else _heading(line, lines)
        if heading is None and (fenced or line.strip()):
            lines.append(line)
            continue
        _close(lines, outline, blocks)
        if heading is not None:
            outline.enter(*heading)
            title = title or heading[1]
    _close(lines, outline, blocks)
    return Text("markdown", blocks, title)


def _heading(line: str, before: list[str]) -> tuple[int, str] | None:
    """A heading by its signs, or by being underlined; the words of the latter are taken from what stood before."""
    if found := HEADING.match(line):
        return len(found[1]), LINK.sub(r"\1", found[2])
    if len(before) == 1 and UNDERLINE.match(line) and not before[0].lstrip().startswith(("-", "|", ">")):
        return (1 if line.startswith("=") else 2), before.pop().strip()
    return None


def _close(lines: list[str], outline: Outline, blocks: list[Block]) -> None:
    text = LINK.sub(r"\1", "\n".join(lines)).strip()
    lines.clear()
    if text:
        blocks.append(Block(text, outline.path))
