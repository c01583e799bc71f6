"""Logs: an event name and fields, one line each, for people and for collectors alike."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Final

# What every record carries anyway; the rest was given as `extra` and is worth showing.
_STANDARD: Final = frozenset(vars(logging.LogRecord("", 0, "", 0, "", None, None))) | {"message", "asctime"}


class FieldFormatter(logging.Formatter):
    """Writes `2026-05-14T12:30:00Z INFO feed.published version=7 product="exchange-2019"`."""

    def format(self, record: logging.LogRecord) -> str:
        """One line: moment, level, event, fields; a traceback follows only where one was asked for."""
        moment = datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        fields = [
            f"{name}={_visible(json.dumps(value, default=str, ensure_ascii=False))}"
            for name, value in vars(record).items()
            if name not in _STANDARD
        ]
        line = " ".join([moment, record.levelname, record.getMessage(), *fields])
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


def _visible(text: str) -> str:
    """Nothing that moves a cursor, begins a line or turns the direction of writing."""
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)


def configure_logging(level: int = logging.INFO) -> None:
    """Send every record of this process to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(FieldFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # It tells of every connection at a level at which we tell of events.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    # Of what it tries again nobody need know; of what fails in the end, we tell.
    logging.getLogger("urllib3").setLevel(logging.ERROR)
