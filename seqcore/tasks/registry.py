"""Which tasks there are: those of this package, those of packages beside it, and those that were just defined."""

import sys
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from seqcore.errors import SettingsError

GROUP = "seqcore.tasks"  # Entry points of this group are tasks of other packages: `name = "module:Class"`.
BUILT_IN = {
    "captioning": "seqcore.tasks.captioning.captioner:Captioner",
    "language-model": "seqcore.tasks.language.model:LanguageModel",
    "sentiment": "seqcore.tasks.sentiment.classifier:SentimentClassifier",
    "translation": "seqcore.tasks.translation.translator:Translator",
    "video": "seqcore.tasks.video.classifier:FrameClassifier",
}
_classes: dict[str, type[Any]] = {}


def register(task: type[Any]) -> None:
    """Make a task known by its name; `Task` calls this for each concrete subclass that has a name of its own.

    A class that is defined once more, as in a notebook, takes the place of what it was.

    Raises:
        SettingsError: another class has that name.
    """
    mine = _place(task)
    taken = _place(_classes[task.name]) if task.name in _classes else BUILT_IN.get(task.name, mine)
    if taken != mine:
        raise SettingsError(f"{mine} cannot be the task {task.name!r}, for that is {taken}: give it another name")
    _classes[task.name] = task


def is_installed(name: str) -> bool:
    """Whether a task is known without anybody's import: one of this package, or of an installed one beside it."""
    return name in BUILT_IN or name in entry_points(group=GROUP).names


def task_names() -> list[str]:
    """The names of all tasks that can be loaded here, sorted."""
    return sorted({*BUILT_IN, *_classes, *entry_points(group=GROUP).names})


def task_class(name: str) -> type[Any]:
    """The task of a name; the module that defines it is imported now, if it was not before.

    Raises:
        SettingsError: there is none, or the package that has it cannot be imported.
    """
    if name not in _classes and name in BUILT_IN:
        import_module(BUILT_IN[name].partition(":")[0])
    elif name not in _classes:
        _import_entry_point(name)
    return _classes[name]


def import_tasks(module: str) -> None:
    """Import a module that defines tasks, from the path or from beside where the command is run.

    Raises:
        SettingsError: it cannot be imported.
    """
    if "" not in sys.path:
        sys.path.insert(0, "")  # So `python -m` finds a module, too.
    try:
        import_module(module)
    except Exception as error:  # Whatever somebody's module raises.
        raise SettingsError(f"--import {module}: {type(error).__name__}: {error}") from error


def _import_entry_point(name: str) -> None:
    points = list(entry_points(group=GROUP, name=name))
    if not points:
        raise SettingsError(
            f"there is no task {name!r} here, but {', '.join(task_names())}. Update seqcore, install the package that "
            "defines it, or import its module first, which `seqcore` on the command line does with --import MODULE"
        )
    try:
        task = points[0].load()
    except Exception as error:  # Whatever the package raises while it is imported.
        raise SettingsError(f"the task {name!r} is {points[0].value}, which cannot be imported: {error}") from error
    if _classes.get(name) is not task:
        raise SettingsError(f"{points[0].value} is installed as the task {name!r}, but it is no task of that name")


def _place(task: type[Any]) -> str:
    return f"{task.__module__}:{task.__qualname__}"
