"""CSV: every row with its columns' names, so that it can be understood alone."""

import csv
from io import StringIO

from django.utils.translation import gettext as _

from apps.compass.knowledge.parsing.blocks import Block, Text, Unreadable, row_text

DELIMITERS = ",;\t|"
SAMPLE = 8_192


def read(text: str) -> Text:
    """The first row names the columns. Raises Unreadable where there is no row below it."""
    try:
        rows = [row for row in csv.reader(StringIO(text), delimiter=_delimiter(text)) if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise Unreadable(_("This table cannot be read. Export it as CSV anew, and upload that.")) from error
    if len(rows) < 2:
        raise Unreadable(_("This table has no rows below its column names. Add some, and upload it again."))
    names, body = rows[0], rows[1:]
    return Text("csv", [Block(row_text(names, row), whole=True) for row in body])


def _delimiter(text: str) -> str:
    """What parts the first line most often; the sniffer of the standard library guesses letters on short files."""
    line = text[:SAMPLE].split("\n", 1)[0]
    return max(DELIMITERS, key=line.count)
