"""What a provider has to offer, beside the fields that take it."""

from decimal import Decimal
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from apps.compass.catalogue import Unanswered, language_models, sample, speech_models, voices
from apps.compass.costs import price_shown
from apps.compass.neighbours import PriceTable, prices_now
from apps.compass.views.agents.common import admins, managers, may_change
from apps.core.templatetags.ui import unit_money

SHOWN = 60
SEARCHED = 8  # models above which there is a search
PROVIDERS = {"elevenlabs", "openai"}


@require_GET
@managers
def voice_offers(request: HttpRequest) -> HttpResponse:
    """The voices of a provider that match; a sentence where it does not answer."""
    filters = _filters(request)
    try:
        found, trouble = voices(filters["provider"]), ""
    except Unanswered as error:
        found, trouble = [], str(error)
    table = prices_now()
    wanted = {name: filters[name] for name in ("search", "gender", "language")}
    fitting = [voice for voice in found if voice.fits(**wanted)]
    context = {
        "voices": fitting[:SHOWN],
        "more": max(0, len(fitting) - SHOWN),
        "may_change": may_change(request),
        "trouble": trouble,
        "filters": filters,
        "genders": sorted({voice.gender for voice in found if voice.gender}),
        "languages": sorted({voice.language for voice in found if voice.language}),
        "price": table.get("tts", filters["provider"], filters["model"], "1k_characters"),
        "currency": table.currency,
    }
    return render(request, "compass/agents/_voices.html", context)


def _filters(request: HttpRequest) -> dict[str, str]:
    given = request.GET
    provider = given.get("tts_provider", "")
    return {
        "provider": provider if provider in PROVIDERS else "openai",
        "model": given.get("tts_model", "")[:120],
        "voice": given.get("voice", "")[:120],
        "spoken": given.get("language", "")[:35],
        "search": given.get("voice_search", "")[:80],
        "gender": given.get("voice_gender", ""),
        "language": given.get("voice_language", ""),
    }


@require_GET
@admins
def voice_sample(request: HttpRequest) -> HttpResponse:
    """A sentence in a voice, as sound. Costs what the provider takes for it, so only admins may ask."""
    given = request.GET
    provider = given.get("provider", "")
    try:
        sound, kind = sample(
            provider=provider if provider in PROVIDERS else "openai",
            model=given.get("model", "")[:120],
            voice=given.get("voice", "")[:120],
            language=given.get("language", "")[:35],
        )
    except Unanswered as error:
        return JsonResponse({"detail": str(error)}, status=502)
    return HttpResponse(sound, content_type=kind, headers={"Cache-Control": "private, max-age=3600"})


@require_GET
@managers
def model_offers(request: HttpRequest) -> HttpResponse:
    """Language models and speech to text, each with its price."""
    speech = "deepgram" if request.GET.get("stt_provider") == "deepgram" else "openai"
    table = prices_now()
    parts = [
        _part(_("Language models"), "llm_model", "llm", "openai", language_models, table),
        _part(_("Speech to text"), "stt_model", "stt", speech, lambda: speech_models(speech), table),
    ]
    many = sum(len(part["offers"]) for part in parts) > SEARCHED
    return render(request, "compass/agents/_models.html", {"parts": parts, "many": many, "may_change": may_change(request)})


def _part(title: str, field: str, part: str, provider: str, ask: Any, table: PriceTable) -> dict[str, Any]:
    try:
        found, trouble = ask(), ""
    except Unanswered as error:
        found, trouble = [], str(error)
    offers = [{"model": model, "price": _price(price_shown(part, provider, model, table), table.currency)} for model in found]
    return {"title": title, "field": field, "trouble": trouble, "offers": offers}


def _price(prices: dict[str, Decimal], currency: str) -> str:
    if "minute" in prices:
        return _("%(amount)s a minute") % {"amount": unit_money(prices["minute"], currency)}
    read, written = prices.get("1m_input_tokens"), prices.get("1m_output_tokens")
    if read is None or written is None:
        return ""
    return _("%(read)s in, %(written)s out, per 1M tokens") % {
        "read": unit_money(read, currency),
        "written": unit_money(written, currency),
    }
