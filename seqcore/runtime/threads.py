"""How the threads of a process wait for one another, where it shares the cores with others."""

import os
import sys

# Measured by benchmarks/threads.py (docs/scale.md has the table), with GCC's OpenMP, which torch uses on Linux. Others,
# such as LLVM's on macOS, do not know the number of spins, and nothing was measured there.
BRIEF_WAITS = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "1000"}


def wait_briefly() -> None:
    """Let threads of torch that wait for one another sleep soon, on Linux: call it before torch is imported.

    By default they spin for milliseconds, and where a neighbour has the other cores, they take time from the very
    thread that they wait for. What the environment says of it already is left as it is. A program calls this, such as
    `seqcore` or a server, and never a library.
    """
    if sys.platform == "linux" and not BRIEF_WAITS.keys() & os.environ.keys():
        os.environ.update(BRIEF_WAITS)
