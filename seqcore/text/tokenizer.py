"""The tokenizer, from text to ids and back: a sentencepiece model, which is stored beside the weights."""

import io
import unicodedata
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import accumulate
from pathlib import Path

import sentencepiece

from seqcore.deprecation import Renamed
from seqcore.errors import CheckpointError, DataError

FILE_NAME = "tokenizer.model"
MAX_LINE_BYTES = 4_192  # sentencepiece passes over what is longer.
_BYTES = 256  # pieces, one for each
_COVERAGE = 0.9999


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
                Where it is too small for all characters, as of Chinese, the rarest are spelled by their bytes.
            special_tokens: control symbols to add, such as `<2de>`.
            symbols: pieces to add that are never split or joined with others; they can be written in a text.
            lowercase: read capitals as small letters.

        Raises:
            DataError: no text, or a vocabulary too small for the characters of the text.
        """
        model = io.BytesIO()
        lines = [line for text in texts for line in training_lines(replace_invalid_unicode(text))]
        room = vocab_size - _BYTES - len(special_tokens) - len(symbols) - len(("pad", "unk", "bos", "eos"))
        try:
            sentencepiece.SentencePieceTrainer.Train(
                sentence_iterator=iter(_without_rare(lines, room)),
                model_writer=model,
                model_type="unigram",
                vocab_size=vocab_size,
                hard_vocab_limit=False,
                byte_fallback=True,
                character_coverage=_COVERAGE,
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

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """Encode each text as `encode` does, in less time."""
        return list(self._processor.EncodeAsIds([*map(replace_invalid_unicode, texts)], num_threads=1))

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

    def decode_with_surfaces(self, tokens: Sequence[int]) -> list[str]:
        """Decode token ids, and give the part of the text that each one wrote; together, they are the text.

        A character that several tokens spell by its bytes belongs to the last of them.
        """
        return [piece.surface for piece in self._processor.DecodeIdsAsProto(list(tokens)).pieces]

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


def training_lines(text: str) -> Iterator[str]:
    """Cut a text into lines that sentencepiece learns from: it passes over longer ones.

    A longer line is cut between words, or between characters where it has no blanks.
    """
    for line in text.splitlines():
        begin = 0
        while begin < len(line):
            # A character has a byte at least, and four at most.
            part = line[begin : begin + MAX_LINE_BYTES].encode()
            fits = len(part[:MAX_LINE_BYTES].decode(errors="ignore"))
            end = begin + fits
            if end < len(line):
                middle = begin + fits // 2
                end = line.rfind(" ", middle, end) if " " in line[middle:end] else end
                while end > middle and unicodedata.combining(line[end]):
                    end -= 1
            if line[begin:end].strip():
                yield line[begin:end]
            begin = end


def _without_rare(lines: Sequence[str], room: int) -> Sequence[str]:
    """Lines in which rare characters are blanks, where there would be more pieces for characters than there is room."""
    counts = Counter(character for line in lines for character in line)
    frequent = [character for character, _ in counts.most_common()]
    covered = accumulate(counts[character] for character in frequent)
    needed = bisect_left([*covered], _COVERAGE * counts.total()) + 1
    if not 0 < room < needed:
        return lines
    rare = dict.fromkeys(map(ord, frequent[max(room // 2, 1) :]), " ")  # The other half is for words.
    return [line.translate(rare) for line in lines]


def replace_invalid_unicode(text: str) -> str:
    """Make a text that sentencepiece takes: NUL separates words, and half a surrogate pair is an unknown character."""
    text = text.replace("\0", " ")
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
