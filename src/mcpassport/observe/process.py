"""What every serving process sets of itself: how it logs, and that it leaves no core dump."""

import logging
import resource
import sys
from typing import Any

import structlog


def settle_process() -> None:
    """JSON lines on standard error; no core dump, which would hold credentials and payloads."""
    log_as_json()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def log_as_json() -> None:
    """One JSON object a line on standard error; nothing but what the code names is in it."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=_to_standard_error,
    )


def _to_standard_error(*_: Any) -> structlog.PrintLogger:
    return structlog.PrintLogger(sys.stderr)
