"""What must be set before gradio and torch are imported: import this first.

A demo stays at home, keeps what it is given in a folder of its own, and takes no more of the machine than it needs.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from apps.server.temp_files import CACHE, make_server_dir
from seqcore.errors import install_command
from seqcore.runtime.threads import wait_briefly

# A folder that was chosen belongs to who chose it.
SERVER_DIR = None if os.environ.get("GRADIO_TEMP_DIR") else make_server_dir()

_SETTINGS = {
    # No telemetry, no look for newer versions.
    "GRADIO_ANALYTICS_ENABLED": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    # After every call, gradio sums up how long all those of the past took, for a page of figures that is closed here.
    "GRADIO_ANALYTICS_MAX_EVENTS": "1",
    "GRADIO_ANALYTICS_CACHE_FREQUENCY": str(10**18),
    # Several models work at the same time, each with as many threads as there are cores. One that waits for the others
    # sleeps, where `wait_briefly` has not said more.
    "OMP_WAIT_POLICY": "PASSIVE",
    # MKL keeps buffers for each thread that ever multiplied matrices, and a server has many: hundreds of MB.
    "MKL_DISABLE_FAST_MM": "1",
}
wait_briefly()
for _name, _value in _SETTINGS.items():
    os.environ.setdefault(_name, _value)
if SERVER_DIR is not None:
    os.environ["GRADIO_TEMP_DIR"] = str(SERVER_DIR / CACHE)
# Gradio asks its own server whether it is up; a proxy meant for the outside must not stand in between.
for _name in ("NO_PROXY", "no_proxy"):
    os.environ[_name] = ",".join(filter(None, (os.environ.get(_name), "127.0.0.1", "localhost")))


def names_hub_checkpoint(arguments: Sequence[str]) -> bool:
    """Whether a command line asks for a checkpoint of the hub, which only who starts a server can do."""
    options = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    options.add_argument("--checkpoint", action="append", default=[])
    try:
        checkpoints = options.parse_known_args(arguments)[0].checkpoint
    except argparse.ArgumentError:  # The parser of the app will say it.
        return False
    if not checkpoints:
        return False
    from seqcore.checkpoint import is_hub_id

    return any(is_hub_id(checkpoint.rpartition("=")[2]) for checkpoint in checkpoints)


# The hub's client reads this once, when it is imported, and for all threads.
if not names_hub_checkpoint(sys.argv[1:]):
    os.environ.setdefault("HF_HUB_OFFLINE", "1")

try:
    import gradio  # noqa: F401
except ModuleNotFoundError as missing:
    sys.exit(f"error: the demos need {missing.name}, which is not installed: {install_command('apps')}")
