"""The layer around all others of a server: questions of who runs it, requests that are refused, and what is counted."""

import asyncio
import json
from typing import TYPE_CHECKING

from apps.server.affinity import HEADER, new_cookie, refusal
from apps.server.calls import REQUEST, CallRequest, request_id
from apps.server.log import log_event
from apps.server.metrics import RESPONSES, UPLOADED_BYTES
from apps.server.probes import probe
from apps.server.security import drain, refuse
from apps.server.service import Service

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Under this name a request says of itself what its calls are logged with.
SCOPE = "seqcore.request"
ENDING = "This server is about to end: try again in a moment."
_API = "/gradio_api/"
# What goes on while a server ends: whoever waits for an answer gets it, with its files. Beneath `/gradio_api/`.
_CONTINUED = ("queue/data", "file=", "stream/", "heartbeat/", "upload_progress", "cancel", "reset")
# Requests that are open as long as their page is, or whose calls are counted themselves.
_LISTENING = ("queue/data", "heartbeat/", "upload_progress", "mcp")
_MAX_DRAINED = 64_000_000  # Bytes of a body that are read away, for its sender to see why it is refused.


class ServiceMiddleware:
    """Answers what a server is asked about itself, refuses what it cannot do now, and counts the rest."""

    def __init__(self, app: "ASGIApp", service: Service) -> None:
        self._app, self._service = app, service

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Answer a request, refuse it, or hand it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        service, route = self._service, scope["path"].partition(_API)[2]
        service.loop = service.loop or asyncio.get_running_loop()
        sent = dict(scope["headers"]).get(b"x-request-id", b"").decode("latin-1")
        request = scope[SCOPE] = CallRequest(request_id(sent))
        REQUEST.set(request)
        send = self._labelled(scope, request, send)
        answer = probe(service, scope) or self._refused_at_end(scope, route) or refusal(service, scope)
        if answer is not None:
            await _answer(scope, receive, send, *answer)
            return
        works = not route.startswith(_LISTENING) and not (scope["method"] == "GET" and route.startswith("call/"))
        service.open_requests += works
        try:
            await self._app(scope, _measured(request, receive), send)
        finally:
            service.open_requests -= works
            if route.startswith("upload") and scope["method"] == "POST":
                UPLOADED_BYTES.inc(request.bytes)
                log_event("upload", request=request.id, request_bytes=request.bytes)

    def _refused_at_end(self, scope: "Scope", route: str) -> tuple[int, str, str] | None:
        is_answer = route.startswith("call/") and scope["method"] == "GET"
        if not self._service.ending or is_answer or route.startswith(_CONTINUED):
            return None
        if not route or route.startswith("upload"):
            return 503, ENDING, "text/plain"
        return 503, json.dumps({"error": ENDING, "detail": ENDING}), "application/json"

    def _labelled(self, scope: "Scope", request: CallRequest, send: "Send") -> "Send":
        """Say with each answer which request and which server it is of, and count it."""
        service = self._service

        async def labelled(message: "Message") -> None:
            if message["type"] == "http.response.start":
                RESPONSES.labels(f"{message['status'] // 100}xx").inc()
                headers = [*message.get("headers", ()), (b"x-request-id", request.id.encode())]
                if service.instance is not None:
                    headers.append((HEADER, service.instance.encode()))
                kind = dict(headers).get(b"content-type", b"")
                is_page = kind.startswith(b"text/html") or scope["path"].rstrip("/").endswith("/config")
                if is_page and message["status"] == 200 and (cookie := new_cookie(service, scope)):
                    headers.append((b"set-cookie", cookie))
                message = {**message, "headers": headers}
            await send(message)

        return labelled


async def _answer(scope: "Scope", receive: "Receive", send: "Send", status: int, text: str, kind: str) -> None:
    headers = [(b"cache-control", b"no-store")]
    if status == 503:
        headers.append((b"retry-after", b"5"))
    if status == 405:
        headers.append((b"allow", b"GET, HEAD"))
    if scope["method"] not in ("GET", "HEAD"):
        await drain(receive, _MAX_DRAINED)
    await refuse(send, status, text, kind, headers)


def _measured(request: CallRequest, receive: "Receive") -> "Receive":
    """A body whose bytes are counted."""

    async def measured() -> "Message":
        message = await receive()
        request.bytes += len(message.get("body", b""))
        return message

    return measured
