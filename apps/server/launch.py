"""What every app does at its start: it reads the command line and serves its page until it is stopped."""

import argparse
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from apps.server.environment import SERVER_DIR

import gradio as gr
from starlette.middleware import Middleware

from apps.server.calls import BUSY, begun_call, refused_call
from apps.server.ending import Ending
from apps.server.errors import endpoint_of, explain_validation_error, note_sent_names
from apps.server.gradio_patches import (
    CALL_ERRORS,
    close_image_decoders,
    disable_outbound_fetch,
    explain_call,
    files_in,
    install_session_patches,
    pin_files,
    sent_names,
    watch_inputs,
)
from apps.server.gradio_queue import watch_queue
from apps.server.log import log_event, start_log, take_over_uvicorn
from apps.server.malloc import start_malloc_trim
from apps.server.middleware import SCOPE, ServiceMiddleware
from apps.server.models import CHECKPOINTS, MODELS, LazyTask
from apps.server.options import MAX_UPLOAD_MB, check_address, parser, stop
from apps.server.security import RequestLimitMiddleware, read_credentials
from apps.server.service import Service
from apps.server.sessions import SERVERS, closed_session_files, page_files
from apps.server.temp_files import WORKING, FileReaper, touch
from apps.server.tools import install_tools
from apps.ui.theme import CSS, HEAD, THEME
from seqcore.errors import SeqcoreError

# A call that waits to be worked on together with others holds a thread, but takes no time of the processor.
MAX_CALLS = 64
MAX_WAITING = 256  # Calls that have no thread yet; a further one is told to try again.
MAX_THREADS = MAX_CALLS + 32
# Gradio looks through the files of a page so often, in seconds, and removes those that are so old. This matters where
# GRADIO_TEMP_DIR names a folder; in one of the server's own, `FileReaper` removes them earlier.
DELETE_CACHE = (3600, 3600)

# Visitors may read these beside the server's own folder.
EXAMPLES = [str(folder) for folder in Path(__file__).resolve().parents[1].glob("*/examples")]


def run_app(
    name: str, build: Callable[[LazyTask[Any]], gr.Blocks], description: str, arguments: Sequence[str] | None = None
) -> None:
    """Read the command line and serve one app until it is stopped."""
    options = parser(description)
    options.add_argument("--checkpoint", default=str(CHECKPOINTS / name), help="folder or hub id of the model")
    chosen = options.parse_args(arguments)
    load = LazyTask[Any](chosen.checkpoint, chosen.device)
    serve(build(load), chosen, {name: load})


def run_apps(
    build: Callable[[Mapping[str, LazyTask[Any]]], gr.Blocks], description: str, arguments: Sequence[str] | None = None
) -> None:
    """As `run_app`, for a page of several models: `build` is given what loads each of `MODELS`."""
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
    loads = {model: LazyTask[Any](path, chosen.device) for model, path in checkpoints.items()}
    serve(build(loads), chosen, loads)


def serve(demo: gr.Blocks, options: argparse.Namespace, models: Mapping[str, LazyTask[Any]] | None = None) -> None:
    """Launch, print the address and wait. Ends the program with one clear line when the address cannot be had.

    Args:
        models: what loads each model of the page, by its name.
    """
    # Gradio's reloader runs this again beside the server that it keeps, which holds the port.
    if not os.environ.get("GRADIO_WATCH_DIRS"):
        check_address(options.host, options.port)
    try:
        chosen = {
            "max_file_size": options.max_file_size,
            "root_path": options.root_path,
            "auth": read_credentials(options.auth),
        }
    except SeqcoreError as error:
        stop(str(error))
    if SERVER_DIR is not None:
        tempfile.tempdir = str(SERVER_DIR / WORKING)  # What is made meanwhile goes with the folder, too.
    start_malloc_trim()
    close_image_decoders()
    start_log(options.log)
    ending = Ending(options.grace)
    # What is shared comes through a program of this machine.
    metrics = "off" if options.share and options.metrics == "local" else options.metrics
    service = Service(demo, models, options.root_path, options.server_name, metrics)
    try:
        address = start(demo, options.host, options.port, options.share, service=service, **chosen)
    except OSError as error:
        stop(f"The server could not start on {options.host}, port {options.port}: {error}")
    if address is None:
        return
    if options.log != "json":
        print(f"\n{demo.title} is at {address}  (Ctrl-C stops it)", flush=True)
    log_event("started", address=address, title=demo.title, server=service.instance)
    ending.wait_and_finish(service)


def start(
    demo: gr.Blocks,
    host: str,
    port: int | None,
    share: bool = False,
    max_file_size: int = MAX_UPLOAD_MB,
    root_path: str | None = None,
    auth: list[tuple[str, str]] | None = None,
    service: Service | None = None,
) -> str | None:
    """Launch without waiting.

    Args:
        max_file_size: MB of an upload.
        root_path: where a proxy serves this.
        auth: who may come in, with their passwords; None is everybody. Tools for language models, which gradio asks
            for no password, are then left out.
        service: what is known of this server; by default one without a name, of no models.

    Returns:
        The address; None when gradio's reloader has launched the app already.
    """
    disable_outbound_fetch()
    install_session_patches()
    install_tools()
    with demo:
        state = gr.State()  # Only a page that has one tells that it is closed.
    watch_inputs(demo, _touch_inputs, explain_validation_error, _received)
    demo.queue(default_concurrency_limit=4, max_size=MAX_WAITING)
    watch_queue(demo, _begun, lambda event: refused_call(endpoint_of(event), BUSY))
    service = service or Service(demo, root_path=root_path)
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
        max_threads=MAX_THREADS,
        max_file_size=max_file_size * 1_000_000,
        root_path=root_path,
        auth=auth,
        allowed_paths=EXAMPLES,
        enable_monitoring=False,
        app_kwargs={
            "middleware": [Middleware(ServiceMiddleware, service=service), Middleware(RequestLimitMiddleware)],
            "exception_handlers": dict.fromkeys(CALL_ERRORS, explain_call),
        },
        quiet=True,
        prevent_thread_lock=True,
    )
    take_over_uvicorn()
    pin_files(state, {*files_in(demo.config)})
    if SERVER_DIR is not None:
        SERVERS.append(demo)
        if len(SERVERS) == 1:
            FileReaper(SERVER_DIR, page_files, closed_session_files).start()
    return address.rstrip("/") if address else None


def _begun(event: Any, request: Any, seconds: float) -> None:
    begun_call(endpoint_of(event), request.scope.get(SCOPE), seconds)


def _received(event: Any, values: list[Any]) -> list[Any]:
    """What was sent; a program's with null for each argument that it left out. Raises `ValueError` for too many."""
    note_sent_names(sent_names(values))
    omitted = len(event.inputs) - len(values)
    if event.api_visibility != "public":
        return values
    if omitted < 0:
        raise ValueError("there are more values than inputs")
    return [*values, *[None] * omitted]


def _touch_inputs(arguments: list[Any]) -> None:
    if SERVER_DIR is not None:
        touch(arguments, SERVER_DIR)
