"""What is counted and logged of each call: which endpoint, how long, how it ended; never what it was about."""

import re
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from apps.server.log import log_event
from apps.server.metrics import CALL_SECONDS, CALLS, QUEUE_SECONDS

# All handlers of pages are one endpoint: they are many, and no program calls them.
PAGE = "page"
OK, REFUSED, BUSY, ERROR, LEFT = "ok", "refused", "busy", "error", "left"
_SANE_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")


@dataclass
class CallRequest:
    """The request that a call came with."""

    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    bytes: int = 0
    queued: float | None = None  # Seconds; None where it was answered at once, a generator with its first value.


@dataclass
class Call:
    """A call that is worked on."""

    outcome: str = OK


# The one that is worked on here.
REQUEST: ContextVar[CallRequest | None] = ContextVar("request", default=None)


def request_id(sent: str) -> str:
    """The name of a request: what its sender calls it, as far as that is a plain word."""
    return sent if _SANE_ID.fullmatch(sent) else uuid.uuid4().hex


@contextmanager
def observed_call(name: str, endpoint: str = PAGE) -> Iterator[Call]:
    """Count and time a call, and log it. What it yields is told the outcome, where that is not `OK`.

    Args:
        name: of its function.
        endpoint: that programs call it by.
    """
    call, begun = Call(), time.monotonic()
    request = REQUEST.get()  # A generator may be ended in another context.
    try:
        yield call
    except GeneratorExit:
        if request is None or request.queued is not None:
            call.outcome = LEFT
        raise
    finally:
        seconds = time.monotonic() - begun
        CALLS.labels(endpoint, call.outcome).inc()
        CALL_SECONDS.labels(endpoint).observe(seconds)
        _log_call(name, endpoint, call.outcome, seconds, request)


def refused_call(endpoint: str, outcome: str) -> None:
    """Count and log a call that did not come to its function."""
    CALLS.labels(endpoint, outcome).inc()
    _log_call(endpoint.removeprefix("/"), endpoint, outcome, 0.0, REQUEST.get())


def begun_call(endpoint: str, request: CallRequest | None, queued: float) -> None:
    """Note that a call has waited so many seconds, and is worked on from now on."""
    QUEUE_SECONDS.labels(endpoint).observe(queued)
    if request is not None:
        request.queued = queued
    REQUEST.set(request)


def _log_call(name: str, endpoint: str, outcome: str, seconds: float, request: CallRequest | None) -> None:
    request = request or CallRequest("")
    log_event(
        "call", request=request.id, endpoint=endpoint, function=name, outcome=outcome,
        seconds=round(seconds, 6), queued=round(request.queued or 0.0, 6), request_bytes=request.bytes,
    )  # fmt: skip
