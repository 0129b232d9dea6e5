"""The tokenizer, from text to ids and back: a sentencepiece model, which is stored beside the weights."""

import io
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path

import sentencepiece

from seqcore.deprecation import Renamed
from seqcore.errors import CheckpointError, DataError

FILE_NAME = "tokenizer.model"


class Tokenizer:
    """Encodes text by a sentencepiece model (Kudo & Richardson 2018) with byte fallback: every text can be encoded.

    Special tokens, such as one for a language, are control symbols: they have ids, but no text of a user spells one.

    Attributes:
        pad_id, unk_id, bos_id, eos_id: ids of padding, of what is unknown, and of a text's begin and end.

    Args:
        model: what sentencepiece saved, as `model` gives it and `save` writes it.

    Raises:
        CheckpointError: the model is damaged.

    Example:
        >>> tokenizer = Tokenizer.train(["a dog runs", "a cat sleeps"], vocab_size=300)
        >>> tokenizer.decode(tokenizer.encode("a dog sleeps"))
        'a dog sleeps'
    """

    pad_id, unk_id, bos_id, eos_id = 0, 1, 2, 3
    padding, unknown, start, end = Renamed("pad_id"), Renamed("unk_id"), Renamed("bos_id"), Renamed("eos_id")

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
        special_tokens: Sequence[str] = (),
        symbols: Sequence[str] = (),
        lowercase: bool = False,
    ) -> "Tokenizer":
        """Learn a unigram vocabulary (Kudo 2018) from an iterator of text.

        Args:
            texts: what to learn from.
            vocab_size: the most pieces to learn, 256 bytes and the special tokens included; little text gives fewer.
            special_tokens: control symbols to add, such as `<2de>`.
            symbols: pieces to add that are never split or joined with others; they can be written in a text.
            lowercase: read capitals as small letters.

        Raises:
            DataError: no text, or a vocabulary too small for the characters of the text.
        """
        model = io.BytesIO()
        lines = (line for text in texts for line in replace_invalid_unicode(text).splitlines() if line.strip())
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
                control_symbols=list(special_tokens),
                user_defined_symbols=list(symbols),
                pad_id=cls.pad_id,
                unk_id=cls.unk_id,
                bos_id=cls.bos_id,
                eos_id=cls.eos_id,
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
        """Read `tokenizer.model` from a checkpoint folder.

        Raises:
            CheckpointError: it is not there, cannot be read, or is damaged.
        """
        path = folder / FILE_NAME
        if not path.is_file():  # A device would be read for ever.
            raise CheckpointError(f"{folder} has no {FILE_NAME}")
        try:
            return cls(path.read_bytes())
        except OSError as error:
            raise CheckpointError(f"{path} cannot be read: {error.strerror}") from error
        except CheckpointError as error:
            raise CheckpointError(f"{path}: {error}") from error

    def save(self, folder: Path) -> None:
        """Write `tokenizer.model` into a checkpoint folder."""
        (folder / FILE_NAME).write_bytes(self.model)

    def __len__(self) -> int:
        return int(self._processor.GetPieceSize())

    def encode(self, text: str) -> list[int]:
        """Encode a text as token ids, with no special token among them."""
        return list(self._processor.EncodeAsIds(replace_invalid_unicode(text)))

    def encode_with_surfaces(self, text: str) -> tuple[list[int], list[str]]:
        """Encode a text, and give the part of it that each token stands for: its surface, in sentencepiece's words.

        Together the surfaces are the text, blanks and all. A character that several tokens spell, such as a rare one by
        its bytes, belongs to the last of them.
        """
        text = replace_invalid_unicode(text)
        mapping = self._processor.EncodeAsOffsetMapping(text)
        ends = [end for _, end in mapping["offsets"][:-1]] + [len(text)] * bool(mapping["ids"])
        return list(mapping["ids"]), [text[a:b] for a, b in zip([0, *ends], ends, strict=False)]

    def log_probability(self, text: str) -> float:
        """Compute the natural logarithm of the probability of the pieces of a text, each on its own.

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
        """Decode token ids to a text; special tokens give nothing."""
        return str(self._processor.DecodeIds(list(tokens)))

    def ids_to_tokens(self, tokens: Sequence[int]) -> tuple[str, ...]:
        """Look up the pieces of the vocabulary with these ids, such as `▁house`."""
        return tuple(self._processor.IdToPiece(token) for token in tokens)

    def special_token_id(self, symbol: str) -> int | None:
        """Look up the id of a control symbol, or None if the tokenizer was not trained with it."""
        token = int(self._processor.PieceToId(symbol))
        return token if self._processor.IsControl(token) and self._processor.IdToPiece(token) == symbol else None

    def has(self, piece: str) -> bool:
        """Tell whether a piece is in the vocabulary."""
        return bool(self._processor.IdToPiece(self._processor.PieceToId(piece)) == piece)

    def token_to_id(self, piece: str) -> int:
        """Look up the id of a piece; `unk_id` if the vocabulary lacks it."""
        return int(self._processor.PieceToId(piece))

    def starts_word(self, token: int) -> bool:
        """Tell whether a piece begins a new word."""
        return str(self._processor.IdToPiece(token)).startswith("▁")

    mark, number, pieces = Renamed("special_token_id"), Renamed("token_to_id"), Renamed("ids_to_tokens")


def replace_invalid_unicode(text: str) -> str:
    """Make a text that sentencepiece takes: NUL separates words, and half a surrogate pair is an unknown character."""
    return text.replace("\0", " ").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
