"""Public names that are imported on first use, so that a package is imported in no time."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazy(
    package: str,
    homes: Mapping[str, str],
    former: Callable[[str], Any] | None = None,
    before: Callable[[], Any] | None = None,
) -> Callable[[str], Any]:
    """A package's `__getattr__` that imports its names on first use.

    Args:
        package: its own name.
        homes: for each module of the package the names that are its, a blank between them.
        former: a `__getattr__` that is asked for all other names, as `seqcore.deprecation.renamed` makes one.
        before: called before a module is imported; it raises for what is not installed.

    Example:
        >>> __getattr__ = lazy("seqcore", {"errors": "DataError InputError"})
        >>> __getattr__("InputError")
        <class 'seqcore.errors.InputError'>
    """
    modules = {name: module for module, names in homes.items() for name in names.split()}

    def answer(name: str) -> Any:
        if name in modules:
            if before:
                before()
            return getattr(import_module(f"{package}.{modules[name]}"), name)
        if former:
            return former(name)
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return answer
