"""Amounts, parts and units: what every table of money is made of. Decimals have 6 places; rounding waits for the invoice."""

from decimal import Decimal
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _


def money(**options: Any) -> "models.DecimalField[Decimal, Decimal]":
    """A column for an amount of money."""
    return models.DecimalField(max_digits=18, decimal_places=6, **options)


class Part(models.TextChoices):
    """The parts that a cost is split into (contracts.md, Billing)."""

    TRANSPORT = "transport", _("Transport")
    STT = "stt", _("Speech to text")
    LLM = "llm", _("Language model")
    TTS = "tts", _("Text to speech")
    MESSAGES = "messages", _("Messages")
    PLATFORM = "platform", _("Platform")


class Kind(models.TextChoices):
    """What is used and has a price: the parts, and what belongs to one of them (KIND_PARTS)."""

    TRANSPORT = "transport", _("Transport")
    STT = "stt", _("Speech to text")
    LLM = "llm", _("Language model")
    TTS = "tts", _("Text to speech")
    MESSAGES = "messages", _("Messages")
    PLATFORM = "platform", _("Platform")
    EMBEDDING = "embedding", _("Knowledge")
    RECORDING = "recording", _("Recording")
    TOOL = "tool", _("Tools")


KIND_PARTS: dict[str, str] = {part: part for part in Part.values} | {
    Kind.EMBEDDING: Part.LLM,
    Kind.RECORDING: Part.TRANSPORT,
    Kind.TOOL: Part.PLATFORM,
}


def part_of(kind: str) -> str:
    """The part of a cost that a kind of usage belongs to."""
    return KIND_PARTS.get(kind, Part.PLATFORM)


class Unit(models.TextChoices):
    """What a price is for."""

    SECOND = "second", _("second")
    MINUTE = "minute", _("minute")
    CHARACTERS_1K = "1k_characters", _("1,000 characters")
    INPUT_1K = "1k_input_tokens", _("1,000 input tokens")
    CACHED_1K = "1k_cached_tokens", _("1,000 cached input tokens")
    OUTPUT_1K = "1k_output_tokens", _("1,000 output tokens")
    INPUT_1M = "1m_input_tokens", _("1,000,000 input tokens")
    CACHED_1M = "1m_cached_tokens", _("1,000,000 cached input tokens")
    OUTPUT_1M = "1m_output_tokens", _("1,000,000 output tokens")
    CALL = "call", _("call")
    MESSAGE = "message", _("message")
    TURN = "turn", _("answer")
    RUN = "run", _("run")


class SourceType(models.TextChoices):
    """Where usage comes from. With its id it names one thing that was used, once."""

    CALL = "call", _("Call")
    TURN = "turn", _("Answer in chat")
    MESSAGE = "message", _("WhatsApp message")
    TRANSCRIPT = "transcript", _("Voice note")
    SUMMARY = "summary", _("Summary of a chat")
    KNOWLEDGE = "knowledge", _("Knowledge")
    TRIAL = "trial", _("Trial")
    CHECK = "check", _("Check")
    TOOL = "tool", _("Tool")


class Meter(models.TextChoices):
    """What a plan includes a quantity of."""

    CALL_MINUTES = "call_minutes", _("call minutes")
    AI_TURNS = "ai_turns", _("answers in chat")
    MESSAGES = "messages", _("WhatsApp messages")
