"""What is changed of gradio: that gradio still is as it was seen, and that each change has its effect."""

import asyncio
import contextlib
import inspect
import os
import re
from base64 import b64encode
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from every_format import EPS
from gradio import components, image_utils, processing_utils, queueing, route_utils, routes, state_holder
from gradio.data_classes import FileData, ImageData, PredictBodyInternal
from PIL import Image, UnidentifiedImageError

from apps.__main__ import build as build_page
from apps.server import gradio_patches as patches
from apps.server import gradio_queue, launch, tools
from apps.server.errors import message
from apps.server.models import MODELS, LazyTask
from seqcore.errors import InputError

ROOT = Path(__file__).resolve().parents[2]
UPSTREAM_SESSION, UPSTREAM_HOLDER = patches.Session.__mro__[1], patches.Sessions.__mro__[1]


@pytest.fixture
def page(tmp_path: Path) -> gr.Blocks:
    """A number in, a text out, and a state."""
    with gr.Blocks() as demo:
        number, text, _ = gr.Number(), gr.Textbox(), gr.State()
        gr.on(None, str, [number], text, api_name="written")
    return demo


def parameters(function: Any) -> list[str]:
    return list(inspect.signature(function).parameters)


def test_only_versions_that_were_seen_are_installed() -> None:
    major, minor = patches.SEEN.split(".")
    pin = f'"gradio[mcp]>={patches.SEEN},<{major}.{int(minor) + 1}"'
    assert pin in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_nothing_else_reaches_into_gradio() -> None:
    private = r"from gradio\.(?!components)|gradio_client|safehttpx|\._queue|\.preprocess|state_holder|keep_in_cache"
    for path in (ROOT / "apps").rglob("*.py"):
        if path not in {Path(module.__file__ or "") for module in (patches, gradio_queue, tools)}:
            assert not re.search(private, path.read_text(encoding="utf-8")), path


def test_gradio_describes_every_component_for_each_session_and_ours_does_not(page: gr.Blocks) -> None:
    assert parameters(UPSTREAM_SESSION) == ["blocks"]
    upstream, ours = UPSTREAM_SESSION(page), patches.Session(page)
    assert upstream.config_values.keys() == page.default_config.blocks.keys(), "nothing to mend any more"
    assert ours.config_values == {}
    assert ours.blocks_config.blocks.keys() == upstream.blocks_config.blocks.keys()
    (number, *_) = page.default_config.blocks
    ours._update_value_in_config(number, 3)
    assert patches.shown_values(ours)[0]["props"]["value"] == 3, "it is described when it is first shown"
    assert ours.is_closed is False


def test_gradio_keeps_the_session_of_a_single_call_and_ours_does_not(page: gr.Blocks) -> None:
    assert queueing.Queue(False, 1, 1, None, page).event_ids_to_events == {}
    call = SimpleNamespace()
    for kind, remembered in ((UPSTREAM_HOLDER, ["call", "page"]), (patches.Sessions, ["page"])):
        holder = kind()
        holder.set_blocks(page)
        page._queue.event_ids_to_events["call"] = call  # type: ignore[assignment]
        assert holder["call"] is holder["call"], "the rounds of one call share it"
        holder["page"].is_closed = True
        assert list(holder.session_data) == remembered
        assert holder["page"].is_closed is (kind is UPSTREAM_HOLDER), "a page that comes back is open again"


@pytest.fixture
def unpatched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gradio's own sessions, until the end of the test."""
    monkeypatch.setattr(routes, "StateHolder", UPSTREAM_HOLDER)
    monkeypatch.setattr(route_utils, "SessionState", UPSTREAM_SESSION)
    monkeypatch.setattr(state_holder, "SessionState", UPSTREAM_SESSION)


@pytest.mark.usefixtures("unpatched")
def test_a_server_made_after_the_patch_has_our_sessions(page: gr.Blocks) -> None:
    assert type(routes.App.create_app(page).state_holder) is UPSTREAM_HOLDER
    patches.install_session_patches()
    app = routes.App.create_app(page)
    assert type(app.state_holder) is patches.Sessions
    page.app = app
    session = app.state_holder["visitor"]
    assert type(session) is patches.Session
    assert patches.sessions(page) == [session]
    body = SimpleNamespace(session_hash=None, event_id=None)
    of_nobody, _ = route_utils.restore_session_state(app, body)  # type: ignore[arg-type]
    assert type(of_nobody) is patches.Session


def test_files_of_a_page_are_kept_by_its_components(tmp_path: Path) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / "shown.png")
    with gr.Blocks() as demo:
        shown = gr.Image(str(tmp_path / "shown.png"), type="filepath")
        state = gr.State()
    (kept,) = patches.pinned_files(demo)
    assert Path(kept).name == "shown.png"
    assert shown.keep_in_cache == {kept} <= {*patches.files_in(demo.config)}
    patches.pin_files(state, {"example.png"})
    assert patches.pinned_files(demo) == {kept, "example.png"}


def test_what_an_event_is_given_is_told_before_its_function_is_called(page: gr.Blocks) -> None:
    assert parameters(gr.Blocks.preprocess_data) == ["self", "block_fn", "inputs", "state", "explicit_call"]
    (event,) = page.default_config.fns.values()
    assert (event.api_name, len(event.inputs)) == ("written", 1)
    with pytest.raises(ValueError, match="enough input"):
        asyncio.run(page.preprocess_data(event, [], None))
    seen: list[Any] = []

    def refused(event: Any, values: list[Any], error: Exception) -> gr.Error:
        seen.append((event, values, type(error)))
        return gr.Error("not so")

    patches.watch_inputs(page, seen.append, refused)
    assert asyncio.run(page.preprocess_data(event, [3], None)) == [3] == seen.pop()
    with pytest.raises(gr.Error, match="not so"):
        asyncio.run(page.preprocess_data(event, [], None))
    assert seen == [(event, [], ValueError)]
    assert "self.preprocess_data(" in inspect.getsource(gr.Blocks.process_api)


@pytest.fixture
def own_fetch(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The functions that safehttpx comes with, and afterwards what was there before."""
    import safehttpx

    for name in ("get", "async_validate_url"):
        monkeypatch.setattr(safehttpx, name, getattr(safehttpx, name))
    return safehttpx


def test_nothing_is_fetched(own_fetch: Any) -> None:
    assert vars(processing_utils)["sh"] is own_fetch is vars(route_utils)["safehttpx"]
    source = inspect.getsource(processing_utils) + inspect.getsource(route_utils)
    assert "sh.get(" in source
    assert "safehttpx.async_validate_url(" in source
    assert "from safehttpx" not in source, "a function that is taken out of the module would not be replaced"
    patches.disable_outbound_fetch()
    for fetch in (own_fetch.get, own_fetch.async_validate_url, processing_utils.async_ssrf_protected_download):
        with pytest.raises(gr.Error, match="fetches nothing"):
            asyncio.run(fetch("https://example.org/a.png", ""))


def test_an_image_is_handed_on_as_it_was_uploaded(tmp_path: Path) -> None:
    path = tmp_path / "clear.png"
    Image.new("RGBA", (4, 4), (255, 0, 0, 0)).save(path)
    payload = ImageData(path=str(path))
    image = gr.Image(type="filepath")
    anew = image.preprocess(payload)
    assert isinstance(anew, str)
    assert Image.open(anew).mode == "RGB", "nothing to mend any more"
    assert patches.use_uploaded_file(image).preprocess(payload) == str(path)
    assert image.preprocess(None) is None
    (tmp_path / "letter.png").write_text("a dog")
    assert image.preprocess(ImageData(path=str(tmp_path / "letter.png"))) == str(tmp_path / "letter.png")
    assert issubclass(components.Image, components.base.Component)


def test_a_camera_sends_pictures_and_nothing_else(tmp_path: Path, ghostscript: Path) -> None:
    """Gradio hands what is sent to every decoder of Pillow, and that of EPS runs Ghostscript."""
    camera = patches.use_camera_picture(gr.Image(type="numpy", sources=["webcam"], streaming=True))
    path = tmp_path / "frame.png"
    Image.new("RGB", (4, 3), "red").save(path)
    inside = f"data:image/png;base64,{b64encode(path.read_bytes()).decode()}"
    for payload in (ImageData(path=str(path)), ImageData(url=inside)):
        assert camera.preprocess(payload).shape == (3, 4, 3)  # type: ignore[union-attr]
    assert camera.preprocess(None) is None
    (tmp_path / "frame.jpg").write_bytes(EPS)
    inside = f"data:image/jpeg;base64,{b64encode(EPS).decode()}"
    for payload in (ImageData(path=str(tmp_path / "frame.jpg")), ImageData(url=inside)):
        with pytest.raises(InputError, match="EPS"):
            camera.preprocess(payload)
    assert not ghostscript.exists()


def test_no_input_of_a_page_is_opened_by_gradio(tmp_path: Path, ghostscript: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(EPS)
    page = build_page({name: LazyTask(tmp_path) for name in MODELS})
    images = [block for block in page.blocks.values() if isinstance(block, gr.Image) and block.interactive is not False]
    assert len(images) >= 4
    for image in images:
        with contextlib.suppress(InputError):
            image.preprocess(ImageData(path=str(tmp_path / "photo.jpg"), orig_name="photo.jpg"))
    assert not ghostscript.exists()


def test_a_server_has_no_other_decoders(tmp_path: Path, ghostscript: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.init()
    monkeypatch.setattr(Image, "OPEN", dict(Image.OPEN))
    monkeypatch.setattr(Image, "ID", list(Image.ID))
    patches.close_image_decoders()
    Image.new("RGB", (4, 3), "red").save(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        assert image.size == (4, 3)
    (tmp_path / "a.jpg").write_bytes(EPS)
    with pytest.raises(UnidentifiedImageError):
        image_utils.open_image(str(tmp_path / "a.jpg")).load()
    assert not ghostscript.exists()
    assert "close_image_decoders()" in inspect.getsource(launch.serve)


def test_messages_leave_the_name_of_a_file_as_it_is() -> None:
    for text in ("heic.heic is damaged", "my photo.jpg is empty", "rows.csv, row 3: empty", "film.mp4: no picture"):
        assert message(InputError(text)) == f"{text}."
    assert message(InputError("the beam must be at least 0.5, not 0")) == "The beam must be at least 0.5, not 0."


def test_a_file_is_stored_where_gradio_gives_it_out(tmp_path: Path) -> None:
    (tmp_path / "film.mp4").write_bytes(b"a film")
    stored = Path(patches.store_file(str(tmp_path / "film.mp4")))
    assert stored.read_bytes() == b"a film"
    assert stored.is_relative_to(os.environ["GRADIO_TEMP_DIR"])
    assert "path" in FileData.model_fields


def test_a_public_address_ends_with_its_server(monkeypatch: pytest.MonkeyPatch) -> None:
    from gradio import tunneling

    assert "for tunnel in CURRENT_TUNNELS:\n                tunnel.kill()" in inspect.getsource(gr.Blocks.block_thread)
    ended: list[int] = []
    monkeypatch.setattr(tunneling, "CURRENT_TUNNELS", [SimpleNamespace(kill=lambda: ended.append(1))])
    patches.close_tunnels()
    assert ended == [1]


def test_gradio_describes_files_of_tools_as_on_its_own_site_and_ours_do_not(page: gr.Blocks) -> None:
    upstream: Any = tools.Tools.__mro__[1]
    theirs: Any = upstream(page)
    assert "upload_file_to_gradio" in theirs._file_data_tool_description, "nothing to mend any more"
    assert "http or https url" in inspect.getsource(upstream.simplify_filedata_schema)
    for name in ("get_fn_description", "get_input_schema", "convert_strings_to_filedata", "postprocess_output_data"):
        assert parameters(getattr(tools.Tools, name)) == parameters(getattr(upstream, name))
    assert parameters(upstream._prepare_tool_call_args) == ["self", "name", "arguments"]
    assert "gradio.mcp.GradioMCPServer(" in inspect.getsource(routes), "it would not be replaced"
    assert "self.Server(" in inspect.getsource(upstream.create_mcp_server)


def test_the_queue_tells_of_its_calls(page: gr.Blocks) -> None:
    page.queue(max_size=1)
    queue: Any = page._queue
    assert parameters(type(queue).process_events) == ["self", "events", "batch", "begin_time", "fn"]
    assert parameters(type(queue).push) == ["self", "body", "request", "username"]
    assert re.search(r"run_coro_in_background\(\s+self.process_events, events", inspect.getsource(queueing))
    assert re.search(r"_queue.push\(\s+body=body", inspect.getsource(routes))
    (event,) = page.default_config.fns.values()
    seen: list[Any] = []
    gradio_queue.watch_queue(page, lambda fn, request, seconds: seen.append((fn, request, seconds >= 0)), seen.append)

    async def calls() -> None:
        body = PredictBodyInternal(data=[3], fn_index=event._id, session_hash="page")
        results = [await queue.push(body=body, request=None, username=None) for _ in range(2)]
        assert [is_in for is_in, *_ in results] == [True, False]
        number = results[0][1]
        assert seen.pop() is event
        assert (gradio_queue.waiting_calls(page), gradio_queue.running_calls(page)) == (1, 0)
        assert gradio_queue.knows_session(page, "page")
        assert gradio_queue.knows_event(page, number)
        assert not gradio_queue.knows_session(page, "another")
        assert not gradio_queue.knows_event(page, "another")
        assert gradio_queue.has_undelivered_answers(page)
        gradio_queue.fail_calls(page, "a line")
        _, last = (queue.pending_messages_per_session["page"].get_nowait() for _ in range(2))
        assert (last.output, last.success, last.event_id) == ({"error": "a line"}, False, number)
        call = queue.event_ids_to_events[number]
        call.alive = False  # It has no request that it could be worked on with.
        queue.set_server_app(SimpleNamespace(get_blocks=lambda: page, iterators={}))
        await queue.process_events([call], False, 0.0, event)
        assert seen == [(event, None, True)]

    asyncio.run(calls())


def test_a_camera_that_is_closed_ends_its_call(page: gr.Blocks) -> None:
    assert re.search(r"event.closed = True\s+event.signal.set\(\)", inspect.getsource(routes)), "as gradio does it"
    live = SimpleNamespace(streaming=True, closed=False, run_time=0.0, signal=asyncio.Event())
    page._queue.event_ids_to_events["live"] = live  # type: ignore[assignment]
    gradio_queue.end_live_pictures(page)
    assert (live.closed, live.signal.is_set()) == (True, True)


@pytest.mark.parametrize("cause", [KeyError("labels"), TypeError("not this"), KeyError("/labels", 1)])
def test_an_error_of_another_cause_is_not_taken_for_a_callers(cause: Exception) -> None:
    request: Any = SimpleNamespace(url=SimpleNamespace(path="/gradio_api/run/labels"))
    with pytest.raises(type(cause)):
        asyncio.run(patches.explain_call(request, cause))


def test_every_route_that_is_closed_is_one_of_gradio() -> None:
    source = inspect.getsource(routes)
    assert "prefix=API_PREFIX" in source
    assert route_utils.API_PREFIX == "/gradio_api"
    for closed in patches.CLOSED_ROUTES:
        route = closed.removesuffix("http:").removesuffix("https:")
        assert re.search(rf'@\w+\.(get|post)\("(/gradio_api)?/{route}', source), closed


def test_gradio_reads_what_keeps_it_from_summing_up_all_calls() -> None:
    source = inspect.getsource(queueing)
    for name in ("GRADIO_ANALYTICS_MAX_EVENTS", "GRADIO_ANALYTICS_CACHE_FREQUENCY"):
        assert name in source
        assert name in os.environ
