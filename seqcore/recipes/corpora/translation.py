"""Make one training file of several aligned ones: `seqcore corpus translation --help`."""

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import permutations
from pathlib import Path
from typing import NamedTuple

from seqcore.data import read_rows
from seqcore.errors import DataError, SettingsError
from seqcore.recipes.corpora.parquet import write_rows

Group = Mapping[str, Sequence[str]]  # what means the same: sentences by their language


class Pair(NamedTuple):
    """A row of the files that are written."""

    source: str
    target: str
    source_lang: str
    target_lang: str

    @property
    def direction(self) -> str:
        """Its languages, as `en-de`."""
        return f"{self.source_lang}-{self.target_lang}"


@dataclass(frozen=True)
class Corpus:
    """Sentences in several languages, a column each, named by its language.

    Attributes:
        name: what the file of its validation pairs is called by.
        files: each with two languages or more; several are joined where they share the sentence of the first column.
        languages: of each file.
        validation: a file like the first, to validate on.
        hold: sentences of the first language to hold out instead, with every pair that holds one of their texts.
        repeat: how often a pair stands in an epoch, by its direction, `{en-de: 4}`; others once.
        sample: validation pairs of each direction that go into the file that training itself looks at.
    """

    name: str
    files: list[str]
    languages: list[list[str]]
    validation: str | None = None
    hold: int = 0
    repeat: dict[str, int] = field(default_factory=dict)
    sample: int = 100

    def __post_init__(self) -> None:
        if not self.files or len(self.files) != len(self.languages):
            raise SettingsError(f"{self.name}: {len(self.files)} files, but languages of {len(self.languages)}")
        if any(len(set(names)) < max(2, len(names)) for names in self.languages):
            raise SettingsError(f"{self.name}: a file has two different languages or more, not {self.languages}")
        if len({names[0] for names in self.languages}) > 1:
            raise SettingsError(
                f"{self.name}: files are joined by their first column, so it must be of the same language in all"
            )
        known = {
            f"{one}-{other}" for one, other in permutations({name for names in self.languages for name in names}, 2)
        }
        for direction, times in self.repeat.items():
            if direction not in known or times < 0:
                raise SettingsError(f"{self.name}: it cannot repeat {direction} {times} times")
        if not self.validation and self.hold < 1:
            raise SettingsError(f"{self.name}: name a validation file, or how many sentences to hold out")


def build(corpora: list[Corpus], output: str, seed: int = 1) -> None:
    """Write train.parquet, validation.parquet and validation-NAME.parquet for each corpus.

    Their columns are source, target, source_lang and target_lang: what `seqcore train translation` and
    `seqcore evaluate` read. Every direction between the languages of a corpus is written, those between two files
    over the sentence that they share.

    Args:
        corpora: what to read.
        output: folder to write to.
        seed: fixes what is held out, and the sample.

    Raises:
        DataError: a file that cannot be read or written, lacks a column, or has too few sentences to hold out.
    """
    folder = Path(output).expanduser()
    train: list[Pair] = []
    sample: list[Pair] = []
    for corpus in corpora:
        rng = random.Random(seed)
        pairs, held = split(corpus, rng)
        train += [pair for pair in pairs for _ in range(corpus.repeat.get(pair.direction, 1))]
        write_rows(folder / f"validation-{corpus.name}.parquet", held, Pair._fields)
        counts = Counter(pair.direction for pair in pairs)
        for direction in sorted({pair.direction for pair in held}):
            chosen = [pair for pair in held if pair.direction == direction]
            print(f"{corpus.name} {direction}: {counts[direction]:,} training and {len(chosen):,} validation pairs")
            sample += rng.sample(chosen, min(corpus.sample, len(chosen)))
    write_rows(folder / "validation.parquet", sample, Pair._fields)
    write_rows(folder / "train.parquet", train, Pair._fields)
    print(f"{len(train):,} rows an epoch, repeated ones counted, and {len(sample):,} to validate on, in {folder}")


def split(corpus: Corpus, rng: random.Random) -> tuple[list[Pair], list[Pair]]:
    """The training pairs and the validation pairs of a corpus, repeated ones once.

    Raises:
        DataError: a file that cannot be read, lacks a column, or has too few sentences to hold out.
    """
    groups = read_groups(corpus.files, corpus.languages)
    if corpus.validation:
        return [*pairs(groups)], [*pairs(read_groups([corpus.validation], corpus.languages[:1]))]
    first = corpus.languages[0][0]
    sentences = sorted(group[first][0] for group in groups)
    if len(sentences) <= corpus.hold:
        raise DataError(f"{corpus.name}: {len(sentences)} sentences are too few to hold {corpus.hold} of them out")
    chosen = set(rng.sample(sentences, corpus.hold))
    held = [group for group in groups if group[first][0] in chosen]
    texts = {text for group in held for several in group.values() for text in several}
    rest = [group for group in groups if group[first][0] not in chosen]
    unseen = [{name: [text for text in group[name] if text not in texts] for name in group} for group in rest]
    return [*pairs(unseen)], [*pairs(held)]


def read_groups(files: Sequence[str], languages: Sequence[Sequence[str]]) -> list[Group]:
    """A group for every row of a single file; for several, one for every sentence of their first language.

    Raises:
        DataError: a file that cannot be read or lacks a column.
    """
    first = languages[0][0]
    tables = [_read(file, names) for file, names in zip(files, languages, strict=True)]
    if len(tables) == 1:
        return [{name: [text] for name, text in row.items()} for row in tables[0]]
    groups: dict[str, dict[str, list[str]]] = {}
    for table in tables:
        for row in table:
            group = groups.setdefault(row[first], {first: [row[first]]})
            for name, text in row.items():
                if name != first:
                    group.setdefault(name, []).append(text)
    return list(groups.values())


def pairs(groups: Sequence[Group]) -> Iterator[Pair]:
    """Every direction of every group, without empty texts.

    A single sentence is paired with each one of the other language; of several on both sides, the n-th with the n-th.
    """
    for group in groups:
        for source, target in permutations(group, 2):
            sources, targets = group[source], group[target]
            if min(len(sources), len(targets)) == 1:
                sources, targets = list(sources) * len(targets), list(targets) * len(sources)
            for one, other in zip(sources, targets, strict=False):
                if one and other:
                    yield Pair(one, other, source, target)


def _read(file: str, names: Sequence[str]) -> list[dict[str, str]]:
    return [{name: row[name].strip() for name in names} for row in read_rows(file, dict.fromkeys(names, str))]
