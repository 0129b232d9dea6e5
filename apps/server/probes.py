"""What those ask who run a server: `/health`, `/ready` and `/metrics`. None needs a password."""

import ipaddress
import json
from typing import TYPE_CHECKING

from prometheus_client import CONTENT_TYPE_LATEST

from apps.server.metrics import exposition
from apps.server.service import Service

if TYPE_CHECKING:
    from starlette.types import Scope

# Whatever a proxy says of where a request has come from.
_FORWARDED = (b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"x-real-ip", b"via")
_JSON = "application/json"
NOTHING = "There is nothing here."


def probe(service: Service, scope: "Scope") -> tuple[int, str, str] | None:
    """The status, the text and its kind, where a request is such a question; None where it is another."""
    path = scope["path"].rstrip("/")
    name = path[len(service.root) :] if service.root and path.startswith(f"{service.root}/") else path
    if name not in ("/health", "/ready", "/metrics"):
        return None
    if scope["method"] not in ("GET", "HEAD"):
        return 405, f"{name} is read with GET.", "text/plain"
    if name == "/health":
        return 200, json.dumps(service.health()), _JSON
    if name == "/ready":
        is_ready, about = service.readiness()
        return 200 if is_ready else 503, json.dumps(about, ensure_ascii=False), _JSON
    if service.metrics == "on" or (service.metrics == "local" and _is_local(scope)):
        return 200, exposition(service.gauges).decode(), CONTENT_TYPE_LATEST.partition("; charset")[0]
    return 404, NOTHING, "text/plain"


def _is_local(scope: "Scope") -> bool:
    """Whether a program of this machine asks, and not a proxy for somebody else."""
    if any(name in _FORWARDED for name, _ in scope["headers"]):
        return False
    try:
        address = ipaddress.ip_address((scope.get("client") or ("",))[0])
    except ValueError:
        return False
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback
