"""Everything that both workers import before their first call, for whoever forks them from one process (embedded.nursery)."""

import agents_worker.atlas.job
import agents_worker.media_bot.job
import agents_worker.server  # noqa: F401
