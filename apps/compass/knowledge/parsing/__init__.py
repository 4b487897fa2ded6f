"""Reading a document: what kind it is, by its content, and the blocks of text in it, each under its headings."""

from apps.compass.knowledge.parsing.blocks import Block, Progress, Text, Unreadable
from apps.compass.knowledge.parsing.kinds import MAX_BYTES, document_read, kind_of

__all__ = ["MAX_BYTES", "Block", "Progress", "Text", "Unreadable", "document_read", "kind_of"]
