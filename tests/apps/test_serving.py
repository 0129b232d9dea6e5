"""What those need who run servers: whether one is alive and ready, counts and times, a log, and a clean end."""

import contextlib
import io
import json
import logging
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from gradio_client import Client, handle_file
from prometheus_client.parser import text_string_to_metric_families
from promised_endpoints import ENDPOINTS
from training_runs import wait_for

import seqcore
from apps.server import log
from apps.server.affinity import OTHER_CALL, OTHER_FILE, OTHER_PAGE, refusal
from apps.server.calls import PAGE, request_id
from apps.server.ending import finish
from apps.server.launch import start
from apps.server.middleware import ENDING
from apps.server.models import LazyTask
from apps.server.options import parser
from apps.server.probes import probe
from apps.server.service import Service
from apps.server.temp_files import PREFIX
from apps.translator.app import build
from seqcore.errors import CheckpointError

JSON = {"Content-Type": "application/json"}


def answer(address: str, body: Any = None, method: str | None = None, **headers: str) -> tuple[int, str, Any]:
    """Status, text and headers of whatever the server answers."""
    named = {**(JSON if body is not None else {}), **{name.replace("_", "-"): one for name, one in headers.items()}}
    content = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address, content, named, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, response.read().decode(), response.headers
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(), error.headers


def asked(path: str, method: str = "GET", client: str = "127.0.0.1", **headers: str) -> Any:
    """A request as a server's application sees it."""
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"path": path, "method": method, "headers": pairs, "client": (client, 1), "query_string": b""}


def counts(server: str, name: str) -> dict[tuple[str, ...], float]:
    """The values of a count, by its labels."""
    families = text_string_to_metric_families(answer(f"{server}/metrics")[1])
    return {
        tuple(sample.labels.values()): sample.value
        for family in families
        for sample in family.samples
        if sample.name == name
    }


def test_a_server_says_that_it_is_alive(word_list_server: str) -> None:
    status, text, headers = answer(f"{word_list_server}/health")
    assert (status, headers["content-type"]) == (200, "application/json; charset=utf-8")
    assert json.loads(text) == {"status": "ok", "version": seqcore.__version__, "models": {}}
    assert answer(f"{word_list_server}/health/", method="HEAD")[:2] == (200, "")
    assert answer(f"{word_list_server}/ready")[0] == 200


@pytest.mark.parametrize("path", ["health", "ready", "metrics"])
def test_questions_are_asked_with_get_alone(word_list_server: str, path: str) -> None:
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "TRACE", "NONSENSE"):
        status, text, headers = answer(f"{word_list_server}/{path}", {"a": "b" * 100_000}, method)
        assert (status, text, headers["allow"]) == (405, f"/{path} is read with GET.", "GET, HEAD")
    with contextlib.suppress(ConnectionError):  # It hangs up while it is still told the rest.
        assert answer(f"{word_list_server}/{path}", X_Odd="x" * 200_000)[0] in {400, 431}
    assert answer(f"{word_list_server}/{path}?{'a=b&' * 2000}")[0] == 200
    assert answer(f"{word_list_server}/{path}/../etc/passwd")[0] == 404
    assert answer(f"{word_list_server}/{path}")[0] == 200


@pytest.mark.parametrize("root", ["/demos", "https://example.org/demos/"])
def test_under_a_path_of_a_proxy_a_server_is_asked_with_and_without_it(root: str) -> None:
    service = Service(SimpleNamespace(), root_path=root)  # type: ignore[arg-type]
    for path in ("/health", "/demos/health", "/demos/health/"):
        assert probe(service, asked(path)) == (200, json.dumps(service.health()), "application/json")
    for path in ("/demoshealth", "/other/health", "/demos/other/health", "/"):
        assert probe(service, asked(path)) is None


def test_a_server_is_ready_once_its_models_are_loaded() -> None:
    gate = threading.Event()

    def open_checkpoint(path: str, device: str) -> object:
        gate.wait(30)
        return object()

    def damaged(path: str, device: str) -> object:
        if not mended:
            raise CheckpointError(f"{path} is damaged: copy it again\nSomewhere.")
        return object()

    mended: list[bool] = []
    models = {
        "translator": LazyTask[Any]("/srv/secret/translator", open_checkpoint=open_checkpoint),
        "sentiment": LazyTask[Any]("/srv/secret/sentiment", open_checkpoint=damaged),
    }
    service = Service(SimpleNamespace(), models)  # type: ignore[arg-type]
    assert service.health()["models"] == {"translator": "not loaded", "sentiment": "not loaded"}
    is_ready, about = service.readiness()
    assert (is_ready, about["status"]) == (False, "loading")
    gate.set()
    wait_for(lambda: service.health()["models"] == {"translator": "loaded", "sentiment": "failed"}, 10)
    is_ready, about = service.readiness()
    assert (is_ready, about["status"]) == (False, "failed")
    assert about["reasons"] == {"sentiment": "sentiment is damaged: copy it again"}
    mended.append(True)
    models["sentiment"]()  # A visitor comes.
    assert service.readiness()[0]
    service.ending = True
    assert service.readiness() == (False, service.health())
    assert service.health()["status"] == "ending"


def test_calls_are_counted_by_endpoint_and_outcome(word_list_server: str) -> None:
    before = counts(word_list_server, "seqcore_calls_total")
    api = f"{word_list_server}/gradio_api"
    client = Client(word_list_server, verbose=False)
    assert client.predict("a dog", api_name="/translate") == "ein Hund"
    assert list(client.submit("a dog", api_name="/translate_stream"))[-1] == "ein Hund"
    for text, target in (("a dog", "xx"), (5, "de"), ("broken", "de")):
        answer(f"{api}/run/translate", {"data": [text, "en", target]})
    answer(f"{api}/run/translate_file", {"data": [3]})
    assert answer(f"{api}/run/translate_stream", {"data": ["a dog"]})[0] == 200
    for name in ("no_such_endpoint", "x" * 200):
        answer(f"{api}/run/{name}", {"data": []})
        answer(f"{api}/call/{name}", {"data": []})
    after = counts(word_list_server, "seqcore_calls_total")
    more = {labels: count - before.get(labels, 0) for labels, count in after.items() if count != before.get(labels, 0)}
    assert more.items() >= {
        ("/translate", "ok"): 1, ("/translate", "refused"): 2, ("/translate", "error"): 1,
        ("/translate_stream", "ok"): 2, ("/translate_file", "refused"): 1,
    }.items()  # fmt: skip
    assert {endpoint for endpoint, _ in after} <= {*ENDPOINTS, PAGE}, "nothing that a visitor wrote"
    assert counts(word_list_server, "seqcore_call_seconds_count")["/translate",] >= 3
    assert counts(word_list_server, "seqcore_queue_seconds_count")["/translate",] >= 1
    assert counts(word_list_server, "seqcore_batch_items_sum")["translate_all",] >= 1
    assert counts(word_list_server, "process_resident_memory_bytes")[()] > 1e6


def test_bytes_of_uploads_are_counted(word_list_server: str, tmp_path: Path) -> None:
    before = counts(word_list_server, "seqcore_uploaded_bytes_total")[()]
    (tmp_path / "letter.txt").write_text("a dog\n" * 1000)
    client = Client(word_list_server, verbose=False)
    client.predict(handle_file(tmp_path / "letter.txt"), source="en", api_name="/translate_file")
    assert 6000 <= counts(word_list_server, "seqcore_uploaded_bytes_total")[()] - before < 7000


def test_counts_are_for_this_machine_unless_they_are_opened() -> None:
    def status(metrics: str, **headers: str) -> int:
        service = Service(page, metrics=metrics)
        service.gauges = lambda: ()  # type: ignore[method-assign]
        found = probe(service, asked("/metrics", **headers))
        return 0 if found is None else found[0]

    page: Any = SimpleNamespace()
    assert status("local") == status("local", client="::1") == status("local", client="::ffff:127.0.0.1") == 200
    assert status("local", client="10.0.0.7") == status("local", client="?") == 404
    for header in ("X_Forwarded_For", "Forwarded", "X_Real_IP", "Via"):
        assert status("local", **{header.lower(): "127.0.0.1"}) == 404, "a proxy asks for somebody else"
    assert status("on", client="10.0.0.7") == 200
    assert status("off") == 404


@pytest.fixture
def lines() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """What the JSON log has so far."""
    stream, logger = io.StringIO(), logging.getLogger("apps")
    handler = logging.StreamHandler(stream)
    handler.setFormatter(log.JsonFormatter())
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logger.removeHandler(handler)
    logger.setLevel(level)


def test_a_call_is_a_line_of_json_without_what_it_was_about(
    word_list_server: str, lines: Callable[[], list[dict[str, Any]]]
) -> None:
    api = f"{word_list_server}/gradio_api"
    _, _, headers = answer(f"{api}/run/translate", {"data": ["a private dog", "en", "de"]}, X_Request_ID="mine-1")
    assert headers["x-request-id"] == "mine-1"
    answer(f"{api}/run/translate", {"data": [["a private dog"]]}, X_Request_ID="mine-2")
    number = json.loads(answer(f"{api}/call/translate", {"data": ["broken, private"]}, X_Request_ID="mine-3")[1])
    assert "event: error" in answer(f"{api}/call/translate/{number['event_id']}")[1]
    _, _, headers = answer(f"{api}/run/labels", X_Request_ID='"}\x7f' + "x" * 500)
    assert len(headers["x-request-id"]) == 32
    calls = {line["request"]: line for line in lines() if line["event"] == "call"}
    assert [calls[name]["outcome"] for name in ("mine-1", "mine-2", "mine-3")] == ["ok", "refused", "error"]
    assert calls["mine-3"].keys() == {
        "time", "level", "event", "request", "endpoint", "function", "outcome", "seconds", "queued", "request_bytes",
    }  # fmt: skip
    assert calls["mine-1"]["request_bytes"] == len('{"data": ["a private dog", "en", "de"]}')
    (error,) = (line for line in lines() if line["event"] == "error")
    assert (error["function"], error["error"]) == ("translate", "RuntimeError")
    assert error["traceback"].startswith("Traceback")
    assert "private" not in json.dumps(lines())


@pytest.mark.parametrize(("name", "is_sane"), [("a-1.b_2", True), ("", False), ("a b", False), ("a" * 129, False)])
def test_a_request_keeps_a_name_that_is_a_plain_word(name: str, is_sane: bool) -> None:
    assert (request_id(name) == name) is is_sane


def test_whatever_is_printed_is_json(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    root, logger = logging.getLogger(), logging.getLogger("apps")
    handlers, level, stream = root.handlers[:], logger.level, io.StringIO()
    try:
        for kind in ("text", "off", "json"):
            with monkeypatch.context() as patched:
                patched.setattr("sys.stderr", stream)
                log.start_log(kind, stream)
                log.log_event("started", address="http://x")
                logging.getLogger("elsewhere").warning("a %s", "dog")
                seqcore.errors.warn("two\nlines")
    finally:
        root.handlers[:] = handlers
        logger.setLevel(level)
        logging.captureWarnings(False)
    *plain, started, message, first, second = stream.getvalue().splitlines()
    assert "started" not in " ".join(plain)
    found = [json.loads(line) for line in (started, message, first, second)]
    assert [line["event"] for line in found] == ["started", "message", "stderr", "stderr"]
    assert (found[0]["address"], found[1]["message"]) == ("http://x", "a dog")
    assert [line["message"] for line in found[2:]] == ["warning: two", "lines"]


def test_what_is_not_on_this_server_is_told_in_a_line(
    word_list_server: str, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    api = f"{word_list_server}/gradio_api"
    status, text, headers = answer(f"{api}/queue/data?session_hash=of-another")
    assert (status, headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    assert json.loads(text.removeprefix("data: "))["message"] == OTHER_PAGE
    status, text, _ = answer(f"{api}/call/translate/of-another")
    assert (status, json.loads(text.partition("data: ")[2])["error"]) == (404, OTHER_CALL)
    other = tmp_path / f"{PREFIX}other" / "cache" / "letter.txt"
    other.parent.mkdir(parents=True)
    other.write_text("somebody's secret")
    status, text, _ = answer(f"{api}/file={other}")
    assert (status, json.loads(text)["error"]) == (404, OTHER_FILE)
    for path in (str(other), f"/tmp/{PREFIX}gone/cache/letter.txt"):
        file = {"path": path, "orig_name": "letter.txt", "meta": {"_type": "gradio.FileData"}}
        status, text, _ = answer(f"{api}/run/translate_file", {"data": [file, "en"]})
        assert (status, json.loads(text)["error"]) == (500, OTHER_FILE)
    assert answer(f"{api}/stream/of-another/close", {})[0] == 404
    assert all("Traceback" not in line for line in caplog.messages)
    assert all(record.exc_info is None for record in caplog.records)


def test_a_named_server_refuses_a_page_of_another() -> None:
    demo: Any = SimpleNamespace(_queue=SimpleNamespace(pending_messages_per_session={"page": 1}))
    service = Service(demo, name="a")
    other = {"cookie": "theme=dark; seqcore_server=a.before; x=y"}
    for route in ("queue/join", "upload", "run/translate", "call/translate", "component_server", "stream/1"):
        status, text, _ = refusal(service, asked(f"/gradio_api/{route}", "POST", **other)) or (0, "", "")
        assert (status, OTHER_PAGE in text) == (409, True), route
    scope = {**asked("/gradio_api/queue/data", **other), "query_string": b"session_hash=page"}
    assert refusal(service, scope) is not None
    for route in ("", "config", "gradio_api/info", "gradio_api/app_id", "gradio_api/heartbeat/page", "translator"):
        assert refusal(service, asked(f"/{route}", **other)) is None, route
    for cookie in (f"seqcore_server={service.instance}", "theme=dark", ""):
        assert refusal(service, {**scope, "headers": asked("", cookie=cookie)["headers"]}) is None
    assert Service(demo, name="a").instance != service.instance, "one that was restarted is another"


def test_calls_that_run_are_finished_before_a_server_ends(
    free_port: Callable[[], int], word_list_translator: Any, tmp_path: Path
) -> None:
    app = build(LazyTask(tmp_path, open_checkpoint=lambda path, device: word_list_translator))
    service = Service(app, name="a")
    server = str(start(app, "127.0.0.1", free_port(), service=service))
    status, _, headers = answer(f"{server}/config")
    assert (status, headers["x-seqcore-server"]) == (200, service.instance)
    assert headers["set-cookie"] == f"seqcore_server={service.instance}; Path=/; HttpOnly; SameSite=Lax"
    assert answer(f"{server}/config", Cookie=f"seqcore_server={service.instance}")[2]["set-cookie"] is None
    words = "a dog runs slowly " * 3
    address = f"{server}/gradio_api/call/translate_stream"
    number = json.loads(answer(address, {"data": [words, "en"]})[1])["event_id"]
    answers: list[str] = []
    reader = threading.Thread(target=lambda: answers.append(answer(f"{address}/{number}")[1]))
    reader.start()
    wait_for(lambda: word_list_translator.streaming == 1, 10)
    done: list[bool] = []
    ending = threading.Thread(target=lambda: done.append(finish(service, 20.0)))
    ending.start()
    wait_for(lambda: service.ending, 10)
    status, text, headers = answer(f"{server}/gradio_api/call/translate", {"data": ["a dog"]})
    assert (status, json.loads(text)["error"], headers["retry-after"]) == (503, ENDING, "5")
    assert answer(f"{server}/")[:2] == (503, ENDING)
    assert answer(f"{server}/ready")[0] == 503
    assert answer(f"{server}/health")[0] == 200
    reader.join(30)
    ending.join(30)
    assert answers[0].splitlines()[-2] == f"data: {json.dumps([('ein Hund rennt slowly ' * 3).strip()])}"
    assert done == [True]
    with pytest.raises(urllib.error.URLError):
        answer(f"{server}/health")


def test_whoever_is_not_finished_in_time_is_told(
    free_port: Callable[[], int], word_list_translator: Any, tmp_path: Path
) -> None:
    app = build(LazyTask(tmp_path, open_checkpoint=lambda path, device: word_list_translator))
    service = Service(app)
    server = str(start(app, "127.0.0.1", free_port(), service=service))
    address = f"{server}/gradio_api/call/translate_stream"
    number = json.loads(answer(address, {"data": ["a dog runs slowly " * 50, "en"]})[1])["event_id"]
    with urllib.request.urlopen(f"{address}/{number}", timeout=30) as response:
        assert response.readline()
        begun = time.monotonic()
        assert not finish(service, 0.2)
        assert time.monotonic() - begun < 10
        assert response.read().decode().endswith(f"event: error\ndata: {json.dumps({'error': ENDING})}\n\n")
    wait_for(lambda: word_list_translator.streaming == 0, 10)


def test_options_of_a_server_that_others_run(capsys: pytest.CaptureFixture[str]) -> None:
    options = parser("Serve.").parse_args([])
    assert (options.log, options.metrics, options.grace, options.server_name) == ("text", "local", 25.0, None)
    for wrong in (["--grace", "-1"], ["--grace", "nan"], ["--server-name", "a;b"], ["--log", "xml"]):
        with pytest.raises(SystemExit):
            parser("Serve.").parse_args(wrong)
        assert wrong[0] in capsys.readouterr().err
