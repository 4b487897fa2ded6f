"""Cutting a document into passages: along its headings, in about 250 tokens, with a little of what came before."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from apps.compass.knowledge.parsing import Block

TARGET = 220  # tokens by the estimate below; MiniLM reads 256 of its own
OVERLAP = 30
MOST_PASSAGES = 20_000
WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_]+|[^\w\s]")
SENTENCE = re.compile(r"(?<=[.!?…。！？])\s+|\n+")
LETTERS_A_TOKEN = 6


@dataclass(frozen=True)
class Piece:
    """A passage to be. `heading` is its path in words."""

    text: str
    heading: str
    page: int | None
    tokens: int

    @property
    def embedded(self) -> str:
        """What the embedding model reads."""
        return f"{self.heading}\n{self.text}" if self.heading else self.text

    @property
    def digest(self) -> str:
        """The same for what is embedded the same."""
        return hashlib.blake2b(self.embedded.encode(), digest_size=16).hexdigest()


def tokens_estimate(text: str) -> int:
    """About how many tokens a model makes of it, in any script."""
    return sum(-(-len(word) // LETTERS_A_TOKEN) for word in WORD.findall(text))


def passages_of(blocks: list[Block]) -> Iterator[Piece]:
    """The passages in their order."""
    held: list[Block] = []
    for block in (small for whole in blocks for small in _small(whole)):
        if held and (block.heading != held[0].heading or _size(held) + tokens_estimate(block.text) > TARGET):
            yield _piece(held)
            held = _overlap(held, block)
        held.append(block)
    if held:
        yield _piece(held)


def _size(blocks: list[Block]) -> int:
    return sum(tokens_estimate(block.text) for block in blocks)


def _piece(blocks: list[Block]) -> Piece:
    text = "\n".join(block.text for block in blocks)
    heading = " › ".join(blocks[0].heading)[:400]
    return Piece(text, heading, blocks[-1].page if blocks[0].page is None else blocks[0].page, tokens_estimate(text))


def _overlap(before: list[Block], following: Block) -> list[Block]:
    """The last sentence of what came before, where it is short and under the same heading. Rows stand alone."""
    last = before[-1]
    if last.heading != following.heading or last.whole:
        return []
    sentence = SENTENCE.split(last.text.strip())[-1]
    if sentence == last.text and len(before) == 1:
        return []
    return [Block(sentence, last.heading, following.page)] if tokens_estimate(sentence) <= OVERLAP else []


def _small(block: Block) -> Iterator[Block]:
    """A block that is too long, cut between sentences, or between words where a sentence is too long."""
    if tokens_estimate(block.text) <= TARGET:
        yield block
        return
    text = ""
    for part in _parts(block.text):
        if text and tokens_estimate(text) + tokens_estimate(part) > TARGET:
            yield Block(text, block.heading, block.page, block.whole)
            text = ""
        text = f"{text} {part}".strip()
    if text:
        yield Block(text, block.heading, block.page, block.whole)


def _parts(text: str) -> Iterator[str]:
    for sentence in filter(str.strip, SENTENCE.split(text)):
        if tokens_estimate(sentence) <= TARGET:
            yield sentence
            continue
        words: list[str] = []
        count = 0
        for word in (short for long in sentence.split() for short in _short(long)):
            size = tokens_estimate(word)
            if words and count + size > TARGET:
                yield " ".join(words)
                words, count = [], 0
            words.append(word)
            count += size
        yield " ".join(words)


def _short(word: str) -> Iterator[str]:
    """Scripts without spaces, and things that are no words, are cut anywhere."""
    for start in range(0, len(word), TARGET):
        yield word[start : start + TARGET]
