"""Memory that is free goes back to the system, where the C library is glibc."""

import ctypes
import os
import threading
import time
from contextlib import suppress
from typing import Any

_MAX_ARENAS, _M_ARENA_MAX = 4, -8  # The latter is the number that mallopt gives to this setting.
_INTERVAL = 10.0  # Seconds.


def start_malloc_trim() -> None:
    """Let the threads of this process share few pools of memory, and give back what is free in them now and then.

    As it comes, glibc makes up to eight pools a core, each of which keeps the most that its threads ever had at once.
    """
    with suppress(OSError, AttributeError):
        library = ctypes.CDLL("libc.so.6")
        if "MALLOC_ARENA_MAX" not in os.environ:
            library.mallopt(_M_ARENA_MAX, _MAX_ARENAS)
        threading.Thread(target=_trim, args=(library,), name="malloc-trim", daemon=True).start()


def _trim(library: Any) -> None:
    while True:
        time.sleep(_INTERVAL)
        library.malloc_trim(0)
