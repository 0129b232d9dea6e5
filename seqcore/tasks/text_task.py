"""What tasks that read or write text have in common: a tokenizer, and a vocabulary that can be exchanged."""

from abc import abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import torch
from torch import Tensor, nn
from typing_extensions import Self

from seqcore.data import row_list
from seqcore.errors import CheckpointError, InputError
from seqcore.tasks.base import Example, Task
from seqcore.text import Tokenizer

T = TypeVar("T")
Row = Mapping[str, Any]
ROWS_AT_ONCE = 1024
# The weights of a decoder that have a row for each piece. Its output matrix is the embedding.
DECODER_VOCABULARY = ("decoder.embedding.weight", "decoder.output.weight", "decoder.output.bias")


class TextTask(Task):
    """A task with a tokenizer.

    Attributes:
        Network: makes the network of the configuration and the number that pads.
        layout: the settings that say how the weights are shaped and what they mean; `adapt` keeps them.
        tokenizer: the one that it was trained with.
    """

    Network: ClassVar[type[nn.Module]]
    layout: ClassVar[tuple[str, ...]]

    def __init__(self, config: Any, tokenizer: Tokenizer) -> None:
        super().__init__(config)
        self.tokenizer = tokenizer
        self.network = self.Network(config, tokenizer.pad_id)

    @classmethod
    def from_config(cls, config: Any, folder: Path) -> Self:
        tokenizer = Tokenizer.load(folder)
        if len(tokenizer) != config.vocab_size:
            sizes = f"{len(tokenizer)} pieces, but the model {config.vocab_size}"
            raise CheckpointError(f"{folder}: the tokenizer has {sizes}")
        return cls(config, tokenizer)

    def save_assets(self, folder: Path) -> None:
        self.tokenizer.save(folder)

    @classmethod
    @abstractmethod
    def train_tokenizer(cls, config: Any, rows: Sequence[Mapping[str, Any]]) -> Tokenizer:
        """Learn a tokenizer of at most `vocab_size` pieces from the texts of rows.

        Raises:
            DataError: too little text for a vocabulary.
        """

    @classmethod
    def create(cls, config: Any, rows: Sequence[Mapping[str, Any]]) -> Self:
        """Make an untrained task with a tokenizer that is learned from the texts of rows.

        Raises:
            DataError: too little text for a vocabulary.
        """
        tokenizer = cls.train_tokenizer(config, rows)
        return cls(replace(config, vocab_size=len(tokenizer)), tokenizer)

    @classmethod
    def adapt(cls, old: Any, config: Any, tokenizer: Tokenizer | None = None) -> tuple[Self, int]:
        """Make a task with what another one has learned, and count the pieces whose embeddings it keeps.

        Args:
            old: a trained task of this class.
            config: gives all settings but those of `layout`, which are those of `old`.
            tokenizer: a new vocabulary, for other languages or another subject. Pieces that both have keep their
                embeddings; a new one begins with the mean of the old pieces that spell it.
        """
        new = cls._laid_out_as(old, config, tokenizer)
        return new, transfer(old.network.state_dict(), old.tokenizer, new, DECODER_VOCABULARY)

    @classmethod
    def _laid_out_as(cls, old: Any, config: Any, tokenizer: Tokenizer | None) -> Self:
        tokenizer = tokenizer or old.tokenizer
        layout = {name: getattr(old.config, name) for name in cls.layout}
        return cls(replace(config, vocab_size=len(tokenizer), **layout), tokenizer)


@torch.no_grad()
def transfer(weights: Mapping[str, Tensor], old: Tokenizer, new: TextTask, vocabulary: Collection[str]) -> int:
    """Copy weights into a task by their names, and count the pieces that both tokenizers have.

    Args:
        old: the tokenizer of the weights.
        vocabulary: names of the weights that have a row for each piece.
    """
    own = new.network.state_dict()
    for name in own.keys() & weights.keys() - set(vocabulary):
        own[name].copy_(weights[name])
    return copy_rows(old, new.tokenizer, [(weights[name], own[name]) for name in vocabulary if name in own])


@torch.no_grad()
def copy_rows(old: Tokenizer, new: Tokenizer, weights: Sequence[tuple[Tensor, Tensor]]) -> int:
    """Copy rows of weights from an old vocabulary's to a new one's, and count the pieces that both have.

    A piece that only the new one has gets the mean of the old pieces that spell it.

    Args:
        weights: each the old weight and the new one, with a row or a number for every piece.
    """
    shared = 0
    for number, piece in enumerate(new.ids_to_tokens(range(len(new)))):
        shared += old.has(piece)
        spelled = [old.token_to_id(piece)] if old.has(piece) else old.encode(piece.replace("▁", " "))
        for before, after in weights if spelled else ():
            after[number] = before[spelled].mean(0)
    return shared


def examples_in_batches(
    rows: Iterable[Row],
    tokenizer: Tokenizer,
    read: Callable[[Row], tuple[Sequence[str], T]],
    example: Callable[[T, list[list[int]]], Example],
) -> Iterator[Example]:
    """Turn rows into numbers, with the texts of many encoded at once; the errors of `read` come where their row does.

    Args:
        read: a row → its texts, and what else becomes part of its example.
        example: that, and the tokens of the texts → the example.
    """
    waiting = iter(rows)
    while chunk := list(islice(waiting, ROWS_AT_ONCE)):
        parts: list[tuple[Sequence[str], T]] = []
        error = None
        try:
            parts.extend(map(read, chunk))
        except InputError as of_row:
            error = of_row
        tokens = iter(tokenizer.encode_batch([text for texts, _ in parts for text in texts]))
        for texts, rest in parts:
            yield example(rest, list(islice(tokens, len(texts))))
        if error:
            raise error


def check_text(text: object) -> None:
    """Raise `InputError` for anything but a string."""
    if not isinstance(text, str):
        raise InputError(f"a text must be a string, not {type(text).__name__}")


def is_blank(row: Mapping[str, Any], field: str) -> bool:
    """Whether a row has no text but blanks in a field."""
    return isinstance(row.get(field), str) and not row[field].strip()


def blank_notice(rows: Sequence[Mapping[str, Any]], field: str) -> list[str]:
    """A sentence that names the rows without a text in a field, if there are any."""
    places = [place for place, row in enumerate(rows) if is_blank(row, field)]
    return [f"{len(places):,} of {len(rows):,} rows have an empty {field}: {row_list(rows, places)}"] if places else []
