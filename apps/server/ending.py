"""How a server ends: what it has begun is finished, up to a time, and nothing more is taken."""

import os
import shutil
import signal
import sys
import time
from contextlib import suppress
from types import FrameType

from apps.server.environment import SERVER_DIR

from apps.server.gradio_patches import close_tunnels
from apps.server.gradio_queue import end_live_pictures, fail_calls, running_calls, waiting_calls
from apps.server.log import log_event
from apps.server.middleware import ENDING
from apps.server.service import Service

GRACE = 25.0  # Seconds, which is less than the 30 that Kubernetes waits until it kills.
_FETCHING = 3.0  # Seconds that an answer which is there may be fetched yet.


class Ending:
    """Ends a server on SIGTERM or Ctrl-C: the first time when its calls are done, the second time at once.

    Args:
        grace: seconds that calls have to be finished.
    """

    def __init__(self, grace: float = GRACE) -> None:
        self._grace = grace
        self._signals = 0
        self._serves = False
        with suppress(ValueError):  # Signals are for the main thread alone.
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, self._note)

    def wait_and_finish(self, service: Service) -> None:
        """Serve until a signal comes, then finish, and end the process."""
        self._serves = True
        while service.demo.is_running and not self._signals:
            time.sleep(0.1)
        finish(service, self._grace)
        end_now(0)

    def _note(self, number: int, _: FrameType | None) -> None:
        self._signals += 1
        if not self._serves:  # There is nothing to finish yet.
            sys.exit(0 if number == signal.SIGTERM else 128 + number)
        if self._signals > 1:
            end_now(128 + number)


def finish(service: Service, grace: float) -> bool:
    """Take no more calls, wait for those that are there, and close the server. Whether all were finished."""
    service.ending = True
    calls = waiting_calls(service.demo) + running_calls(service.demo)
    log_event("ending", calls=calls)
    if calls:
        print(f"Calls that are worked on: {calls}. They have {grace:g} s; Ctrl-C ends at once.", file=sys.stderr)
    service.in_loop(end_live_pictures, service.demo)
    end = time.monotonic() + grace
    while service.has_calls() and time.monotonic() < end:
        time.sleep(0.05)
    end = min(end, time.monotonic() + _FETCHING)
    while service.has_answers() and time.monotonic() < end:
        time.sleep(0.05)
    is_done = not service.has_calls()
    service.in_loop(fail_calls, service.demo, ENDING)
    time.sleep(0.2)  # Until the pages have heard.
    service.demo.server.config.timeout_graceful_shutdown = 2
    service.demo.close(verbose=False)
    log_event("ended", is_done=is_done)
    return is_done


def end_now(status: int) -> None:
    """End the process whatever it does; its folder goes.

    The interpreter would wait for the threads of calls that are still worked on, and then tear down torch.
    """
    with suppress(Exception):
        close_tunnels()
    if SERVER_DIR is not None:
        shutil.rmtree(SERVER_DIR, ignore_errors=True)
    with suppress(Exception):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(status)
