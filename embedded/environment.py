"""What a stack is given from outside, and the environment that its processes run with."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from embedded.defaults import agent_defaults
from embedded.envfile import env_read
from embedded.errors import StackError
from embedded.keys import vapid_public
from embedded.models import API_KEY, EMBEDDING_MODEL, SPEECH_MODEL, VOICE
from embedded.paths import CHECKOUT
from embedded.ports import LOOPBACK, Ports

# Meridian's own settings: taken from the environment by `up` alone, so that a stack of the tests starts from nothing.
PRODUCT = {
    "SECRET_KEY",
    "FIELD_KEYS",
    "DATABASE_URL",
    "REDIS_URL",
    "PUBLIC_URL",
    "PUBLIC_HOSTS",
    "TENANT_HOST_SUFFIX",
    "REALTIME_URL",
    "API_URL",
    "EMAIL_URL",
    "MEDIA_ROOT",
    "STATIC_ROOT",
    "ALLOWED_HOSTS",
    "CSRF_TRUSTED_ORIGINS",
    "DNS_SERVERS",
    "CELERY_BEAT_SCHEDULE_FILENAME",
    "DJANGO_SETTINGS_MODULE",
    "HERALD_URL",
    "AGENT_DEFAULTS",
    "INVOICE_DUE_DAYS",
    "DUNNING_DAYS",
}
PREFIXES = (
    "LIVEKIT_",
    "OPENAI_",
    "DEEPGRAM_",
    "ELEVENLABS_",
    "ELEVEN_",
    "EMBEDDING_",
    "WHATSAPP_",
    "WEBPUSH_",
    "STRIPE_",
    "META_",
    "MERIDIAN_",
    "PYTEST_",
)
KEPT = {"MERIDIAN_CACHE"}
NO_PROXY = "127.0.0.1,localhost,.localhost"
WHATSAPP = ("WHATSAPP_APP_SECRET", "WHATSAPP_VERIFY_TOKEN", "WHATSAPP_ACCESS_TOKEN")


def is_product(name: str) -> bool:
    """Say whether a variable is one of Meridian's own settings."""
    return name not in KEPT and (name in PRODUCT or name.startswith(PREFIXES))


def given_by_person() -> dict[str, str]:
    """Return what a person set: the environment, and `.env` for what is not in it. Empty counts as not given."""
    from_file = env_read(CHECKOUT / ".env") if files_wanted() else {}
    from_env = {name: value for name, value in os.environ.items() if is_product(name)}
    return {name: value for name, value in (from_file | from_env).items() if value}


def files_wanted() -> bool:
    """Whether `.env` is read and the checkout's pointer is written: MERIDIAN_ENV_FILES=off keeps a stack to itself."""
    return os.environ.get("MERIDIAN_ENV_FILES", "on").lower() not in ("0", "false", "no", "off")


def surroundings() -> dict[str, str]:
    """Return this process's environment without Meridian's own settings, and with compiled modules kept for the next start."""
    left_out = {"PYTHONDONTWRITEBYTECODE"}
    kept = {name: value for name, value in os.environ.items() if not is_product(name) and name not in left_out}
    return kept | _no_proxy(kept)


def _no_proxy(env: Mapping[str, str]) -> dict[str, str]:
    """Parts that talk to each other on this machine go around a person's proxy."""
    if not any(env.get(name) or env.get(name.upper()) for name in ("http_proxy", "https_proxy", "all_proxy")):
        return {}
    told = ",".join(value for value in (env.get("no_proxy") or env.get("NO_PROXY"), NO_PROXY) if value)
    return {"no_proxy": told, "NO_PROXY": told}


def parts_needed(given: Mapping[str, str]) -> set[str]:
    """Name the outside parts that are not given and have to be started. Raises StackError when one is given by half."""
    needed = set()
    if not given.get("DATABASE_URL"):
        needed.add("postgres")
    if not given.get("REDIS_URL"):
        needed.add("valkey")
    if not given.get("LIVEKIT_URL"):
        needed.add("livekit")
    elif not (given.get("LIVEKIT_API_KEY") and given.get("LIVEKIT_API_SECRET")):
        raise StackError("LIVEKIT_URL is given, so LIVEKIT_API_KEY and LIVEKIT_API_SECRET have to be given as well.")
    needed |= _bridge_needed(given)
    if not (given.get("OPENAI_API_KEY") or given.get("OPENAI_BASE_URL")):
        needed.add("models")
    if not given.get("WHATSAPP_ACCESS_TOKEN"):
        needed.add("meta")
    elif not (given.get("WHATSAPP_APP_SECRET") and given.get("WHATSAPP_VERIFY_TOKEN")):
        raise StackError(
            "WHATSAPP_ACCESS_TOKEN is given, so WHATSAPP_APP_SECRET and WHATSAPP_VERIFY_TOKEN have to be given as well."
        )
    if given.get("STRIPE_SECRET_KEY") and not given.get("STRIPE_WEBHOOK_SECRET"):
        raise StackError(
            "STRIPE_SECRET_KEY is given, so STRIPE_WEBHOOK_SECRET has to be given as well (docs/billing.md, Stripe)."
        )
    return needed


def _bridge_needed(given: Mapping[str, str]) -> set[str]:
    if not given.get("MERIDIAN_LIVEKIT_SIP"):
        return set()
    if given.get("LIVEKIT_URL"):
        raise StackError(
            "LIVEKIT_URL is given, and livekit-sip shares the Redis of its LiveKit: "
            "run livekit-sip beside that one, and leave out MERIDIAN_LIVEKIT_SIP."
        )
    return {"sip"}


def stack_environment(data_dir: Path, ports: Ports, keys: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """Return every setting of the stack: what is given wins, the rest follows from the ports and the keys."""
    node_ip = given.get("MERIDIAN_NODE_IP") or LOOPBACK
    made = {
        "DJANGO_SETTINGS_MODULE": "config.settings.dev",
        "SECRET_KEY": keys["SECRET_KEY"],
        "FIELD_KEYS": keys["FIELD_KEYS"],
        "PUBLIC_URL": f"http://localhost:{ports.web}",
        "REALTIME_URL": f"ws://{{host}}:{ports.realtime}",
        "API_URL": f"http://{LOOPBACK}:{ports.web}",
        "MEDIA_ROOT": str(data_dir / "media"),
        "STATIC_ROOT": str(data_dir / "static"),
        "CELERY_BEAT_SCHEDULE_FILENAME": str(data_dir / "beat" / "schedule"),
        "MERIDIAN_ATLAS_HEALTH_PORT": str(ports.atlas_health),
        "MERIDIAN_MEDIA_BOT_HEALTH_PORT": str(ports.media_bot_health),
        "MERIDIAN_DRAIN_SECONDS": "2",  # whoever stops the stack does not wait for calls
    }
    needed = parts_needed(given)
    if "livekit" in needed:
        made |= {"LIVEKIT_URL": f"ws://{LOOPBACK}:{ports.livekit}", "LIVEKIT_PUBLIC_URL": f"ws://{node_ip}:{ports.livekit}"}
        made |= {name: keys[name] for name in ("LIVEKIT_API_KEY", "LIVEKIT_API_SECRET")}
    if "models" in needed:
        made |= {"OPENAI_BASE_URL": f"http://{LOOPBACK}:{ports.models}/v1", "OPENAI_API_KEY": API_KEY}
        made |= {"MERIDIAN_TTS_PROVIDER": "openai", "MERIDIAN_TTS_MODEL": SPEECH_MODEL, "MERIDIAN_TTS_VOICE": VOICE}
        made |= {"EMBEDDING_MODEL": EMBEDDING_MODEL, "EMBEDDING_BASE_URL": f"http://{LOOPBACK}:{ports.models}/v1"}
        made["EMBEDDING_API_KEY"] = API_KEY
        made["MERIDIAN_LOCAL_MODELS"] = "1"
    elif not given.get("OPENAI_API_KEY"):
        made["OPENAI_API_KEY"] = "none"  # servers of one's own at OPENAI_BASE_URL often ask for no key, agents always have one
    if "meta" in needed:
        made["WHATSAPP_GRAPH_URL"] = f"http://{LOOPBACK}:{ports.meta}"
        made |= {name: keys[name] for name in WHATSAPP} | {"MERIDIAN_PRETEND_META": "1"}
    private = given.get("WEBPUSH_PRIVATE_KEY") or keys["WEBPUSH_PRIVATE_KEY"]
    made |= {"WEBPUSH_PRIVATE_KEY": private, "WEBPUSH_PUBLIC_KEY": vapid_public(private)}
    if node_ip != LOOPBACK:
        made["PUBLIC_HOSTS"] = node_ip
    settings = made | dict(given)
    return {"AGENT_DEFAULTS": json.dumps(agent_defaults(settings)), **settings}
