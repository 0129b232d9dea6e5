"""What every app shares: command-line options, the look, a task loaded once, errors shown in the page, the server."""

import argparse
import errno
import functools
import html
import inspect
import logging
import os
import re
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Generic, ParamSpec, TypeVar, cast, get_args

from apps.keeping import CACHE, WORKING, Keeper, own_folder, still_used
from apps.options import LARGEST_UPLOAD, check_address, parser, stop

# A demo stays at home: no telemetry, no look for newer versions, no model hub. Gradio and huggingface_hub read these
# once, when they are imported, so they are set before.
for _name, _value in {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
}.items():
    os.environ.setdefault(_name, _value)
# After every call, gradio sums up how long all those of the past took, for a page of figures that is closed here.
for _name, _value in {"GRADIO_ANALYTICS_MAX_EVENTS": "1", "GRADIO_ANALYTICS_CACHE_FREQUENCY": str(10**18)}.items():
    os.environ.setdefault(_name, _value)
# Gradio reads this when it is imported, too. A folder that was chosen is shared with whoever chose it.
_OWN_FOLDER = None if os.environ.get("GRADIO_TEMP_DIR") else own_folder()
if _OWN_FOLDER is not None:
    os.environ["GRADIO_TEMP_DIR"] = str(_OWN_FOLDER / CACHE)
# Several models work at the same time, each with as many threads as there are cores. One that waits for the others
# sleeps: by default it spins, and takes the core from the very thread that it waits for. Read when torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# MKL keeps buffers for each thread that ever multiplied matrices, and a server has many: hundreds of MB. Read when it
# first multiplies.
os.environ.setdefault("MKL_DISABLE_FAST_MM", "1")
# Gradio asks its own server whether it is up; a proxy meant for the outside must not stand in between.
for _name in ("NO_PROXY", "no_proxy"):
    os.environ[_name] = ",".join(filter(None, (os.environ.get(_name), "127.0.0.1", "localhost")))

try:
    import gradio as gr
    from starlette.middleware import Middleware
except ModuleNotFoundError as missing:
    sys.exit(f"error: the demos need {missing.name}, which is not installed: pip install 'seqcore[apps]'")

import seqcore  # noqa: E402
from apps.door import Door, fetch_nothing, people  # noqa: E402
from apps.memory import give_back_memory  # noqa: E402
from apps.sessions import remember_little  # noqa: E402
from seqcore.checkpoint import is_hub_id  # noqa: E402
from seqcore.errors import SeqcoreError, is_out_of_memory  # noqa: E402

# A call that waits to be worked on together with others holds a thread, but takes no time of the processor. Of those
# that have no thread yet, so many may wait; who comes then is told to try again.
MOST_CALLS = 64
MOST_WAITING = 256
MOST_THREADS = MOST_CALLS + 32
# Files that a page was given or made, where GRADIO_TEMP_DIR names a folder for them: looked through every hour, removed
# when they are an hour old. In a folder of the server's own they are, too, but see apps.keeping.
FILE_LIFETIME = (3600, 3600)

# All that is read from outside the server's own folder.
EXAMPLES = [str(folder) for folder in Path(__file__).resolve().parent.glob("*/examples")]
CHECKPOINTS = Path(__file__).resolve().parent.parent / "checkpoints"
MODELS = ("captioner", "sentiment", "translator", "video-shots", "video-lipreading", "language-model")  # its folders

# Fonts of the reader's own system: no page waits for one, and none is asked of the network.
_FONTS = [gr.themes.Font(name) for name in ("system-ui", "Segoe UI", "Roboto", "Helvetica Neue", "sans-serif")]
_MONOSPACE = [gr.themes.Font(name) for name in ("ui-monospace", "Menlo", "Consolas", "DejaVu Sans Mono", "monospace")]
_SOFT = gr.themes.Soft(primary_hue="indigo", neutral_hue="slate", font=_FONTS, font_mono=_MONOSPACE)
# A shade darker than the theme's own, so that all text has the contrast that WCAG 2.2 AA asks for (4.5 to 1).
THEME = _SOFT.set(
    background_fill_primary="*neutral_50",
    body_text_color_subdued="*neutral_600",
    body_text_color_subdued_dark="*neutral_300",
    block_info_text_color="*neutral_600",
    block_label_text_color="*primary_700",
    block_title_text_color="*primary_700",
    button_primary_background_fill="*primary_600",
    button_primary_background_fill_dark="*primary_600",
    button_primary_background_fill_hover="*primary_700",
    button_primary_background_fill_hover_dark="*primary_700",
    checkbox_label_background_fill_selected="*primary_600",
    checkbox_label_background_fill_selected_dark="*primary_600",
    color_accent="*primary_600",
    input_border_color="*neutral_300",
)
_FOLDER = Path(__file__).resolve().parent
CSS = (_FOLDER / "style.css").read_text(encoding="utf-8")
HEAD = f"<script>{(_FOLDER / 'names.js').read_text(encoding='utf-8')}</script>"

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
            with _shown_errors(function, args):
                yield from function(*args, **kwargs)

        # Gradio describes an endpoint by its return type: that of a generator is what it yields.
        signature = inspect.signature(function)
        stream.__signature__ = signature.replace(return_annotation=get_args(signature.return_annotation)[0])  # type: ignore[attr-defined]
        return cast(Callable[_Parameters, _Result], stream)

    @functools.wraps(function)
    def guarded(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> _Result:
        with _shown_errors(function, args):
            return function(*args, **kwargs)

    return guarded


@contextmanager
def _shown_errors(function: Callable[..., Any], arguments: Sequence[Any] = ()) -> Iterator[None]:
    if _OWN_FOLDER is not None:
        for argument in arguments:
            still_used(argument, _OWN_FOLDER)
    try:
        yield
    except SeqcoreError as error:
        raise gr.Error(_message(error), print_exception=False) from error
    except gr.Error:
        raise
    except Exception as error:
        logging.getLogger(__name__).exception("%s failed", getattr(function, "__name__", "a function"))
        raise gr.Error(_inside(error), print_exception=False) from error


def _inside(error: Exception) -> str:
    """What a visitor is told of an error that is not theirs."""
    if is_out_of_memory(error):
        return "This was too much for the memory of the server: try something smaller, or try again later."
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return "The disk of the server is full: try again later."
    if isinstance(error, FileNotFoundError) and _OWN_FOLDER and str(error.filename).startswith(str(_OWN_FOLDER)):
        return "This file is not on the server any more: choose it again."
    return "Something went wrong inside the app. Its terminal says what."


def run_app(
    name: str, build: Callable[[LazyTask[Any]], gr.Blocks], description: str, arguments: Sequence[str] | None = None
) -> None:
    """Read the command line and serve one app until it is stopped."""
    options = parser(description)
    options.add_argument("--checkpoint", default=str(CHECKPOINTS / name), help="folder or hub id of the model")
    chosen = options.parse_args(arguments)
    serve(build(lazy_task(chosen.checkpoint, chosen.device)), chosen)


def run_apps(
    build: Callable[[Mapping[str, LazyTask[Any]]], gr.Blocks], description: str, arguments: Sequence[str] | None = None
) -> None:
    """As :func:`run_app` of what uses several models: ``build`` is given what loads each of `MODELS`."""
    options = parser(description)
    options.add_argument(
        "--checkpoint", action="append", default=[], metavar="MODEL=PATH",
        help="folder or hub id to take instead of a bundled model, for example translator=runs/mine; may be given once "
        f"for each of {', '.join(MODELS)}",
    )  # fmt: skip
    chosen = options.parse_args(arguments)
    checkpoints = {model: str(CHECKPOINTS / model) for model in MODELS}
    for entry in chosen.checkpoint:
        model, _, path = entry.partition("=")
        if model not in checkpoints or not path:
            options.error(f"--checkpoint takes MODEL=PATH with a model of {', '.join(checkpoints)}, not {entry!r}")
        checkpoints[model] = path
    serve(build({model: lazy_task(path, chosen.device) for model, path in checkpoints.items()}), chosen)


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
        check_address(options.host, options.port)
    try:
        chosen = {"max_file_size": options.max_file_size, "root_path": options.root_path, "auth": people(options.auth)}
    except SeqcoreError as error:
        stop(str(error))
    if _OWN_FOLDER is not None:
        tempfile.tempdir = str(_OWN_FOLDER / WORKING)  # what is made meanwhile goes with the folder, too
    give_back_memory()
    # A server that is told to end does so as after Ctrl-C: its files go.
    with suppress(ValueError):  # not the main thread
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        address = start(demo, options.host, options.port, options.share, **chosen)
    except OSError as error:
        stop(f"The server could not start on {options.host}, port {options.port}: {error}")
    if address is None:
        return
    print(f"\n{demo.title} is at {address}  (Ctrl-C stops it)", flush=True)
    demo.block_thread()


def start(
    demo: gr.Blocks,
    host: str,
    port: int | None,
    share: bool = False,
    max_file_size: int = LARGEST_UPLOAD,
    root_path: str | None = None,
    auth: list[tuple[str, str]] | None = None,
) -> str | None:
    """Launch without waiting.

    Args:
        max_file_size: MB of an upload.
        root_path: where a proxy serves this.
        auth: who may come in, with their passwords; None is everybody. Tools for language models, which gradio asks
            for no password, are then left out.

    Returns:
        The address; None when gradio's reloader has launched the app already.
    """
    fetch_nothing()
    remember_little()
    demo.queue(default_concurrency_limit=4, max_size=MOST_WAITING)
    _, address, _ = demo.launch(
        server_name=host,
        server_port=port,
        share=share,
        theme=THEME,
        css=CSS,
        head=HEAD,
        footer_links=["api", "settings"],
        mcp_server=auth is None,
        run_history=False,
        ssr_mode=False,
        max_threads=MOST_THREADS,
        max_file_size=max_file_size * 1_000_000,
        root_path=root_path,
        auth=auth,
        allowed_paths=EXAMPLES,
        enable_monitoring=False,
        app_kwargs={"middleware": [Middleware(Door)]},
        quiet=True,
        prevent_thread_lock=True,
    )
    if _OWN_FOLDER is not None:
        keeper = Keeper(_OWN_FOLDER, lambda: {path for one in demo.blocks.values() for path in one.keep_in_cache})
        keeper.begin()
    return address.rstrip("/") if address else None
