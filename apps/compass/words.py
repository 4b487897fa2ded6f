"""What pydantic finds wrong, in words that people who know no pydantic can act on."""

from json import JSONDecodeError
from typing import Any

from django.utils.translation import gettext, gettext_lazy

from apps.compass.payloads import COUNTRY, LANGUAGE
from apps.compass.payloads_tools import NAME

NUMBER = gettext_lazy("write a number")
WHOLE = gettext_lazy("write a whole number")
SAYINGS = {
    "missing": gettext_lazy("this is missing"),
    "string_type": gettext_lazy("write a text"),
    "string_too_long": gettext_lazy("at most %(max_length)s characters fit here"),
    "string_too_short": gettext_lazy("write at least %(min_length)s characters"),
    "too_long": gettext_lazy("at most %(max_length)s fit here"),
    "too_short": gettext_lazy("at least %(min_length)s are needed"),
    "literal_error": gettext_lazy("choose %(expected)s"),
    "enum": gettext_lazy("choose %(expected)s"),
    "greater_than": gettext_lazy("write a number above %(gt)s"),
    "greater_than_equal": gettext_lazy("write a number from %(ge)s on"),
    "less_than": gettext_lazy("write a number below %(lt)s"),
    "less_than_equal": gettext_lazy("write a number up to %(le)s"),
    **dict.fromkeys(("float_parsing", "float_type", "finite_number", "decimal_parsing", "decimal_type"), NUMBER),
    **dict.fromkeys(("int_parsing", "int_type", "int_from_float", "int_parsing_size"), WHOLE),
    **dict.fromkeys(("bool_parsing", "bool_type"), gettext_lazy("say true or false")),
    **dict.fromkeys(("union_tag_invalid", "union_tag_not_found"), gettext_lazy("its kind is http, mcp or builtin")),
    "extra_forbidden": gettext_lazy("this is not known here"),
}
SPELLINGS = {
    LANGUAGE: gettext_lazy("“%(input)s” is not a language code such as en or pt-BR"),
    NAME: gettext_lazy("“%(input)s” is no name: use letters without accents, digits and _, with no digit in front, 64 at most"),
    COUNTRY: gettext_lazy("“%(input)s” is not a country in two small letters, such as us"),
}
SHOWN = 60  # characters of what was written
JSON_SAYINGS = {
    "Expecting value": gettext_lazy("here belongs a value: a text in double quotes, a number, or true or false in small letters"),
    "Expecting property name": gettext_lazy(
        "a name has to come here, in double quotes; before a bracket that closes stands no comma"
    ),
    "Expecting ':'": gettext_lazy("a colon is missing between a name and its value"),
    "Expecting ','": gettext_lazy("a comma is missing, or a bracket that closes"),
    "Unterminated string": gettext_lazy("this text has no double quote at its end"),
    "Invalid control character": gettext_lazy("a text goes on in the next line; write \\n where its line ends"),
    "Invalid \\": gettext_lazy("a backslash in a text is written twice"),
    "Extra data": gettext_lazy("this stands behind the last bracket; remove it"),
    "Illegal trailing comma": gettext_lazy("the comma is one too many"),
}
JSON_SHOWN = 30  # characters of the place that is wrong


def said(item: Any) -> str:
    """One of `ValidationError.errors()` as the end of a sentence, without its full stop."""
    given = item.get("ctx", {})
    saying = SPELLINGS.get(given.get("pattern", "")) or SAYINGS.get(item["type"])
    if saying is None:
        return str(item["msg"]).removeprefix("Value error, ")
    plain = {name: f"{value:g}" if isinstance(value, float) else value for name, value in given.items()}
    return str(saying) % {**plain, "input": str(item["input"])[:SHOWN]}


def said_whole(item: Any) -> str:
    """The same as a sentence of its own."""
    text = said(item)
    return f"{text[:1].upper()}{text[1:]}."


def line_named(index: int) -> str:
    """Which of a field's lines is meant, before what is wrong with it; `index` from 0."""
    return gettext("Line %(number)s: ") % {"number": index + 1}


def json_fault(error: ValueError) -> str:
    """Where JSON that json_read refused is wrong, and what to do about it, in one sentence."""
    if isinstance(error, UnicodeDecodeError):
        return gettext("It is not a text in UTF-8.")
    if not isinstance(error, JSONDecodeError):
        return f"{str(error)[:1].upper()}{str(error)[1:]}"
    found = error.doc[error.pos :].split("\n")[0].strip()[:JSON_SHOWN]
    given = {"line": error.lineno, "found": found, "why": _json_said(error)}
    if not error.doc[error.pos :].strip():
        return gettext("It ends too early, in line %(line)s: close every bracket and every text.") % given
    if not found:
        return gettext("In line %(line)s: %(why)s.") % given
    return gettext("In line %(line)s, at “%(found)s”: %(why)s.") % given


def _json_said(error: JSONDecodeError) -> str:
    return str(next((saying for begin, saying in JSON_SAYINGS.items() if error.msg.startswith(begin)), error.msg))
