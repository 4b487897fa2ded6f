"""The languages that agents speak, by name. The API takes any code; here stand those that hearing and speaking models know."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

# Codes as Deepgram takes them; the other providers are told the part before the hyphen.
LANGUAGES: "dict[str, _StrPromise]" = {
    "ar": gettext_lazy("Arabic"),
    "be": gettext_lazy("Belarusian"),
    "bg": gettext_lazy("Bulgarian"),
    "bn": gettext_lazy("Bengali"),
    "bs": gettext_lazy("Bosnian"),
    "ca": gettext_lazy("Catalan"),
    "cs": gettext_lazy("Czech"),
    "da": gettext_lazy("Danish"),
    "de": gettext_lazy("German"),
    "de-CH": gettext_lazy("German, Switzerland"),
    "el": gettext_lazy("Greek"),
    "en": gettext_lazy("English"),
    "en-AU": gettext_lazy("English, Australia"),
    "en-GB": gettext_lazy("English, United Kingdom"),
    "en-IN": gettext_lazy("English, India"),
    "en-NZ": gettext_lazy("English, New Zealand"),
    "en-US": gettext_lazy("English, United States"),
    "es": gettext_lazy("Spanish"),
    "es-419": gettext_lazy("Spanish, Latin America"),
    "et": gettext_lazy("Estonian"),
    "fi": gettext_lazy("Finnish"),
    "fr": gettext_lazy("French"),
    "fr-CA": gettext_lazy("French, Canada"),
    "he": gettext_lazy("Hebrew"),
    "hi": gettext_lazy("Hindi"),
    "hr": gettext_lazy("Croatian"),
    "hu": gettext_lazy("Hungarian"),
    "id": gettext_lazy("Indonesian"),
    "it": gettext_lazy("Italian"),
    "ja": gettext_lazy("Japanese"),
    "ko": gettext_lazy("Korean"),
    "lt": gettext_lazy("Lithuanian"),
    "lv": gettext_lazy("Latvian"),
    "mk": gettext_lazy("Macedonian"),
    "ms": gettext_lazy("Malay"),
    "nl": gettext_lazy("Dutch"),
    "nl-BE": gettext_lazy("Dutch, Belgium"),
    "no": gettext_lazy("Norwegian"),
    "pl": gettext_lazy("Polish"),
    "pt": gettext_lazy("Portuguese"),
    "pt-BR": gettext_lazy("Portuguese, Brazil"),
    "pt-PT": gettext_lazy("Portuguese, Portugal"),
    "ro": gettext_lazy("Romanian"),
    "ru": gettext_lazy("Russian"),
    "sk": gettext_lazy("Slovak"),
    "sl": gettext_lazy("Slovenian"),
    "sr": gettext_lazy("Serbian"),
    "sv": gettext_lazy("Swedish"),
    "ta": gettext_lazy("Tamil"),
    "te": gettext_lazy("Telugu"),
    "th": gettext_lazy("Thai"),
    "tr": gettext_lazy("Turkish"),
    "uk": gettext_lazy("Ukrainian"),
    "vi": gettext_lazy("Vietnamese"),
    "zh-Hans": gettext_lazy("Chinese, simplified"),
    "zh-Hant": gettext_lazy("Chinese, traditional"),
    "zh-HK": gettext_lazy("Cantonese"),
}
_by_code = {code.lower(): name for code, name in LANGUAGES.items()}


def language_choices(present: str = "", codes: Iterable[str] = LANGUAGES) -> list[tuple[str, str]]:
    """Codes and names to choose among, by name. What is `present` stays one of them, spelt as it is."""
    offered = {code.lower(): code for code in codes}
    if present:
        offered[present.lower()] = present
    return sorted(((code, language_shown(code)) for code in offered.values()), key=lambda choice: choice[1].casefold())


def language_shown(code: str) -> str:
    """Such as “German (de)”; a code that nobody knows stays alone."""
    name = _name(code.lower())
    return f"{name} ({code})" if name else code


def _name(code: str) -> str:
    if code in _by_code:
        return str(_by_code[code])
    try:
        return _(translation.get_language_info(code)["name"])
    except KeyError:
        return ""
