"""What a server writes on standard error: plain text, one JSON object a line, or nothing."""

import io
import json
import logging
import sys
import threading
from datetime import datetime, timezone
from typing import Any, TextIO

LOGS = ("text", "json", "off")
_LOG = logging.getLogger("apps.server")
# Uvicorn gives these handlers of their own.
_UVICORN = ("uvicorn", "uvicorn.error", "uvicorn.access")


def log_event(event: str, **fields: Any) -> None:
    """Write down what has happened, where the log is JSON. Nothing that a visitor has sent may be among the fields."""
    _LOG.info(event, extra=event_fields(event, **fields))


def event_fields(event: str, **fields: Any) -> dict[str, Any]:
    """For the argument `extra` of a logger: what the JSON log has instead of the message."""
    return {"event": event, "fields": fields}


class JsonFormatter(logging.Formatter):
    """A record as one line of JSON, its traceback as a field."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        time = datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds")
        line = {"time": time, "level": record.levelname.lower(), "event": getattr(record, "event", "message")}
        fields = getattr(record, "fields", None)
        line |= {"logger": record.name, "message": record.getMessage()} if fields is None else fields
        if record.exc_info and record.exc_info[0] is not None:
            line |= {"error": record.exc_info[0].__name__, "traceback": self.formatException(record.exc_info)}
        return json.dumps(line, ensure_ascii=False, default=str)


class _Lines(io.TextIOBase):
    """A stream whose lines are logged: what libraries print is JSON, too."""

    def __init__(self) -> None:
        self._begun = threading.local()

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        *lines, self._begun.line = f"{getattr(self._begun, 'line', '')}{text}".split("\n")
        for line in filter(str.strip, lines):
            _LOG.warning(line, extra=event_fields("stderr", message=line))
        return len(text)


def start_log(kind: str, stream: TextIO | None = None) -> None:
    """Have everything that is logged written as one of `LOGS`; text is as Python does it by itself."""
    if kind == "text":
        return
    handler: logging.Handler = logging.NullHandler()
    if kind == "json":
        handler = logging.StreamHandler(stream or sys.stderr)
        handler.setFormatter(JsonFormatter())
        logging.getLogger("apps").setLevel(logging.INFO)
        sys.stderr = _Lines()
    logging.captureWarnings(True)
    logging.getLogger().handlers[:] = [handler]
    take_over_uvicorn()


def take_over_uvicorn() -> None:
    """Have the web server's messages go where all others go, once it is there."""
    if logging.getLogger().handlers:
        for name in _UVICORN:
            logging.getLogger(name).handlers.clear()
            logging.getLogger(name).propagate = True
