"""Meta's two limits on sending, kept before it has to refuse: 80 a second per number, and a pace per contact.

Redis is a hint: without it nothing is held back here, and Meta's own refusal (130429, 131056) is what slows sending down.
"""

import redis
import structlog

from apps.core.hints import redis_client
from apps.core.schema import schema_current

log = structlog.get_logger(__name__)

# The generic cell rate algorithm. KEYS: one per limit; ARGV: seconds between two, and how many may come at once, per limit.
# Returns 0 and takes one of each, or the milliseconds to wait and takes none.
SCRIPT = """
local now = redis.call('TIME')
local ms = now[1] * 1000 + math.floor(now[2] / 1000)
local longest, states = 0, {}
for i, key in ipairs(KEYS) do
  local gap, burst = tonumber(ARGV[2 * i - 1]) * 1000, tonumber(ARGV[2 * i])
  local full = math.max(tonumber(redis.call('GET', key) or '0'), ms)
  local wait = full + gap - burst * gap - ms
  if wait > longest then longest = wait end
  states[i] = {full + gap, math.ceil(full + gap - ms + 1000)}
end
if longest > 0 then return math.ceil(longest) end
for i, key in ipairs(KEYS) do redis.call('SET', key, string.format('%.3f', states[i][1]), 'PX', states[i][2]) end
return 0
"""
NUMBER = (1 / 80, 80)
PAIR = (6.0, 45)  # one in 6 s, of which Meta lends up to 45 at once


def send_wait(phone_number_id: str, contact_id: str) -> float:
    """Takes one message out of both limits and returns 0, or returns the seconds until there is room."""
    number, pair = _keys(phone_number_id, contact_id)
    try:
        return float(redis_client().eval(SCRIPT, 2, number, pair, *NUMBER, *PAIR)) / 1000  # type: ignore[arg-type]
    except redis.RedisError as error:
        log.warning("limits_unavailable", error=type(error).__name__)
        return 0.0


def send_hold(phone_number_id: str, contact_id: str, *, seconds: float, pair: bool) -> None:
    """Meta has refused: uses the limit up, so that the next message waits `seconds` before it asks."""
    gap, burst = PAIR if pair else NUMBER
    key = _keys(phone_number_id, contact_id)[1 if pair else 0]
    try:
        now = redis_client().time()
        until = (now[0] + now[1] / 1e6 + seconds + (burst - 1) * gap) * 1000
        redis_client().set(key, f"{until:.3f}", px=int((seconds + burst * gap) * 1000) + 1000)
    except redis.RedisError as error:
        log.warning("limits_unavailable", error=type(error).__name__)


def _keys(phone_number_id: str, contact_id: str) -> tuple[str, str]:
    base = f"meridian:{schema_current()}:whatsapp:{phone_number_id}"
    return f"{base}:number", f"{base}:pair:{contact_id}"
