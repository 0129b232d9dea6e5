"""The options that every app is started with, and whether what they say is possible."""

import argparse
import re
import socket
import sys
from typing import NoReturn

from apps.server.ending import GRACE
from apps.server.log import LOGS
from apps.server.security import AUTH_VARIABLE
from apps.server.service import METRICS

MAX_UPLOAD_MB = 100  # MB


def parser(description: str) -> argparse.ArgumentParser:
    """The options that every app takes, but for `--checkpoint`, which differs when several apps share a server."""
    options = argparse.ArgumentParser(
        description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter, allow_abbrev=False
    )
    options.add_argument("--host", default="127.0.0.1", help="address to listen on; 0.0.0.0 opens it to the network")
    options.add_argument("--port", type=int, default=7860, help="port to listen on")
    options.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")
    options.add_argument("--share", action="store_true", help="also make a public address, through gradio's servers")
    options.add_argument(
        "--auth", metavar="FILE",
        help=f"let in only who is in this file, a line USER:PASSWORD each; or set {AUTH_VARIABLE}=USER:PASSWORD",
    )  # fmt: skip
    options.add_argument("--max-file-size", type=_positive, default=MAX_UPLOAD_MB, metavar="MB", help="of an upload")
    options.add_argument("--root-path", help="where a proxy serves this, such as /demos or https://example.org/demos")
    options.add_argument("--log", choices=LOGS, default="text", help="on standard error; json has a line for each call")
    options.add_argument(
        "--metrics", choices=METRICS, default="local",
        help="who may read /metrics, counts and times for Prometheus: programs on this machine, everybody, or nobody",
    )  # fmt: skip
    options.add_argument(
        "--grace", type=_seconds, default=GRACE, metavar="SECONDS",
        help="that running calls have after SIGTERM or Ctrl-C",
    )  # fmt: skip
    options.add_argument(
        "--server-name", type=_name, metavar="NAME",
        help="of this server, where a proxy has several: see docs/serving.md",
    )  # fmt: skip
    return options


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if 0 <= seconds < float("inf"):
        return seconds
    raise argparse.ArgumentTypeError(f"must be a number of seconds, 0 or more, not {text!r}")


def _name(text: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9_-]{1,63}", text):
        return text
    raise argparse.ArgumentTypeError(f"must be 1 to 63 letters, digits, - or _, not {text!r}")


def _positive(text: str) -> int:
    if text.isascii() and text.isdigit() and int(text):
        return int(text)
    raise argparse.ArgumentTypeError(f"must be a whole number greater than 0, not {text!r}")


def check_address(host: str, port: int) -> None:
    """Ask the system for the address, so that a refusal is told in plain words."""
    if not 1 <= port <= 65535:
        stop(f"--port {port} is not a port: choose one from 1 to 65535.")
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except socket.gaierror:
        stop(f"--host {host} is not an address of this machine: use 127.0.0.1, or 0.0.0.0 for all of them.")
    except PermissionError:
        stop(f"Port {port} needs an administrator: choose one above 1023 with --port.")
    except OSError as error:
        if "in use" in str(error):
            stop(f"Port {port} on {host} is in use: stop what uses it, or choose another with --port {port + 1}.")
        stop(f"This machine cannot listen on {host}, port {port}: {error.strerror}.")


def stop(message: str) -> NoReturn:
    """End the program with one clear line."""
    print(message, file=sys.stderr)
    raise SystemExit(1)
