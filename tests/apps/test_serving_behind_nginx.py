"""Two servers behind nginx, set up as docs/serving.md says: who comes back finds what is theirs, or is told so."""

import json
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from gradio_client import Client, handle_file
from training_runs import wait_for

from apps.server.affinity import COOKIE, OTHER_CALL, OTHER_FILE, OTHER_PAGE

ROOT = Path(__file__).resolve().parents[2]
SLOW = "a dog runs slowly " * 8
pytestmark = pytest.mark.slow


@dataclass
class Proxied:
    """Two servers, and nginx before them."""

    folder: Path
    ports: dict[str, int]
    servers: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)
    nginx: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    def proxy(self, port: int, configuration: str) -> str:
        """Start nginx with a configuration. The address of the pages."""
        folder = self.folder / f"nginx-{port}"
        folder.mkdir()
        ways = [f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")]
        for name, there in (("80", port), *zip(("127.0.0.1:7861", "127.0.0.1:7862"), self.ports.values(), strict=True)):
            here = f"127.0.0.1:{there}"
            configuration = re.sub(rf"(?<=[ ]){re.escape(name)}(?=[ ;])", here, configuration)
        user = f"user {pwd.getpwuid(0).pw_name};" if os.geteuid() == 0 else ""
        text = f"{user} pid {folder}/pid; events {{}} http {{ access_log off; {' '.join(ways)}\n{configuration}\n}}"
        (folder / "nginx.conf").write_text(text, encoding="utf-8")
        command = ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", "stderr", "-g", "daemon off;"]
        environment = {**os.environ, "PATH": f"{os.environ['PATH']}{os.pathsep}/usr/sbin"}
        self.nginx.append(subprocess.Popen(command, env=environment))
        address = f"http://127.0.0.1:{port}/demos"
        wait_for(lambda: answers(address), 20)
        return address

    def log(self, name: str) -> str:
        """What a server has written so far."""
        return (self.folder / f"{name}.log").read_text(encoding="utf-8")


def answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/", trust_env=False).status_code < 500
    except httpx.HTTPError:
        return False


@pytest.fixture(scope="module")
def proxied(free_port: Callable[[], int], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    """Two servers that are up, and no nginx yet. The last test ends them."""
    tmp_path = tmp_path_factory.mktemp("proxied")
    if not (shutil.which("nginx") or Path("/usr/sbin/nginx").exists()):
        if os.environ.get("CI") == "true":
            pytest.fail("there is no nginx: apt-get install nginx-light")
        pytest.skip("there is no nginx: apt-get install nginx-light")
    both = Proxied(tmp_path, {name: free_port() for name in "ab"})
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    environment.pop("GRADIO_TEMP_DIR", None)
    for name, port in both.ports.items():
        options = ["--port", str(port), "--server-name", name, "--root-path", "/demos", "--log", "json"]
        with (tmp_path / f"{name}.log").open("wb") as log:
            command = [sys.executable, "-m", "tests.support.served_translator", *options]
            both.servers[name] = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    for port in both.ports.values():
        wait_for(lambda port=port: answers(f"http://127.0.0.1:{port}"), 120)  # type: ignore[misc]
    yield both
    for process in (*both.nginx, *both.servers.values()):
        process.terminate()
    for process in (*both.nginx, *both.servers.values()):
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """What a test opens, and leaves open until its end."""
    with ExitStack() as opened:
        yield opened


def documented() -> str:
    text = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")
    (configuration,) = re.findall(r"```nginx\n(.*?)```", text, re.DOTALL)
    return configuration


@contextmanager
def visitor(address: str, server: str) -> Iterator[httpx.Client]:
    """A browser whose page is of one server: the proxy is asked from other addresses until it chooses that one."""
    for number in range(2, 100):
        transport = httpx.HTTPTransport(local_address=f"127.0.0.{number}")
        with httpx.Client(base_url=address, transport=transport, timeout=60) as client:
            if client.get("/").headers["x-seqcore-server"].startswith(f"{server}."):
                yield client
                return
    raise AssertionError(f"nobody comes to {server}")


def uploaded(client: httpx.Client, text: str) -> tuple[str, str]:
    """The path of a text on the server that took it, and which that is."""
    response = client.post("/gradio_api/upload", files={"files": ("letter.txt", text.encode())})
    return response.raise_for_status().json()[0], response.headers["x-seqcore-server"]


def as_file(path: str) -> dict[str, Any]:
    return {"path": path, "orig_name": "letter.txt", "meta": {"_type": "gradio.FileData"}}


def begun(client: httpx.Client, text: str) -> str:
    """The number of a call that was made."""
    response = client.post("/gradio_api/call/translate_stream", json={"data": [text, "en"]})
    return str(response.raise_for_status().json()["event_id"])


def test_who_comes_back_finds_what_is_theirs(
    proxied: Proxied, free_port: Callable[[], int], tmp_path: Path, stack: ExitStack
) -> None:
    address = proxied.proxy(free_port(), documented())
    for path in ("/health", "/ready", "/metrics", "//metrics/"):
        assert httpx.get(f"{address}{path}").status_code == 404
    visitors = {name: stack.enter_context(visitor(address, name)) for name in proxied.servers}
    for name, client in visitors.items():
        config = client.get("/config").json()
        assert config["root"] == address
        assert uploaded(client, "a dog\n" * 500_000)[1].startswith(f"{name}."), "more than nginx takes by itself"
        path, server = uploaded(client, "a dog\n" * 50)
        assert server == client.cookies[COOKIE]
        run = client.post("/gradio_api/run/translate_file", json={"data": [as_file(path), "en"]})
        answer = run.raise_for_status().json()["data"][0]["path"]
        assert client.get(f"/gradio_api/file={answer}").text == "ein Hund\n" * 50
        (event,) = [one for one in config["dependencies"] if one["api_name"] == "translate_stream"]
        data = {"data": [SLOW, "en", "de", 5, 1.0], "fn_index": event["id"], "session_hash": "page"}
        client.post("/gradio_api/queue/join", json=data).raise_for_status()
        with client.stream("GET", "/gradio_api/queue/data?session_hash=page") as events:
            kinds = [json.loads(line[6:])["msg"] for line in events.iter_lines() if line]
        assert kinds[-2:] == ["process_completed", "close_stream"]
        assert kinds.count("process_generating") > 10
        program = Client(f"{address}/", verbose=False, httpx_kwargs={"cookies": {COOKIE: client.cookies[COOKIE]}})
        (tmp_path / "letter.txt").write_text("a dog\n", encoding="utf-8")
        result = program.predict(handle_file(tmp_path / "letter.txt"), source="en", api_name="/translate_file")
        assert Path(result).read_text(encoding="utf-8") == "ein Hund\n"
        assert program.predict("a cat", source="en", api_name="/translate") == "ein Katze"
        assert '"endpoint": "/translate"' in proxied.log(name)
    program = Client(f"{address}/", verbose=False)
    assert program.cookies[COOKIE], "it keeps to the server that described itself"
    assert list(program.submit(SLOW, source="en", api_name="/translate_stream"))[-1].endswith("slowly")
    (path, _), other = uploaded(visitors["a"], "a secret"), visitors["b"]
    refused = other.get(f"/gradio_api/file={path}")
    assert (refused.status_code, refused.json()["error"]) == (404, OTHER_FILE)


def test_who_comes_to_another_server_is_told_so(proxied: Proxied, free_port: Callable[[], int]) -> None:
    """As with a proxy that takes one server after the other, whoever asks."""
    configuration = documented().replace("hash $remote_addr consistent;", "").replace("//$seqcore;", "//seqcore_any;")
    address = proxied.proxy(free_port(), configuration)
    with httpx.Client(base_url=address, timeout=60) as client:

        def at_another(server: str, method: str, path: str, **content: Any) -> httpx.Response:
            """What the other server answers."""
            for _ in range(4):
                client.cookies.clear()
                response = client.request(method, path, **content)
                if response.headers["x-seqcore-server"] != server:
                    return response
            raise AssertionError("nginx keeps to one server")

        path, server = uploaded(client, "a secret\n")
        response = at_another(server, "GET", f"/gradio_api/file={path}")
        assert (response.status_code, response.json()["error"]) == (404, OTHER_FILE)
        data: dict[str, Any] = {"data": [as_file(path), "en"]}
        assert at_another(server, "POST", "/gradio_api/run/translate_file", json=data).json()["error"] == OTHER_FILE
        response = client.post("/gradio_api/call/translate", json={"data": ["a dog"]})
        number, server = response.json()["event_id"], response.headers["x-seqcore-server"]
        response = at_another(server, "GET", f"/gradio_api/call/translate/{number}")
        assert (response.status_code, json.loads(response.text.partition("data: ")[2])["error"]) == (404, OTHER_CALL)
        data = {"data": ["a dog", "en", "de", 5, 1.0], "fn_index": 0, "session_hash": "another-page"}
        server = client.post("/gradio_api/queue/join", json=data).headers["x-seqcore-server"]
        response = at_another(server, "GET", "/gradio_api/queue/data?session_hash=another-page")
        assert json.loads(response.text.removeprefix("data: "))["message"] == OTHER_PAGE
        page = client.get("/")  # Now with its cookie, as a browser has it.
        told = [client.post("/gradio_api/queue/join", json=data) for _ in range(2)]
        assert sorted(response.status_code for response in told) == [200, 409]
        for response in told:
            at_home = response.headers["x-seqcore-server"] == page.headers["x-seqcore-server"]
            assert at_home == (response.status_code == 200)
            assert at_home or response.json()["detail"] == OTHER_PAGE
    assert all("Traceback" not in proxied.log(name) for name in proxied.servers)


def test_one_server_ends_and_the_other_goes_on(
    proxied: Proxied, free_port: Callable[[], int], stack: ExitStack
) -> None:
    address = proxied.proxy(free_port(), documented())
    client = stack.enter_context(visitor(address, "a"))
    number, late = begun(client, SLOW), begun(client, "a dog runs slowly " * 5)
    texts: list[str] = []
    reader = threading.Thread(target=lambda: texts.append(client.get(f"/gradio_api/call/x/{number}").text))
    reader.start()
    proxied.servers["a"].send_signal(signal.SIGTERM)
    wait_for(lambda: '"event": "ending"' in proxied.log("a"), 20)
    direct = httpx.post(f"http://127.0.0.1:{proxied.ports['a']}/gradio_api/call/translate", json={"data": ["a dog"]})
    assert direct.status_code == 503
    refused = client.post("/gradio_api/call/translate", json={"data": ["a dog"]})
    assert (refused.status_code, refused.json()["detail"]) == (409, OTHER_PAGE), "the other one says it"
    assert client.get(f"/gradio_api/call/x/{late}").text.endswith('slowly"]\n\n'), "it is not fetched elsewhere"
    reader.join(60)
    assert texts[0].endswith('slowly"]\n\n')
    assert proxied.servers["a"].wait(30) == 0
    assert client.get("/").headers["x-seqcore-server"].startswith("b."), "reloaded"
    assert client.post("/gradio_api/run/translate", json={"data": ["a dog"]}).json()["data"] == ["ein Hund"]
    (left,) = proxied.folder.glob("seqcore-server-*")

    number = begun(client, "a dog runs slowly " * 500)
    with client.stream("GET", f"/gradio_api/call/x/{number}") as stream:
        next(stream.iter_lines())
        for _ in range(2):  # The second time it does not wait.
            proxied.servers["b"].send_signal(signal.SIGTERM)
            time.sleep(0.3)
        assert proxied.servers["b"].wait(10) == 128 + signal.SIGTERM
    assert not left.exists()
