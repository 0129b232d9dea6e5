"""Train a translator on sentence pairs: `seqcore train translation`."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from seqcore.data import filled, parallel_columns
from seqcore.errors import SettingsError
from seqcore.recipes.base import Rows, VocabularyRecipe, say
from seqcore.tasks.base import Task
from seqcore.tasks.translation import Translator, TranslatorConfig


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
        """Read rows and give them the languages that are named by options or by columns.

        Raises:
            DataError: a file that cannot be read, or a row that lacks something or has another language.
        """
        of_files = parallel_columns(source, {"source": self.source, "target": self.target})
        rows = self.task.read_rows(source, {**of_files, **self.columns}, split)
        options = {"source_lang": self.source, "target_lang": self.target}
        languages = self._column_languages(rows[0]) | {name: code for name, code in options.items() if code}
        return filled(rows, languages, source) if languages else rows

    def _column_languages(self, row: Mapping[str, Any]) -> dict[str, str]:
        """Columns that are called `en` and `de` say their languages, where the rows do not."""
        names = {f"{field}_lang": self.columns.get(field, field) for field in self.task.fields}
        if any(field in row for field in names):
            return {}
        return names if all(re.fullmatch("[a-z]{2}", name) for name in names.values()) else {}

    def make_task(self, rows: Rows, validation: Rows) -> Translator:
        """Load the model, extend it or make a new one, so that it translates in all directions of the data.

        Raises:
            DataError: too little text for a vocabulary.
            SettingsError: a direction that the model does not have, rows that leave it open, or an impossible model.
        """
        old = Translator.from_pretrained(self.init, device="cpu") if self.init else None
        known = old.config.directions if old else self.model.directions
        wanted = directions([*rows, *validation], known)
        if old and not self.new_tokenizer:
            _check_known(wanted, known, f"{self.init} does not", "--new-tokenizer teaches it other directions")
            return old
        model = self.model
        if model.directions == TranslatorConfig().directions:  # It was not given.
            model = replace(model, directions=wanted)
        _check_known(wanted, model.directions, "the model is not to", "--model.directions says what it shall do")
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


def directions(rows: Rows, known: Sequence[str]) -> tuple[str, ...]:
    """All directions of the rows, in the order they come; rows that do not say mean the only one that is known.

    Raises:
        SettingsError: rows do not say, and several directions are known, or other rows do say.
    """
    pairs = dict.fromkeys((row.get("source_lang") or "", row.get("target_lang") or "") for row in rows)
    if any("" in pair for pair in pairs) and (len(known) > 1 or len(pairs) > 1):
        why = "some rows do not" if len(pairs) > 1 else f"the model knows {', '.join(known)}, and no row does"
        raise SettingsError(
            f"{why} say of which languages it is: give --source and --target, or name the columns that hold them with "
            "--columns.source-lang and --columns.target-lang"
        )
    source, target = known[0].split("-")
    return tuple(f"{first or source}-{second or target}" for first, second in pairs)


def _check_known(wanted: Sequence[str], known: Sequence[str], who: str, advice: str) -> None:
    for direction in wanted:
        if direction not in known:
            raise SettingsError(f"{who} translate {direction}, as the data does, but {', '.join(known)}: {advice}")
