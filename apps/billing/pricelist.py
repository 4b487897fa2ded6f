"""The price book that Meridian comes with: list prices in USD, as published by the providers in the first half of 2026.

Customers pay the list price and the platform's own fee per minute. Prices that differ for you go into a new book.
"""

from datetime import UTC, datetime

EFFECTIVE_FROM = datetime(2026, 1, 1, tzinfo=UTC)
NOTE = "List prices that Meridian comes with"

# kind, provider, model, unit, provider_cost, price, note
Row = tuple[str, str, str, str, str, str, str]

LOCAL = "Runs on this machine; a small price, so that a trial call shows a cost."
SPEECH = "Billed by the provider per audio token; about 1,000 characters are a minute of speech."
META = "Only what Meta says is billable, at its rate for North America; add marketing/DE and the like for other countries."

ROWS: list[Row] = [
    ("transport", "livekit", "webrtc", "minute", "0.000500", "0.001000", "One caller, audio only."),
    ("transport", "livekit", "sip", "minute", "0.004000", "0.005000", "Without what the phone company charges."),
    ("platform", "meridian", "call", "minute", "0.000000", "0.010000", ""),
    ("stt", "deepgram", "nova-3", "minute", "0.007700", "0.007700", "Streaming, one language."),
    ("stt", "deepgram", "nova-2", "minute", "0.005800", "0.005800", "Streaming."),
    ("stt", "openai", "gpt-4o-transcribe", "minute", "0.006000", "0.006000", "The provider's own estimate per minute."),
    ("stt", "openai", "gpt-4o-mini-transcribe", "minute", "0.003000", "0.003000", "The provider's own estimate per minute."),
    ("stt", "openai", "whisper-1", "minute", "0.006000", "0.006000", ""),
    ("stt", "openai", "whisper-tiny.en", "minute", "0.000600", "0.000600", LOCAL),
    ("llm", "openai", "gpt-4o-mini", "1m_input_tokens", "0.150000", "0.150000", ""),
    ("llm", "openai", "gpt-4o-mini", "1m_cached_tokens", "0.075000", "0.075000", ""),
    ("llm", "openai", "gpt-4o-mini", "1m_output_tokens", "0.600000", "0.600000", ""),
    ("llm", "openai", "gpt-4o", "1m_input_tokens", "2.500000", "2.500000", ""),
    ("llm", "openai", "gpt-4o", "1m_cached_tokens", "1.250000", "1.250000", ""),
    ("llm", "openai", "gpt-4o", "1m_output_tokens", "10.000000", "10.000000", ""),
    ("llm", "openai", "smollm2-135m", "1m_input_tokens", "0.010000", "0.010000", LOCAL),
    ("llm", "openai", "smollm2-135m", "1m_output_tokens", "0.040000", "0.040000", LOCAL),
    ("tts", "openai", "tts-1", "1k_characters", "0.015000", "0.015000", ""),
    ("tts", "openai", "tts-1-hd", "1k_characters", "0.030000", "0.030000", ""),
    ("tts", "openai", "gpt-4o-mini-tts", "1k_characters", "0.015000", "0.015000", SPEECH),
    ("tts", "openai", "piper", "1k_characters", "0.002000", "0.002000", LOCAL),
    ("tts", "elevenlabs", "eleven_flash_v2", "1k_characters", "0.050000", "0.050000", ""),
    ("tts", "elevenlabs", "eleven_flash_v2_5", "1k_characters", "0.050000", "0.050000", ""),
    ("tts", "elevenlabs", "eleven_turbo_v2", "1k_characters", "0.050000", "0.050000", ""),
    ("tts", "elevenlabs", "eleven_turbo_v2_5", "1k_characters", "0.050000", "0.050000", ""),
    ("tts", "elevenlabs", "eleven_multilingual_v2", "1k_characters", "0.100000", "0.100000", ""),
    ("platform", "meridian", "turn", "turn", "0.000000", "0.005000", "An answer in a chat that reached the contact."),
    ("embedding", "openai", "text-embedding-3-small", "1m_input_tokens", "0.020000", "0.020000", ""),
    ("embedding", "openai", "text-embedding-3-large", "1m_input_tokens", "0.130000", "0.130000", ""),
    ("embedding", "openai", "all-minilm-l6-v2", "1m_input_tokens", "0.002000", "0.002000", LOCAL),
    ("messages", "meta", "marketing", "message", "0.025000", "0.025000", META),
    ("messages", "meta", "utility", "message", "0.004000", "0.004000", META),
    ("messages", "meta", "authentication", "message", "0.004000", "0.004000", META),
    ("messages", "meta", "service", "message", "0.004000", "0.004000", META),
    ("recording", "livekit", "audio", "minute", "0.000500", "0.001000", "Kept until it is deleted."),
    ("tool", "meridian", "run", "run", "0.000000", "0.001000", "A run of one of an agent's tools."),
]
