"""Text to numbers and back: sentencepiece, trained by us, stored beside the weights."""

import io
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path

import sentencepiece

from seqcore.errors import CheckpointError, DataError

FILE_NAME = "tokenizer.model"


class Tokenizer:
    """A sentencepiece model (Kudo & Richardson 2018) with byte fallback: every text can be encoded.

    Marks, such as one for a language, are control symbols: they have numbers, but no text of a user spells one.

    Attributes:
        padding, unknown, start, end: the special tokens' numbers.
    """

    padding, unknown, start, end = 0, 1, 2, 3

    def __init__(self, model: bytes) -> None:
        self.model = model
        self._processor = sentencepiece.SentencePieceProcessor()
        try:
            self._processor.LoadFromSerializedProto(model)
        except RuntimeError as error:
            raise CheckpointError("the tokenizer is damaged: it is no sentencepiece model") from error

    @classmethod
    def train(
        cls,
        texts: Iterable[str],
        vocab_size: int,
        marks: Sequence[str] = (),
        symbols: Sequence[str] = (),
        lowercase: bool = False,
    ) -> "Tokenizer":
        """Learn a unigram vocabulary (Kudo 2018) from an iterator of text.

        Args:
            vocab_size: the most pieces to learn, 256 bytes and the special tokens included; little text gives fewer.
            marks: control symbols to add, such as ``<2de>``.
            symbols: pieces to add that are never split or joined with others; they can be written in a text.
            lowercase: read capitals as small letters.

        Raises:
            DataError: no text, or a vocabulary too small for the characters of the text.
        """
        model = io.BytesIO()
        lines = (line for text in texts for line in clean(text).splitlines() if line.strip())
        try:
            sentencepiece.SentencePieceTrainer.Train(
                sentence_iterator=lines,
                model_writer=model,
                model_type="unigram",
                vocab_size=vocab_size,
                hard_vocab_limit=False,
                byte_fallback=True,
                character_coverage=0.9999,
                normalization_rule_name="nmt_nfkc_cf" if lowercase else "nmt_nfkc",
                control_symbols=list(marks),
                user_defined_symbols=list(symbols),
                pad_id=cls.padding,
                unk_id=cls.unknown,
                bos_id=cls.start,
                eos_id=cls.end,
                num_threads=1,
                minloglevel=2,
            )
        except (RuntimeError, OSError) as error:
            reason = str(error).rpartition("] ")[2] or "there is no text"
            raise DataError(
                f"no vocabulary of {vocab_size} pieces can be learned from this text: it is empty or has "
                f"too many different characters for so small a vocabulary ({reason})"
            ) from error
        return cls(model.getvalue())

    @classmethod
    def load(cls, folder: Path) -> "Tokenizer":
        """Read ``tokenizer.model`` from a checkpoint folder."""
        try:
            return cls((folder / FILE_NAME).read_bytes())
        except FileNotFoundError as error:
            raise CheckpointError(f"{folder} has no {FILE_NAME}") from error
        except (CheckpointError, OSError) as error:
            reason = getattr(error, "strerror", None) or error
            raise CheckpointError(f"{folder / FILE_NAME}: {reason}") from error

    def save(self, folder: Path) -> None:
        """Write ``tokenizer.model`` into a checkpoint folder."""
        (folder / FILE_NAME).write_bytes(self.model)

    def __len__(self) -> int:
        return int(self._processor.GetPieceSize())

    def encode(self, text: str) -> list[int]:
        """Text → token numbers, with no special token among them."""
        return list(self._processor.EncodeAsIds(clean(text)))

    def encode_with_surfaces(self, text: str) -> tuple[list[int], list[str]]:
        """Token numbers, and the part of the text that each stands for; together they are the text, blanks and all.

        A character that several tokens spell, such as a rare one by its bytes, belongs to the last of them.
        """
        text = clean(text)
        found = self._processor.EncodeAsOffsetMapping(text)
        ends = [end for _, end in found["offsets"][:-1]] + [len(text)] * bool(found["ids"])
        return list(found["ids"]), [text[a:b] for a, b in zip([0, *ends], ends, strict=False)]

    def log_probability(self, text: str) -> float:
        """The natural logarithm of the probability of the pieces of a text, each on its own.

        Characters that are spelled by bytes count as sentencepiece counts unknown ones: ten less than the rarest piece.
        """
        processor = self._processor
        return float(
            sum(
                self._least_score if processor.IsByte(token) else processor.GetScore(token)
                for token in self.encode(text)
            )
        )

    @cached_property
    def _least_score(self) -> float:
        return float(min(self._processor.GetScore(token) for token in range(len(self)))) - 10

    def decode(self, tokens: Sequence[int]) -> str:
        """Token numbers → text; special tokens give nothing."""
        return str(self._processor.DecodeIds(list(tokens)))

    def pieces(self, tokens: Sequence[int]) -> tuple[str, ...]:
        """What each token stands for, such as ``▁house``."""
        return tuple(self._processor.IdToPiece(token) for token in tokens)

    def mark(self, symbol: str) -> int | None:
        """The number of a control symbol, or None if the tokenizer was not trained with it."""
        number = int(self._processor.PieceToId(symbol))
        return number if self._processor.IsControl(number) and self._processor.IdToPiece(number) == symbol else None

    def has(self, piece: str) -> bool:
        """Whether a piece is in the vocabulary."""
        return bool(self._processor.IdToPiece(self._processor.PieceToId(piece)) == piece)

    def number(self, piece: str) -> int:
        """The number of a piece; that of ``unknown`` if the vocabulary lacks it."""
        return int(self._processor.PieceToId(piece))

    def starts_word(self, token: int) -> bool:
        """Whether a piece begins a new word."""
        return str(self._processor.IdToPiece(token)).startswith("▁")


def clean(text: str) -> str:
    """Text as sentencepiece can take it: NUL separates words, and half of a surrogate pair is an unknown character."""
    return text.replace("\0", " ").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
