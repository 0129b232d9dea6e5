"""What a server lets in: who, how much at once, and which of gradio's endpoints."""

import os
import stat
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from apps.server.gradio_patches import CLOSED_ROUTES
from seqcore.errors import SettingsError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

AUTH_VARIABLE = "SEQCORE_AUTH"
MAX_REQUEST_BYTES = 16_000_000  # A request that is no upload has a text, or a picture of a camera.
_API = "/gradio_api/"


class RequestLimitMiddleware:
    """A layer around the server's application that refuses what no page asks for, and requests that are too large."""

    def __init__(self, app: "ASGIApp", max_bytes: int = MAX_REQUEST_BYTES) -> None:
        self._app, self._max_bytes = app, max_bytes

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        route = scope["path"].partition(_API)[2].lower()
        if route.startswith(CLOSED_ROUTES):
            await refuse(send, 404, "There is nothing here.")
            return
        if route.startswith("upload"):  # Gradio counts each file itself.
            await self._app(scope, receive, send)
            return
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if not length.isdigit() or int(length) > self._max_bytes:
            await drain(receive, 4 * self._max_bytes)
            await refuse(send, 413, f"A request may have {self._max_bytes:,} bytes at most; upload files instead.")
            return
        await self._app(scope, self._counted(receive), send)

    def _counted(self, receive: "Receive") -> "Receive":
        """A body that did not say how long it is ends where it becomes too long, as if its sender had gone."""
        read = 0

        async def counted() -> "Message":
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            return message if read <= self._max_bytes else {"type": "http.disconnect"}

        return counted


def read_credentials(file: str | None, environment: Mapping[str, str] = os.environ) -> list[tuple[str, str]] | None:
    """Read who may come in, with their passwords, from a file or the variable SEQCORE_AUTH; None is everybody.

    Neither can be seen in a list of processes, as an argument can.

    Raises:
        SettingsError: no such file, or a line that is not USER:PASSWORD.
    """
    if file is None:
        pair = environment.get(AUTH_VARIABLE)
        return None if pair is None else [_pair(pair, AUTH_VARIABLE)]
    path = Path(file).expanduser()
    if not path.is_file():
        message = f"--auth takes a file with a line USER:PASSWORD for each person, and there is no file {path}."
        raise SettingsError(f"{message} To give one person alone, set {AUTH_VARIABLE}=USER:PASSWORD instead.")
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        if path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
            print(f"warning: others on this machine can read {path}: chmod 600 {path}", file=sys.stderr)
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from error
    pairs = [_pair(line, f"{path}, line {number}") for number, line in enumerate(lines, 1) if line.strip()]
    if not pairs:
        raise SettingsError(f"{path} names nobody: write a line USER:PASSWORD for each person.")
    return pairs


def _pair(line: str, place: str) -> tuple[str, str]:
    name, _, password = line.strip().partition(":")
    if not name.strip() or not password:
        raise SettingsError(f"{place} must be USER:PASSWORD.")
    return name.strip(), password


async def drain(receive: "Receive", limit: int) -> None:
    """Read a body away: who still sends would not see the answer."""
    more = True
    while more and limit > 0:
        message = await receive()
        more = message.get("more_body", False)
        limit -= len(message.get("body", b""))


async def refuse(
    send: "Send", status: int, message: str, kind: str = "text/plain", headers: Sequence[tuple[bytes, bytes]] = ()
) -> None:
    """Answer a request with a text alone, and hang up."""
    body = message.encode()
    about = [
        (b"content-type", f"{kind}; charset=utf-8".encode()),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
        *headers,
    ]
    await send({"type": "http.response.start", "status": status, "headers": about})
    await send({"type": "http.response.body", "body": body})
