"""Logs as JSON lines, in the form of all parts: `time`, `level`, `logger`, `message`, and what the line is about.

Owns their form. Nothing is logged per chunk, and no header, body or key ever.
"""

import logging
import sys
from typing import TextIO

import structlog


def configure(level: str, stream: TextIO = sys.stderr) -> None:
    """Write our own logs, and warnings of libraries, to `stream`."""
    shared: list[structlog.typing.Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        # Where it failed, and not with which values: one of them may be a key or a prompt.
        structlog.processors.ExceptionRenderer(
            structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        ),
    ]
    structlog.configure(
        processors=[
            _named,
            *shared,
            structlog.processors.EventRenamer("message"),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(stream),
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.EventRenamer("message"),
                structlog.processors.JSONRenderer(),
            ],
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
        )
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)


def _named(_logger: object, _method: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Say whose line it is, as the lines of libraries do."""
    line.setdefault("logger", "tidegate_gateway")
    return line
