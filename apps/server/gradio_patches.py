"""What is changed of gradio, and the private parts of it that are used: all of them are in this file.

They were seen in gradio 6.31.0 and safehttpx 0.1.7. When one of them changes, `tests/apps/test_gradio_patches.py` fails
and names it; `pyproject.toml` lets in no version of gradio that was not looked at.
"""

from base64 import b64decode
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import apps.server.environment  # noqa: F401

import gradio as gr
from gradio.components import Component
from gradio.route_utils import FnIndexInferError
from gradio.state_holder import SessionState, StateHolder
from starlette.requests import Request
from starlette.responses import JSONResponse

SEEN = "6.31"
# Endpoints of gradio that no page of ours needs. They would fetch an address, run ffmpeg on the server, write code, or
# store what a session shows. Beneath `/gradio_api/`.
CLOSED_ROUTES = ("file=http:", "file=https:", "proxy=", "process_recording", "vibe-", "undo-vibe-", "deep_link")


class Session(SessionState):
    """A session that describes a component when it is first asked for.

    `SessionState.__init__` describes every component of every page in `config_values`, for each session anew, which
    takes tens of milliseconds where pages are many. Only deep links, which are closed here, need all of them at once.
    """

    def __init__(self, blocks: gr.Blocks) -> None:
        without_components: Any = SimpleNamespace(default_config=blocks.default_config, blocks=())
        super().__init__(without_components)


class Sessions(StateHolder):
    """The sessions of a server. That of a program's single call ends with the call.

    `StateHolder` makes a session of each call of `/gradio_api/call`, which names none and is known by its own number,
    and keeps ten thousand of them. `Blocks._queue.event_ids_to_events` tells such numbers from sessions.
    """

    def __getitem__(self, session_id: str) -> SessionState:
        event: Any = self.blocks._queue.event_ids_to_events.get(session_id)
        if event is None:
            session = super().__getitem__(session_id)
            session.is_closed = False  # Gradio never opens a session again, and a computer that slept comes back.
            return session
        if not hasattr(event, "seqcore_session"):  # The rounds of one call share it.
            event.seqcore_session = Session(self.blocks)
        call: SessionState = event.seqcore_session
        return call


def install_session_patches() -> None:
    """Let servers that are made from now on keep their sessions as `Sessions` does."""
    from gradio import route_utils, routes, state_holder

    for module, name, replacement in (
        (routes, "StateHolder", Sessions),
        (route_utils, "SessionState", Session),
        (state_holder, "SessionState", Session),
    ):
        setattr(module, name, replacement)


def sessions(demo: gr.Blocks) -> list[SessionState]:
    """The sessions of a server that was launched; `is_closed` tells that its page is closed."""
    return list(demo.app.state_holder.session_data.values())


def shown_values(session: SessionState) -> list[Any]:
    """The descriptions of what a session was shown, the values of components among them."""
    return list(session.config_values.values())


def pin_files(component: Component, paths: set[str]) -> None:
    """Keep files as long as a component of a page is there.

    Gradio keeps in `keep_in_cache` what an input shows first, but not the files of its examples.
    """
    component.keep_in_cache.update(paths)


def pinned_files(demo: gr.Blocks) -> set[str]:
    """The files that the components of a page keep."""
    return {path for block in list(demo.blocks.values()) for path in block.keep_in_cache}


def files_in(value: Any) -> Iterator[str]:
    """The paths of all files in what a session or a page holds."""
    return (file["path"] for file in _file_objects(value))


def sent_names(value: Any) -> dict[str, str]:
    """How senders name files, where gradio leaves some signs out of the names that it stores them under."""
    files = ((Path(file["path"]).name, file.get("orig_name")) for file in _file_objects(value))
    return {name: sent for name, sent in files if isinstance(sent, str) and sent != name and len(sent) <= 255}


def _file_objects(value: Any) -> list[dict[str, Any]]:
    from gradio_client.utils import is_file_obj, traverse

    files: list[dict[str, Any]] = []
    traverse(value, files.append, is_file_obj)
    return [file for file in files if isinstance(file["path"], str)]


def watch_inputs(
    demo: gr.Blocks,
    accepted: Callable[[list[Any]], None],
    refused: Callable[[Any, list[Any], Exception], gr.Error],
    completed: Callable[[Any, list[Any]], list[Any]] = lambda _, values: values,
) -> None:
    """Tell of the inputs of each event before its function is called.

    `Blocks.preprocess_data` is where gradio makes arguments of what a caller sent. What it refuses it refuses with an
    error of its own, of which a caller is told nothing but that there was one.

    Args:
        accepted: is given the arguments.
        refused: is given the event, what was sent, and gradio's error; the error it returns is raised.
        completed: is given the event and what was sent; gradio is given what it returns.
    """
    preprocess_data = demo.preprocess_data

    async def watched(event: Any, values: list[Any], *rest: Any) -> Any:
        try:
            values = completed(event, values)
            arguments = await preprocess_data(event, values, *rest)
        except gr.Error:
            raise
        except Exception as error:
            raise refused(event, values, error) from error
        accepted(arguments)
        return arguments

    demo.preprocess_data = watched  # type: ignore[method-assign, assignment]


async def explain_call(request: Request, error: Exception) -> JSONResponse:
    """What a caller gets where gradio's own routes fail with an error: for a name or an argument that is not there.

    Raises:
        Exception: the error, where it has another cause.
    """
    route, _, name = request.url.path.rstrip("/").rpartition("/")
    if isinstance(error, FnIndexInferError) or (isinstance(error, KeyError) and error.args == (f"/{name}",)):
        return JSONResponse({"error": f"There is no endpoint /{name}: see /gradio_api/info."}, 404)
    if isinstance(error, TypeError) and route.endswith("/call/v2"):  # Only there are arguments named.
        reason, _, _ = str(error).partition(" Please click")
        return JSONResponse({"error": reason.replace("`", "")}, 422)
    raise error


CALL_ERRORS: tuple[type[Exception], ...] = (FnIndexInferError, KeyError, TypeError)


def disable_outbound_fetch() -> None:
    """Let no visitor have this server fetch an address, which gradio does for public ones.

    All that gradio fetches for a visitor goes through two functions of safehttpx, which it looks up in that module at
    every call.
    """
    import safehttpx

    async def refuse(*_: Any, **__: Any) -> NoReturn:
        raise gr.Error("This server fetches nothing from addresses: send the file itself.", print_exception=False)

    safehttpx.get = safehttpx.async_validate_url = refuse


def use_uploaded_file(image: gr.Image) -> gr.Image:
    """Let an image component of `type="filepath"` hand on the very file that was uploaded, pasted or taken.

    `Image.preprocess` opens it first, so that one it cannot open ends in an error without a reason, and writes it anew
    in RGB: what is transparent turns black, and 16 bits white.
    """
    image.preprocess = lambda payload: payload.path if payload else None  # type: ignore[method-assign]
    return image


def use_camera_picture(image: gr.Image) -> gr.Image:
    """Let an image component of `type="numpy"` open what is sent as a camera's picture as images are opened here.

    `Image.preprocess` hands it to every decoder of Pillow, whatever it is: that of EPS runs Ghostscript.
    """

    def preprocess(payload: Any) -> Any:
        import numpy as np

        from seqcore.media.images import open_image

        if payload is None:
            return None
        is_inside = (payload.url or "").startswith("data:")
        return np.array(open_image(b64decode(payload.url.partition(",")[2]) if is_inside else payload.path))

    image.preprocess = preprocess  # type: ignore[method-assign]
    return image


def close_image_decoders() -> None:
    """Leave this process those decoders of Pillow alone that images are read with here, also where gradio opens one."""
    from PIL import Image

    from seqcore.media.image_formats import FORMATS

    Image.init()
    for name in {*Image.OPEN} - {*FORMATS}:
        del Image.OPEN[name]
    Image.ID[:] = [name for name in Image.ID if name in Image.OPEN]


def close_tunnels() -> None:
    """End the programs that bring visitors of a public address here, as `Blocks.block_thread` does."""
    from gradio.tunneling import CURRENT_TUNNELS

    for tunnel in CURRENT_TUNNELS:
        tunnel.kill()


def store_file(path: str) -> str:
    """Copy a file to where gradio keeps what it gives out, and return its path there."""
    from gradio.processing_utils import save_file_to_cache
    from gradio.utils import get_upload_folder

    return str(save_file_to_cache(path, cache_dir=get_upload_folder()))
