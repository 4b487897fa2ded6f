"""One line per event, readable in a terminal and parseable as key=value."""

import sys
from typing import Any

import structlog

foreign_chain: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]
# The rich traceback that is the default shows local variables, secrets included, and takes seconds to draw.
renderer = structlog.dev.ConsoleRenderer(
    colors=sys.stderr.isatty(), pad_event_to=0, exception_formatter=structlog.dev.plain_traceback
)

structlog.configure(
    processors=[
        *foreign_chain,
        structlog.processors.StackInfoRenderer(),
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    wrapper_class=structlog.stdlib.BoundLogger,
    cache_logger_on_first_use=True,
)
