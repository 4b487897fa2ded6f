"""Small local models behind OpenAI's addresses, so that offline is the production code with another base_url.

Whisper tiny.en hears, SmolLM2-135M writes, Piper's voice Joe speaks, and MiniLM finds passages. They are for trying things:
English only, fluent and often wrong, no tools.
"""

TRANSCRIPTION_MODEL = "whisper-tiny.en"
CHAT_MODEL = "smollm2-135m"
SPEECH_MODEL = "piper"
EMBEDDING_MODEL = "all-minilm-l6-v2"
VOICE = "joe"
API_KEY = "local"
