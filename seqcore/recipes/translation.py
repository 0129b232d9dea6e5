"""Train a translator on sentence pairs: `seqcore train translation`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from seqcore.data import PartOfRows, parallel_columns, row_list
from seqcore.errors import DataError, SettingsError
from seqcore.recipes.base import Rows, VocabularyRecipe, say, warn
from seqcore.tasks.base import Task
from seqcore.tasks.text_task import is_blank
from seqcore.tasks.translation import Translator, TranslatorConfig
from seqcore.tasks.translation.directions import row_directions, with_languages


@dataclass(frozen=True, kw_only=True)
class TranslationRecipe(VocabularyRecipe):
    """Train a translator, from a checkpoint or from nothing, tokenizer included.

    Attributes:
        train: CSV, TSV, JSON lines or Parquet file, or a hub id, with a sentence pair a row; or, with --source en
            --target de, what stands before .en and .de in the names of two plain files of a sentence a line.
        source: language of all sources, such as fr; for data without a column that says it, or that is called so.
        target: language of all targets, likewise.
        model: what a new model is; its directions follow from the data unless they are given. With `init`, the
            checkpoint says, but for a new tokenizer's directions, vocabulary and dropout.
    """

    task = Translator
    source: str | None = None
    target: str | None = None
    model: TranslatorConfig = TranslatorConfig()  # noqa: RUF009

    def read_rows(self, source: str, split: str) -> Rows:
        """Read rows and give them the languages that are named by options or by columns; pairs must be whole.

        Raises:
            DataError: a file that cannot be read, no whole pair, or a row that lacks something or has another language.
        """
        of_files = parallel_columns(source, {"source": self.source, "target": self.target})
        columns = {**of_files, **self.columns}
        rows = with_languages(self.task.read_rows(source, columns, split), columns, self.source, self.target, source)
        incomplete = [
            place for place, row in enumerate(rows) if any(is_blank(row, field) for field in self.task.fields)
        ]
        if not incomplete:
            return rows
        if len(incomplete) == len(rows):
            raise DataError(f"{source} has no pair with both a source and a target")
        count = f"{len(incomplete):,} of {len(rows):,} pairs"
        warn(f"{source}: {count} are left out, for their source or target is empty: {row_list(rows, incomplete)}")
        return PartOfRows(rows, sorted({*range(len(rows))}.difference(incomplete)))

    def classes(self, row: Mapping[str, Any]) -> tuple[Any, ...]:
        return ((row.get("source_lang"), row.get("target_lang")),)

    def identity(self, row: Mapping[str, Any]) -> Any:
        return tuple(row[field].strip() for field in self.task.fields)

    def make_task(self, rows: Rows, validation: Rows) -> Translator:
        """Load the model, extend it or make a new one, so that it translates in all directions of the data.

        Raises:
            DataError: too little text for a vocabulary.
            SettingsError: a direction that the model does not have, rows that leave it open, or an impossible model.
        """
        old = Translator.from_pretrained(self.init, device="cpu") if self.init else None
        known = old.config.directions if old else self.model.directions
        wanted = row_directions([*rows, *validation], known)
        if old and not self.new_tokenizer:
            _check_known(wanted, known, f"{self.init} does not", "--new-tokenizer teaches it other directions")
            _check_scripts(rows, old, str(self.init))
            return old
        model = self.model
        if model.directions == TranslatorConfig().directions:  # It was not given.
            model = replace(model, directions=wanted)
        _check_known(wanted, model.directions, "the model is not to", "--model.directions says what it shall do")
        model = replace(model, scripts=model.scripts or Translator.scripts_of(rows))
        # Each text counts once for the vocabulary, in however many pairs it is.
        texts = [{"source": text} for text in dict.fromkeys(row[field] for row in rows for field in self.task.fields)]
        try:
            if not old:
                return Translator.create(model, texts)
            task, shared = Translator.adapt(old, model, Translator.train_tokenizer(model, texts))
        except ValueError as error:
            raise SettingsError(f"a model with these settings is not possible: {error}") from error
        self.say_vocabulary(len(task.tokenizer), shared)
        return task

    def announce(self, task: Task, rows: Rows, validation: Rows) -> None:
        super().announce(task, rows, validation)
        say(f"directions: {', '.join(task.config.directions)}")


def _check_known(wanted: Sequence[str], known: Sequence[str], who: str, advice: str) -> None:
    for direction in wanted:
        if direction not in known:
            raise SettingsError(f"{who} translate {direction}, as the data does, but {', '.join(known)}: {advice}")


def _check_scripts(rows: Rows, task: Translator, who: str) -> None:
    for field in task.fields:
        scripts = task.scripts_of([{field: row[field]} for row in rows])
        if scripts and scripts[0] not in task.config.scripts:
            known = ", ".join(name.capitalize() for name in task.config.scripts)
            raise SettingsError(
                f"the {field} texts are written in {scripts[0].capitalize()}, which {who} copies as it stands: it "
                f"reads {known}; --new-tokenizer teaches it other scripts"
            )
