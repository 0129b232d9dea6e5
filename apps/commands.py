"""A function as a command line: what a shell expects of it, in words that a user can act upon."""

import sys
from collections.abc import Callable, Collection, Sequence
from typing import Any

from jsonargparse import auto_cli

from seqcore.errors import SeqcoreError


def run(function: Callable[..., Any], switches: Collection[str] = ()) -> None:
    """A function as a command line.

    Args:
        switches: its arguments that may stand alone, ``--resume``, where jsonargparse wants ``--resume true``.
    """
    try:
        auto_cli(function, bare_flags(sys.argv[1:], switches), as_positional=False)
    except SeqcoreError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


def bare_flags(arguments: Sequence[str], switches: Collection[str]) -> list[str]:
    """Write switches that stand alone as jsonargparse wants them."""
    flags = {f"--{name}" for name in switches}
    following = [*arguments[1:], "--"]
    return [
        f"{argument}=true" if argument in flags and after.startswith("-") else argument
        for argument, after in zip(arguments, following, strict=True)
    ]
