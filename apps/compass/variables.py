"""`{{company}}` and the like in prompts and greetings: what there is, what a text uses, and how it is filled in."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from apps.compass.models import AgentVersion
from apps.core.schema import schema_current
from apps.tenants.models import Tenant
from apps.tenants.selectors import tenant_by_slug

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

VARIABLE = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]{0,63})\s*\}\}")
MARK = re.compile(r"\{\{[^{}\n]{0,80}\}\}")


@dataclass(frozen=True)
class Variable:
    """One that Meridian fills in by itself."""

    name: str
    meaning: "str | _StrPromise"
    example: "str | _StrPromise"


BUILT_IN = (
    Variable("company", _("Your company's name"), "Acme"),
    Variable("agent", _("This agent's name"), "Reception"),
    Variable("caller_number", _("The number of whoever calls or writes; nothing where it is withheld"), "+1 415 555 0123"),
    Variable("caller_name", _("Their name, where it is known"), "Maria Gonzales"),
    Variable("channel", _("phone, web or WhatsApp"), "phone"),
    Variable("language", _("The language of the conversation"), "English"),
    Variable("date", _("Today, in your company's time zone"), _("Tuesday, 24 November 2026")),
    Variable("time", _("The time now, in your company's time zone"), "14:30"),
)
NAMES = frozenset(variable.name for variable in BUILT_IN)


def variables_in(text: str) -> list[str]:
    """The names that a text uses, in their order, once each."""
    return list(dict.fromkeys(VARIABLE.findall(text)))


def variables_unknown(config: dict[str, Any]) -> list[str]:
    """What the prompt and the greetings use that nothing fills in; a malformed mark counts as it is written."""
    known = NAMES | set(config.get("variables") or {})
    wrong = [mark for text in _texts(config) for mark in MARK.findall(text) if not VARIABLE.fullmatch(mark)]
    used = [name for text in _texts(config) for name in variables_in(text) if name not in known]
    return list(dict.fromkeys([*used, *wrong]))


def prompt_filled(config: dict[str, Any], values: dict[str, str]) -> dict[str, Any]:
    """The configuration with its prompt and greetings filled in. What has no value, and no default, becomes nothing."""
    known = {**(config.get("variables") or {}), **{name: value for name, value in values.items() if value}}
    prompt = config["prompt"]
    return {**config, "prompt": {part: _filled(value, known) for part, value in prompt.items()}}


def prompt_ready(config: dict[str, Any], version: AgentVersion, known: dict[str, str]) -> dict[str, Any]:
    """The prompt as it is sent, and the greeting in the language of whoever is greeted, where there is one."""
    config = {**config, "prompt": _greeted(config["prompt"], known.get("language", ""))}
    if not any(MARK.search(text) for text in _texts(config)):
        return config
    tenant = tenant_by_slug(schema_current())
    if tenant is None:
        return prompt_filled(config, known)
    about = {"agent": version.agent.name, "language": version.language, **known}
    return prompt_filled(config, variables_now(tenant, **about))


def _greeted(prompt: dict[str, Any], language: str) -> dict[str, Any]:
    greetings = {code.lower(): text for code, text in (prompt.get("greetings") or {}).items()}
    own = greetings.get(language.lower()) or greetings.get(_base(language))
    return {**prompt, "greeting": own} if own else prompt


def _filled(value: Any, known: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(item, known) for key, item in value.items()}
    # one pass: a caller who is named "{{time}}" stays so
    return VARIABLE.sub(lambda found: known.get(found[1], ""), value) if isinstance(value, str) else value


def _texts(config: dict[str, Any]) -> Iterable[str]:
    prompt = config.get("prompt") or {}
    return [prompt.get("system", ""), prompt.get("greeting", ""), *(prompt.get("greetings") or {}).values()]


Source = Callable[[str], dict[str, str]]
_sources: dict[str, Source] = {}


def variables_register(subject_kind: str, source: Source) -> None:
    """Says who knows the values of a `call`, a `turn`, by its id: caller_number, caller_name, channel, language."""
    _sources[subject_kind] = source


def variables_of(subject_kind: str, subject_id: str) -> dict[str, str]:
    """What is known about a call or a turn."""
    source = _sources.get(subject_kind)
    return source(subject_id) if source else {}


def variables_now(tenant: Tenant, *, agent: str, language: str, **known: str) -> dict[str, str]:
    """Every built-in variable: company, date and time as the tenant has them, and what is `known` of the rest."""
    spoken = known.pop("language", "") or language
    with translation.override(_supported(spoken)):
        now = timezone.now().astimezone(ZoneInfo(tenant.timezone))
        named = translation.gettext(translation.get_language_info(_base(spoken))["name"]) if _is_known(spoken) else spoken
        own = {"date": date_format(now, "l, j F Y"), "time": now.strftime("%H:%M"), "language": named}
    return {"company": tenant.name, "agent": agent, **known, **own}


def _supported(language: str) -> str:
    return language if translation.check_for_language(language) else _base(language)


def _base(language: str) -> str:
    return language.split("-")[0].lower()


def _is_known(language: str) -> bool:
    try:
        return bool(translation.get_language_info(_base(language)))
    except KeyError:
        return False
