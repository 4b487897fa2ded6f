"""HTML: its main text and title, without menus, footers and scripts."""

from collections.abc import Iterator

from bs4 import BeautifulSoup, NavigableString, Tag

from apps.compass.knowledge.parsing.blocks import Block, Outline, Text, row_text

NOISE = ("script", "style", "noscript", "template", "svg", "iframe", "nav", "header", "footer", "aside", "form", "button")
HEADINGS = {f"h{level}": level for level in range(1, 7)}
PIECES = {"p", "li", "pre", "blockquote", "dt", "dd", "figcaption", "caption", "address", "summary"}
INLINE = {"a", "b", "strong", "em", "i", "span", "code", "small", "mark", "abbr", "time", "br", "sup", "sub", "u", "label", "q"}
LEAST_MAIN = 200  # characters from which on <main> or <article> is believed to be the text


def read(text: str) -> Text:
    """The blocks of a page under its headings."""
    page = BeautifulSoup(text, "html.parser")
    title = page.title.get_text(" ", strip=True) if page.title else ""
    main = _main(page)
    for tag in main.find_all(NOISE):
        if tag.name != "header" or not tag.find(list(HEADINGS)):  # an article's own header holds its heading
            tag.decompose()
    blocks = list(_walk(main, Outline()))
    heading = page.find("h1")
    return Text("html", blocks, title or (heading.get_text(" ", strip=True) if heading else ""))


def _main(page: BeautifulSoup) -> Tag:
    for found in (page.find("main"), page.select_one("[role=main]"), page.find("article")):
        if isinstance(found, Tag) and len(found.get_text(strip=True)) >= LEAST_MAIN:
            return found
    return page.body or page


def _walk(node: Tag, outline: Outline) -> Iterator[Block]:
    loose: list[str] = []
    for child in node.children:
        if isinstance(child, NavigableString) and type(child) is NavigableString:
            loose.append(str(child))
        elif isinstance(child, Tag) and child.name in INLINE and not child.find(list(PIECES | HEADINGS.keys())):
            loose.append(child.get_text(" "))
        elif isinstance(child, Tag):
            yield from _loose(loose, outline)
            yield from _tag(child, outline)
    yield from _loose(loose, outline)


def _loose(words: list[str], outline: Outline) -> Iterator[Block]:
    """Text that stands in no paragraph of its own."""
    text = " ".join(" ".join(words).split())
    words.clear()
    if text:
        yield Block(text, outline.path)


def _tag(tag: Tag, outline: Outline) -> Iterator[Block]:
    if tag.name in HEADINGS:
        outline.enter(HEADINGS[tag.name], tag.get_text(" ", strip=True))
    elif tag.name == "table":
        yield from _table(tag, outline)
    elif tag.name in PIECES and not tag.find(["p", "ul", "ol", "table"]):
        if text := " ".join(tag.get_text(" ").split()):
            yield Block(f"- {text}" if tag.name == "li" else text, outline.path)
    else:
        yield from _walk(tag, outline)


def _table(table: Tag, outline: Outline) -> Iterator[Block]:
    rows = [[cell.get_text(" ", strip=True) for cell in row.find_all(["th", "td"])] for row in table.find_all("tr")]
    first = table.find("tr")
    named = isinstance(first, Tag) and len(rows) > 1 and not first.find("td")
    names = rows[0] if named else [""] * 99
    for values in rows[1:] if named else rows:
        if text := row_text(names, values):
            yield Block(text, outline.path, whole=True)
