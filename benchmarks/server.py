"""A server of all apps in a process of its own, and how a program asks it."""

import asyncio
import io
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import httpx

ROOT = Path(__file__).resolve().parent.parent
MAX_WAIT = 300.0  # Seconds, for an answer.


@dataclass(frozen=True)
class Request:
    """What a client asks for: the endpoint, its arguments; a path among them is uploaded first."""

    endpoint: str
    arguments: tuple[Any, ...]


class BusyError(Exception):
    """The server has asked to try again."""


class Server:
    """All apps in a process of their own.

    Args:
        together: whether calls that wait are worked on together, as they are for users.
    """

    def __init__(self, together: bool = True) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        module = ["apps"] if together else ["benchmarks.load", "--serve-alone"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", *module, "--port", str(port)], cwd=ROOT, stdout=subprocess.DEVNULL
        )
        self.address = f"http://127.0.0.1:{port}/gradio_api"

    def memory(self) -> float:
        """MB that the process has in memory."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    async def ready(self, client: httpx.AsyncClient, seconds: float = 120) -> None:
        """Wait until it answers."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise SystemExit("the server has ended")
            try:
                (await client.get(f"{self.address}/info")).raise_for_status()
                return
            except httpx.HTTPError:
                await asyncio.sleep(0.5)
        raise SystemExit(f"the server does not answer after {seconds:.0f} s")

    def stop(self) -> None:
        """End the process."""
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    async def ask(self, client: httpx.AsyncClient, request: Request) -> Any:
        """The answer. Raises `BusyError`, or `RuntimeError` with what the server said."""
        data = [await self._uploaded(client, value) for value in request.arguments]
        joined = await client.post(f"{self.address}/call/{request.endpoint}", json={"data": data})
        if joined.status_code == 503:
            raise BusyError(joined.text)
        joined.raise_for_status()
        event, answer = "", None
        place = f"{self.address}/call/{request.endpoint}/{joined.json()['event_id']}"
        async with client.stream("GET", place) as stream:
            stream.raise_for_status()
            async for line in stream.aiter_lines():
                if line.startswith("event: "):
                    event = line.removeprefix("event: ")
                elif line.startswith("data: ") and event in {"complete", "error"}:
                    answer = json.loads(line.removeprefix("data: "))
                    break
        if event != "complete" or not isinstance(answer, list):
            message = answer.get("error") if isinstance(answer, dict) else answer
            raise (BusyError if "try again" in str(message) else RuntimeError)(f"{request.endpoint}: {message}")
        return await self._downloaded(client, answer[0])

    async def _uploaded(self, client: httpx.AsyncClient, value: Any) -> Any:
        if not isinstance(value, Path):
            return value
        sent = await client.post(f"{self.address}/upload", files={"files": (value.name, value.read_bytes())})
        sent.raise_for_status()
        return {"path": sent.json()[0], "orig_name": value.name, "meta": {"_type": "gradio.FileData"}}

    async def _downloaded(self, client: httpx.AsyncClient, value: Any) -> Any:
        """A file is what it holds: the cells of a table, or how bright each frame of a film is."""
        if not isinstance(value, dict) or "path" not in value:
            return value
        response = await client.get(f"{self.address}/file={value['path']}")
        response.raise_for_status()
        if value["path"].endswith(".mp4"):
            return await asyncio.to_thread(_brightness, response.content)
        return [[_number(cell) for cell in line.split(",")] for line in response.text.splitlines()]


@asynccontextmanager
async def connection() -> AsyncIterator[httpx.AsyncClient]:
    """A client that no proxy stands before."""
    async with httpx.AsyncClient(timeout=MAX_WAIT, trust_env=False) as client:
        yield client


def _brightness(film: bytes) -> list[float]:
    """The mean of each frame's bytes: an encoder with several threads does not write the same bits twice."""
    with av.open(io.BytesIO(film)) as container:
        return [float(frame.to_ndarray(format="rgb24").mean()) for frame in container.decode(video=0)]


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
