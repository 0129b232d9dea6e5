"""Names of before: they work for one release more, and warn."""

import sys
import warnings
from collections.abc import Callable, Mapping
from pkgutil import resolve_name
from typing import Any


def renamed(
    module: str, names: Mapping[str, str], converts: Mapping[str, Callable[[Any], Any]] | None = None
) -> Callable[[str], Any]:
    """A module's `__getattr__` that answers the names it had before.

    Args:
        module: its own name.
        names: for each old name the new one, with its module: `{"fit_task": "seqcore.training.fitting"}`.
        converts: for an old name, what makes what it meant of what there is now, where that is something else.

    Example:
        >>> __getattr__ = renamed(__name__, {"sqrt_of": "math.sqrt"})
        >>> with warnings.catch_warnings(record=True) as caught:
        ...     warnings.simplefilter("always")
        ...     __getattr__("sqrt_of")(9.0)
        3.0
        >>> print(caught[0].message)
        seqcore.deprecation.sqrt_of is called math.sqrt now; the old name goes with the next release
    """

    def answer(name: str) -> Any:
        if name not in names:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        warn_renamed(f"{module}.{name}", names[name])
        value = resolve_name(names[name])
        return converts[name](value) if converts and name in converts else value

    return answer


class Renamed:
    """An attribute or a method that has another name now: `padding = Renamed("pad_id")`.

    Args:
        new: its name.
        convert: what was there of old from what is there now, where that is something else.
    """

    def __init__(self, new: str, convert: Callable[[Any], Any] = lambda value: value) -> None:
        self.new, self.convert = new, convert

    def __set_name__(self, owner: type, name: str) -> None:
        self.old = f"{owner.__name__}.{name}"

    def __repr__(self) -> str:
        return f"called {self.new} now"

    def __get__(self, instance: Any, owner: type) -> Any:
        if instance is None and sys._getframe(1).f_globals.get("__name__") in {"inspect", "pydoc"}:
            return self  # `help` looks at every name, which is no use of it.
        warn_renamed(self.old, f"{owner.__name__}.{self.new}")
        return self.convert(getattr(owner if instance is None else instance, self.new))


def warn_renamed(old: str, new: str) -> None:
    """Warn whoever called the function that calls this one by its old name."""
    warnings.warn(f"{old} is called {new} now; the old name goes with the next release", FutureWarning, stacklevel=3)
