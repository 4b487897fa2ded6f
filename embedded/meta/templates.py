"""The message templates that every business here has, and how they look once their variables are filled in.

https://developers.facebook.com/docs/whatsapp/business-management-api/message-templates
"""

import re
from typing import Any

VARIABLE = re.compile(r"\{\{\s*(\w+)\s*\}\}")


def _template(number: int, name: str, category: str, components: list[dict[str, Any]], **more: str) -> dict[str, Any]:
    fixed = {"id": str(5_000_000_000 + number), "name": name, "category": category, "components": components}
    return {"language": "en", "status": "APPROVED", "parameter_format": "POSITIONAL"} | fixed | more


def _quick(*texts: str) -> dict[str, Any]:
    return {"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": text} for text in texts]}


_SHOP = {"type": "URL", "text": "See the shop", "url": "https://example.com/{{1}}", "example": ["https://example.com/spring"]}


def templates_of(waba_id: str) -> list[dict[str, Any]]:
    """Return the templates of a new business account; ids differ per account."""
    seed = int(waba_id) % 1_000_000 * 100 if waba_id.isdecimal() else 0
    return [
        _template(seed + 1, "order_shipped", "UTILITY", _order_shipped()),
        _template(seed + 2, "hello_again", "UTILITY", _hello_again()),
        _template(seed + 3, "appointment_reminder", "UTILITY", _appointment(), language="de", parameter_format="NAMED"),
        _template(seed + 4, "spring_sale", "MARKETING", _spring_sale()),
        _template(seed + 5, "on_hold", "UTILITY", [_body("This one is paused.")], status="PAUSED"),
    ]


def _body(text: str, **example: Any) -> dict[str, Any]:
    return {"type": "BODY", "text": text} | ({"example": example} if example else {})


def _order_shipped() -> list[dict[str, Any]]:
    shipped = "Hello {{1}}, your order {{2}} has left our warehouse and arrives on {{3}}."
    return [
        {"type": "HEADER", "format": "TEXT", "text": "Your order is on its way"},
        _body(shipped, body_text=[["Ann", "A-1042", "Friday"]]),
        {"type": "FOOTER", "text": "Reply at any time, we are here."},
        _quick("Where is it?", "Talk to a person"),
    ]


def _hello_again() -> list[dict[str, Any]]:
    hello = "Hello {{1}}, you wrote to us and we have an answer for you. Shall we go on here?"
    return [_body(hello, body_text=[["Ann"]]), _quick("Yes, please", "No, thank you")]


def _appointment() -> list[dict[str, Any]]:
    examples = {"name": "Ann", "date": "3. Mai", "time": "9:30"}
    named = [{"param_name": name, "example": example} for name, example in examples.items()]
    return [_body("Hallo {{name}}, wir sehen uns am {{date}} um {{time}} Uhr.", body_text_named_params=named)]


def _spring_sale() -> list[dict[str, Any]]:
    return [
        {"type": "HEADER", "format": "IMAGE", "example": {"header_handle": ["https://example.com/spring.jpg"]}},
        _body("Spring is here, and everything green costs less until Sunday."),
        {"type": "BUTTONS", "buttons": [_SHOP]},
    ]


def component_of(template: dict[str, Any], kind: str) -> dict[str, Any]:
    """Return a template's component by its type, such as BODY; empty when it has none."""
    return next((part for part in template["components"] if part["type"].upper() == kind), {})


def variables_of(text: str) -> list[str]:
    """Return the names of a text's variables in order, each once."""
    return list(dict.fromkeys(VARIABLE.findall(text)))


def filled(text: str, parameters: list[dict[str, Any]]) -> str:
    """Return a component's text with the parameters that were sent for it."""
    values = {str(p.get("parameter_name") or number): _shown(p) for number, p in enumerate(parameters, start=1)}
    return VARIABLE.sub(lambda found: values.get(found[1], found[0]), text)


def _shown(parameter: dict[str, Any]) -> str:
    kind = parameter.get("type", "text")
    value = parameter.get(kind, "")
    return str(value.get("fallback_value", "")) if isinstance(value, dict) else str(value)
