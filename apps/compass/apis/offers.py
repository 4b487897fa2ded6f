"""/api/v1/voices and /api/v1/models: what the company's accounts at the providers offer, and what it costs."""

from collections.abc import Callable, Iterable
from dataclasses import asdict
from decimal import Decimal
from typing import Any, TypeVar

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.compass.catalogue import Unanswered, language_models, sample, speech_models, voices
from apps.compass.costs import price_shown
from apps.compass.neighbours import PriceTable, prices_now
from apps.core.errors import Problem
from apps.core.openapi import problems
from apps.core.shapes import Line
from apps.tenants.access import ADMINS, MANAGERS, Access, TenantAPI, require_scope

T = TypeVar("T")
TAGS = ["agents"]
VOICES = ("openai", "elevenlabs")
PARTS: dict[tuple[str, str], Callable[[], list[str]]] = {
    ("llm", "openai"): language_models,
    ("stt", "openai"): lambda: speech_models("openai"),
    ("stt", "deepgram"): lambda: speech_models("deepgram"),
}
READ = problems(400, 401, 403)
PRICE = {"unit": "1m_input_tokens", "amount": "0.150000", "currency": "USD"}
MODEL = {"id": "gpt-4o-mini", "part": "llm", "provider": "openai", "prices": [PRICE]}


class VoicesQuery(serializers.Serializer[Any]):
    """Which voices. Prices are those of `model`."""

    provider = serializers.ChoiceField(VOICES, default="openai")
    model = serializers.CharField(max_length=120, required=False, allow_blank=True, default="")
    q = serializers.CharField(max_length=80, required=False, allow_blank=True, default="")
    gender = serializers.CharField(max_length=40, required=False, allow_blank=True, default="")
    language = serializers.CharField(max_length=35, required=False, allow_blank=True, default="")


class ModelsQuery(serializers.Serializer[Any]):
    """Which models; all of them unless told."""

    part = serializers.ChoiceField(("llm", "stt"), required=False, allow_blank=True, default="")
    provider = serializers.ChoiceField(("openai", "deepgram"), required=False, allow_blank=True, default="")


class SampleQuery(serializers.Serializer[Any]):
    """Which voice says a sentence, by which model, in which language."""

    provider = serializers.ChoiceField(VOICES, default="openai")
    model = Line(max_length=120)
    voice = Line(max_length=120)
    language = Line(max_length=35, required=False, allow_blank=True, default="en", help_text="Such as de or pt-BR.")


class PriceShape(serializers.Serializer[Any]):
    """What a `unit` costs the company, with six places."""

    unit = serializers.CharField(help_text="minute, 1k_characters, 1m_input_tokens, 1m_cached_tokens or 1m_output_tokens")
    amount = serializers.CharField()
    currency = serializers.CharField()


class VoiceShape(serializers.Serializer[Any]):
    """A voice. `id` is what `tts.voice` of an agent takes; `about` is the provider's word. `prices` is empty without a price."""

    id = serializers.CharField()
    name = serializers.CharField()
    about = serializers.CharField()
    gender = serializers.CharField()
    language = serializers.CharField()
    prices = PriceShape(many=True)


class ModelShape(serializers.Serializer[Any]):
    """A model. `id` is what `llm.model` or `stt.model` of an agent takes. `prices` is empty where it has none."""

    id = serializers.CharField()
    part = serializers.CharField(help_text="llm or stt")
    provider = serializers.CharField()
    prices = PriceShape(many=True)


class TroubleShape(serializers.Serializer[Any]):
    """A provider that did not tell what it offers, why, and what to do."""

    provider = serializers.CharField()
    detail = serializers.CharField()


class OffersPage(serializers.Serializer[Any]):
    """All on one page. What a provider in `troubles` offers is missing."""

    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    troubles = TroubleShape(many=True)


class VoicesPage(OffersPage):
    results = VoiceShape(many=True)


class ModelsPage(OffersPage):
    results = ModelShape(many=True)


class OffersView(TenantAPI):
    permission_classes = (Access.of(read=MANAGERS, write=ADMINS, scope="agents"),)


class VoicesAPI(OffersView):
    @extend_schema(
        summary="List voices",
        operation_id="voices_list",
        description="Of the company's account, else of the platform's; kept for ten minutes.",
        parameters=[
            OpenApiParameter("provider", str, enum=VOICES, description="openai unless told."),
            OpenApiParameter("model", str, description="Whose prices are told, such as `eleven_flash_v2_5`."),
            OpenApiParameter("q", str, description="A part of the name, or of what is said of it."),
            OpenApiParameter("gender", str),
            OpenApiParameter("language", str),
        ],
        responses={200: VoicesPage, **READ},
        tags=TAGS,
    )
    def get(self, request: Request) -> Response:
        given, troubles = _asked(VoicesQuery, request), Troubles()
        found = troubles.noted(given["provider"], lambda: voices(given["provider"]))
        prices = _prices("tts", given["provider"], given["model"], prices_now())
        fitting = [one for one in found if one.fits(search=given["q"], gender=given["gender"], language=given["language"])]
        return troubles.answer(VoiceShape([{**asdict(voice), "prices": prices} for voice in fitting], many=True).data)


class VoiceSampleAPI(TenantAPI):
    """Costs what the provider takes for a sentence, so it is for those who may change agents."""

    permission_classes = (Access.of(read=ADMINS, write=ADMINS, scope="agents"),)

    @extend_schema(
        summary="Hear a voice",
        operation_id="voices_sample",
        description=(
            "One sentence as sound, spoken now by the company's account, else the platform's: the provider charges for it. A key "
            "needs `agents:write`. 409 `provider_unanswered` says why there is none, and what to do."
        ),
        parameters=[SampleQuery],
        responses={(200, "audio/mpeg"): OpenApiResponse(OpenApiTypes.BINARY), **READ, **problems(409)},
        tags=TAGS,
    )
    def get(self, request: Request) -> HttpResponse:
        require_scope(request, "agents", change=True)
        given = _asked(SampleQuery, request)
        try:
            sound, kind = sample(**given)
        except Unanswered as error:
            raise Problem(409, "provider_unanswered", str(error)) from error
        return HttpResponse(sound, content_type=kind, headers={"Cache-Control": "private, max-age=3600"})


class ModelsAPI(OffersView):
    @extend_schema(
        summary="List models",
        operation_id="models_list",
        description="Language models and speech to text with their prices.",
        parameters=[
            OpenApiParameter("part", str, enum=("llm", "stt")),
            OpenApiParameter("provider", str, enum=("openai", "deepgram")),
        ],
        responses={200: ModelsPage, **READ},
        examples=[
            OpenApiExample("Models", {"next": None, "previous": None, "results": [MODEL], "troubles": []}, response_only=True)
        ],
        tags=TAGS,
    )
    def get(self, request: Request) -> Response:
        given, table, troubles = _asked(ModelsQuery, request), prices_now(), Troubles()
        rows = [
            {"id": model, "part": part, "provider": provider, "prices": _prices(part, provider, model, table)}
            for (part, provider), ask in PARTS.items()
            if given["part"] in ("", part) and given["provider"] in ("", provider)
            for model in troubles.noted(provider, ask)
        ]
        return troubles.answer(ModelShape(rows, many=True).data)


class Troubles(dict[str, str]):
    """Which providers did not tell, and why."""

    def noted(self, provider: str, ask: Callable[[], list[T]]) -> list[T]:
        """What there is to offer; nothing where the provider does not tell."""
        try:
            return ask()
        except Unanswered as error:
            self[provider] = str(error)
            return []

    def answer(self, rows: Any) -> Response:
        """Few enough for one page."""
        told = [{"provider": provider, "detail": detail} for provider, detail in self.items()]
        return Response({"next": None, "previous": None, "results": rows, "troubles": told})


def _asked(shape: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    asked = shape(data=request.query_params)
    asked.is_valid(raise_exception=True)
    return dict(asked.validated_data)


def _prices(part: str, provider: str, model: str, table: PriceTable) -> list[dict[str, str]]:
    found: Iterable[tuple[str, Decimal]] = sorted(price_shown(part, provider, model, table).items())
    return [{"unit": unit, "amount": f"{price:.6f}", "currency": table.currency} for unit, price in found]
