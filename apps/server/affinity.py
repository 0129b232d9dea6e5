"""What belongs to one server of several: who comes to another with it is told so in a line.

A page's state, its calls and what was uploaded are in the memory and the folder of the server that was given them. A
server that has a name sets a cookie, by which a proxy finds it again; it changes when the server is started anew.
"""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from apps.server.environment import SERVER_DIR

from apps.server.gradio_queue import knows_event, knows_session
from apps.server.temp_files import PREFIX

if TYPE_CHECKING:
    from starlette.types import Scope

    from apps.server.service import Service

COOKIE, HEADER = "seqcore_server", b"x-seqcore-server"
OTHER_PAGE = "This page's state is on another server, or this server was restarted: reload the page."
OTHER_CALL = "This server has no such call: it was made to another, its answer was fetched, or this one was restarted."
OTHER_FILE = "This file is not on this server: it is on another one, or was removed. Send it again."
_API = "/gradio_api/"
# What a page does with what its server has of it, beneath `/gradio_api/`.
_STATEFUL = ("queue/", "upload", "stream/", "component_server", "cancel", "run/", "api/", "call/")
_JSON, _EVENTS = "application/json", "text/event-stream"


def refusal(service: "Service", scope: "Scope") -> tuple[int, str, str] | None:
    """The status, the text and its kind, where a request is about what this server does not have."""
    route = scope["path"].partition(_API)[2]
    if route.startswith("file=") and is_elsewhere(route.removeprefix("file=")):
        return 404, _line(OTHER_FILE), _JSON
    comes_from = _cookie(scope)
    is_other = service.instance is not None and comes_from is not None and comes_from != service.instance
    if is_other and route.startswith(_STATEFUL):
        if route.startswith("queue/data"):
            return 200, _event(OTHER_PAGE), _EVENTS
        return 409, OTHER_PAGE if route.startswith("upload") else _line(OTHER_PAGE), _JSON
    if scope["method"] != "GET":
        return None
    if route.rstrip("/") == "queue/data":
        (session, *_) = parse_qs(scope["query_string"].decode("latin-1")).get("session_hash", [""])
        if session and not knows_session(service.demo, session):
            return 200, _event(OTHER_PAGE), _EVENTS
    call = re.fullmatch(r"call/(?:v2/)?[^/]+/([^/]+)/?", route)
    if call and not knows_event(service.demo, call[1]):
        return 404, f"event: error\ndata: {_line(OTHER_CALL)}\n\n", _EVENTS
    return None


def is_elsewhere(path: str) -> bool:
    """Whether a path is in the folder of another server, of this machine or another."""
    folders = [part for part in Path(path).parts if part.startswith(PREFIX)]
    return bool(folders) and (SERVER_DIR is None or SERVER_DIR.name not in folders)


def new_cookie(service: "Service", scope: "Scope") -> bytes | None:
    """The cookie that a page's browser, or a program, is given; None where it has it already."""
    if service.instance is None or _cookie(scope) == service.instance:
        return None
    return f"{COOKIE}={service.instance}; Path={service.root or '/'}; HttpOnly; SameSite=Lax".encode()


def _cookie(scope: "Scope") -> str | None:
    """The server that a request was meant for."""
    for name, value in scope["headers"]:
        if name == b"cookie":
            for pair in value.decode("latin-1").split(";"):
                key, _, server = pair.strip().partition("=")
                if key == COOKIE:
                    return str(server)
    return None


def _line(text: str) -> str:
    """Both names that gradio's clients look for."""
    return json.dumps({"error": text, "detail": text})


def _event(text: str) -> str:
    """What gradio's clients take for the end of all calls of a page."""
    message = {"msg": "unexpected_error", "message": text, "event_id": "", "success": False}
    return f"data: {json.dumps(message)}\n\n"
