"""`seqcore train` and `seqcore corpus`: the recipe that a shell names is found, filled by its flags, and run."""

import dataclasses
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import seqcore.training
from seqcore.errors import SeqcoreError, SettingsError, is_out_of_memory
from seqcore.recipes import flags
from seqcore.training import processes

RECIPES = {
    "captioning": "captioning.CaptioningRecipe",
    "language-model": "language.LanguageModelRecipe",
    "sentiment": "sentiment.SentimentRecipe",
    "translation": "translation.TranslationRecipe",
    "video": "video.VideoRecipe",
}
CORPORA = {
    "films": "films.compose.write_films",
    "sentiment": "corpora.sentiment.build",
    "translation": "corpora.translation.build",
}
_TRAIN = """usage: seqcore train TASK --train DATA --output FOLDER [options]

Train a task on your own data, from a checkpoint or from nothing. The task is {names}, or one of another package.
`seqcore train TASK --help` says what it takes."""
_CORPUS = """usage: seqcore corpus KIND --output FOLDER [options]

Make training data of several data sets, or films of photographs: {names}. `seqcore corpus KIND --help` says what it
takes."""


def train(arguments: Sequence[str]) -> None:
    """Run `seqcore train`.

    Raises:
        KeyboardInterrupt: Ctrl-C stopped it; its state was saved, and that was said.
    """
    name, rest = _named(arguments, RECIPES, _TRAIN)
    recipe = recipe_class(name)
    from seqcore.tasks.registry import is_installed

    imports = "" if is_installed(name) else f"--import {recipe.task.__module__} "
    run_recipe(recipe, f"seqcore train {name}", rest, f"seqcore {imports}predict")


def corpus(arguments: Sequence[str]) -> None:
    """Run `seqcore corpus`."""
    name, rest = _named(arguments, CORPORA, _CORPUS)
    if name not in CORPORA:
        raise SettingsError(f"there is no corpus {name!r}, but {', '.join(CORPORA)}")
    flags.read(_member(CORPORA[name]), f"seqcore corpus {name}", rest)


def recipe_class(name: str) -> type[Any]:
    """The recipe of a task: its own, or for a task that has none, one with the options that all have.

    Raises:
        SettingsError: there is no such task.
    """
    if name in RECIPES:
        recipe: type[Any] = _member(RECIPES[name])
        return recipe
    from seqcore.recipes.base import Recipe
    from seqcore.tasks.registry import task_class

    task = task_class(name)
    model = dataclasses.field(default_factory=task.Config)
    plain = dataclasses.make_dataclass(
        "TaskRecipe",
        [("model", task.Config, model)],
        bases=(Recipe,),
        namespace={"task": task},
        frozen=True,
        kw_only=True,
    )
    plain.__doc__ = f"Train the task {name} on your own data, from a checkpoint or from nothing."
    return plain


def run_recipe(recipe: type[Any], program: str, arguments: Sequence[str], advice: str = "seqcore predict") -> None:
    """Fill a recipe by flags and run it.

    Args:
        program: what is typed before the flags.
        advice: the command that tries a checkpoint.

    Raises:
        KeyboardInterrupt: Ctrl-C stopped it.
        SystemExit: another signal did; its status is what a shell expects of that. Or it was one of several processes,
            or started them.
    """
    columns = [*recipe.task.fields, *recipe.task.optional]
    filled = flags.read(recipe, program, arguments, columns)
    filled = dataclasses.replace(filled, training=processes.as_launched(filled.training))
    state = Path(filled.output).expanduser() / "training" / "last.ckpt"
    if processes.must_start(filled.training):
        if status := processes.start(filled.training, state):
            sys.exit(status)
        return
    try:
        with _memory_in_a_line():
            result = filled.run(advice)
    except SeqcoreError as error:
        if processes.speaks(error):
            raise
        sys.exit(processes.LOST if isinstance(error, processes.LostProcessError) else 1)
    except KeyboardInterrupt as error:
        from seqcore.recipes.base import TO_GO_ON, say

        say(f"Stopped at once. {TO_GO_ON if state.exists() else 'Nothing was saved yet.'}")
        number = getattr(error, "signal", signal.SIGINT)
    else:
        if not seqcore.training.is_first_process():
            return  # With the status of a signal, launchers would end the first one, which may still be saving.
        number = result.signal or (signal.SIGINT if result.interrupted else None)
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    if number is not None:
        sys.exit(128 + number)


@contextmanager
def _memory_in_a_line() -> Iterator[None]:
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise SettingsError("there is not enough memory: try a smaller --training.batch-tokens") from error


def recipe_script(recipe: type[Any], page: str) -> NoReturn:
    """Run a recipe as `python -m PAGE.finetune`, whose page shows what comes out."""
    from seqcore.recipes.base import check_installed

    def run() -> None:
        if not {"-h", "--help", "--help=all"}.intersection(sys.argv):
            check_installed()
        run_recipe(recipe, f"python -m {page}.finetune", sys.argv[1:], f"python -m {page} --checkpoint")

    _exit(run)


def function_script(function: Callable[..., Any], module: str) -> NoReturn:
    """Run a function as `python -m MODULE`, filled by flags."""
    _exit(lambda: flags.read(function, f"python -m {module}", sys.argv[1:]))


def _exit(run: Callable[[], None]) -> NoReturn:
    """End as a shell expects it, with a line for an error that a user can mend."""
    try:
        run()
        sys.exit(0)
    except SeqcoreError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


def _named(arguments: Sequence[str], names: dict[str, str], usage: str) -> tuple[str, Sequence[str]]:
    if not arguments or arguments[0].startswith("-"):
        print(usage.format(names=", ".join(names)))
        sys.exit(0 if {"-h", "--help"}.intersection(arguments) else 2)
    return arguments[0], arguments[1:]


def _member(place: str) -> Any:
    module, _, name = place.rpartition(".")
    return getattr(import_module(f"seqcore.recipes.{module}"), name)
