"""What every app shares: command-line options, the look, a task loaded once, errors shown in the page, the server."""

import argparse
import functools
import html
import inspect
import logging
import os
import re
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Generic, NoReturn, ParamSpec, TypeVar, cast, get_args

# A demo stays at home: no telemetry, no look for newer versions, no model hub. Gradio and huggingface_hub read these
# once, when they are imported, so they are set before.
for _name, _value in {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
}.items():
    os.environ.setdefault(_name, _value)
# Several models work at the same time, each with as many threads as there are cores. One that waits for the others
# sleeps: by default it spins, and takes the core from the very thread that it waits for. Read when torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# Gradio asks its own server whether it is up; a proxy meant for the outside must not stand in between.
for _name in ("NO_PROXY", "no_proxy"):
    os.environ[_name] = ",".join(filter(None, (os.environ.get(_name), "127.0.0.1", "localhost")))

try:
    import gradio as gr
except ModuleNotFoundError as missing:
    sys.exit(f"error: the demos need {missing.name}, which is not installed: pip install 'seqcore[apps]'")

import seqcore  # noqa: E402
from seqcore.checkpoint import is_hub_id  # noqa: E402
from seqcore.errors import SeqcoreError  # noqa: E402

# A call that waits to be worked on together with others holds a thread, but takes no time of the processor. Of those
# that have no thread yet, so many may wait; who comes then is told to try again.
MOST_CALLS = 64
MOST_WAITING = 256
MOST_THREADS = MOST_CALLS + 32
LARGEST_UPLOAD = "100mb"
# Files that a page was given or made: looked through every hour, removed when they are an hour old.
FILE_LIFETIME = (3600, 3600)

CHECKPOINTS = Path(__file__).resolve().parent.parent / "checkpoints"

# Fonts of the reader's own system: no page waits for one, and none is asked of the network.
_FONTS = [gr.themes.Font(name) for name in ("system-ui", "Segoe UI", "Roboto", "Helvetica Neue", "sans-serif")]
_MONOSPACE = [gr.themes.Font(name) for name in ("ui-monospace", "Menlo", "Consolas", "DejaVu Sans Mono", "monospace")]
THEME = gr.themes.Soft(primary_hue="indigo", neutral_hue="slate", font=_FONTS, font_mono=_MONOSPACE)
CSS = (Path(__file__).resolve().parent / "style.css").read_text(encoding="utf-8")

_Task = TypeVar("_Task")
_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")


class LazyTask(Generic[_Task]):
    """A checkpoint that is loaded on the first call, once, whichever thread calls first.

    A load that failed is tried again at the next call, so that a checkpoint put in its place meanwhile is found without
    a restart.
    """

    def __init__(
        self, checkpoint: str | Path, device: str = "auto", open_checkpoint: Callable[..., _Task] | None = None
    ) -> None:
        self.checkpoint = str(checkpoint)
        self.device = device
        self._open: Callable[..., Any] | None = open_checkpoint
        self._lock = threading.Lock()
        self._task: _Task | None = None

    def __call__(self) -> _Task:
        """The task. Raises `SeqcoreError` when the checkpoint is missing, damaged or of another kind."""
        with self._lock:
            if self._task is None:
                open_checkpoint: Callable[..., Any] = self._open or seqcore.load
                self._task = open_checkpoint(self.checkpoint, device=self.device)
            return cast(_Task, self._task)

    def about(self) -> str:
        """The first paragraph of the checkpoint's model card as plain text; empty when there is none."""
        try:
            card = (Path(self.checkpoint) / "README.md").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
        card = re.sub(r"\A---\n.*?\n---\n", "", card, flags=re.DOTALL)
        paragraphs = (" ".join(part.split()) for part in re.split(r"\n\s*\n", card))
        first = next((part for part in paragraphs if part and part[0] not in "#!<|`"), "")
        return re.sub(r"[*`]", "", re.sub(r"!?\[([^]]*)]\([^)]*\)", r"\1", first))


def trouble(error: SeqcoreError) -> str:
    """What a page shows, as HTML, when its task could not be loaded."""
    hint = "Put the checkpoint there and open this page again, or start the app with another --checkpoint."
    title = "The model could not be loaded."
    return f'<div class="sq-trouble"><strong>{title}</strong><br>{_message(error)}<br>{hint}</div>'


def _message(error: SeqcoreError) -> str:
    """An error's message as a sentence. Gradio reads it as HTML, and it may quote what a user typed."""
    text = html.escape(str(error), quote=False)
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"


def user_errors(function: Callable[_Parameters, _Result]) -> Callable[_Parameters, _Result]:
    """Turn our errors into the message they carry, shown in the page; any other is logged and not shown.

    A generator function stays one.
    """
    if inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def stream(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> Any:
            with _shown_errors(function):
                yield from function(*args, **kwargs)

        # Gradio describes an endpoint by its return type: that of a generator is what it yields.
        signature = inspect.signature(function)
        stream.__signature__ = signature.replace(return_annotation=get_args(signature.return_annotation)[0])  # type: ignore[attr-defined]
        return cast(Callable[_Parameters, _Result], stream)

    @functools.wraps(function)
    def guarded(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> _Result:
        with _shown_errors(function):
            return function(*args, **kwargs)

    return guarded


@contextmanager
def _shown_errors(function: Callable[..., Any]) -> Iterator[None]:
    try:
        yield
    except SeqcoreError as error:
        raise gr.Error(_message(error), print_exception=False) from error
    except gr.Error:
        raise
    except Exception as error:
        logging.getLogger(__name__).exception("%s failed", getattr(function, "__name__", "a function"))
        message = "Something went wrong inside the app. Its terminal says what."
        raise gr.Error(message, print_exception=False) from error


def parser(description: str) -> argparse.ArgumentParser:
    """The options that every app takes, but for `--checkpoint`, which differs when several apps share a server."""
    options = argparse.ArgumentParser(
        description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter, allow_abbrev=False
    )
    options.add_argument("--host", default="127.0.0.1", help="address to listen on; 0.0.0.0 opens it to the network")
    options.add_argument("--port", type=int, default=7860, help="port to listen on")
    options.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")
    options.add_argument("--share", action="store_true", help="also make a public address, through gradio's servers")
    return options


def run_app(
    name: str, build: Callable[[LazyTask[Any]], gr.Blocks], description: str, arguments: Sequence[str] | None = None
) -> None:
    """Read the command line and serve one app until it is stopped."""
    options = parser(description)
    options.add_argument("--checkpoint", default=str(CHECKPOINTS / name), help="folder or hub id of the model")
    chosen = options.parse_args(arguments)
    serve(build(lazy_task(chosen.checkpoint, chosen.device)), chosen)


def lazy_task(checkpoint: str, device: str) -> LazyTask[Any]:
    """A task to be loaded later; a hub id, which only its user can have asked for, brings the hub back on line."""
    if is_hub_id(checkpoint):
        import huggingface_hub.constants

        os.environ["HF_HUB_OFFLINE"] = "0"
        huggingface_hub.constants.HF_HUB_OFFLINE = False
    return LazyTask(checkpoint, device)


def serve(demo: gr.Blocks, options: argparse.Namespace) -> None:
    """Launch, print the address and wait. Ends the program with one clear line when the address cannot be had."""
    # Gradio's reloader runs this again beside the server that it keeps, which holds the port.
    if not os.environ.get("GRADIO_WATCH_DIRS"):
        _check_address(options.host, options.port)
    try:
        address = start(demo, options.host, options.port, options.share)
    except OSError as error:
        _stop(f"The server could not start on {options.host}, port {options.port}: {error}")
    if address is None:
        return
    print(f"\n{demo.title} is at {address}  (Ctrl-C stops it)", flush=True)
    demo.block_thread()


def start(demo: gr.Blocks, host: str, port: int | None, share: bool = False) -> str | None:
    """Launch without waiting. The address; None when gradio's reloader has launched the app already."""
    demo.queue(default_concurrency_limit=4, max_size=MOST_WAITING)
    _, address, _ = demo.launch(
        server_name=host,
        server_port=port,
        share=share,
        theme=THEME,
        css=CSS,
        footer_links=["api", "settings"],
        mcp_server=True,
        run_history=False,
        ssr_mode=False,
        max_threads=MOST_THREADS,
        max_file_size=LARGEST_UPLOAD,
        quiet=True,
        prevent_thread_lock=True,
    )
    return address.rstrip("/") if address else None


def _check_address(host: str, port: int) -> None:
    """Ask the system for the address, so that a refusal is told in plain words."""
    if not 1 <= port <= 65535:
        _stop(f"--port {port} is not a port: choose one from 1 to 65535.")
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except socket.gaierror:
        _stop(f"--host {host} is not an address of this machine: use 127.0.0.1, or 0.0.0.0 for all of them.")
    except PermissionError:
        _stop(f"Port {port} needs an administrator: choose one above 1023 with --port.")
    except OSError as error:
        if "in use" in str(error):
            _stop(f"Port {port} on {host} is in use: stop what uses it, or choose another with --port {port + 1}.")
        _stop(f"This machine cannot listen on {host}, port {port}: {error.strerror}.")


def _stop(message: str) -> NoReturn:
    print(message, file=sys.stderr)
    raise SystemExit(1)
