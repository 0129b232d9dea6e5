"""A text as a translator reads it: sentences, with what it must not touch taken out of them."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from seqcore.text import Tokenizer
from seqcore.text.entities import FOREIGN, PLACEHOLDER, mask_entities
from seqcore.text.sentences import split_sentences

# Bullets and emoji around a sentence are no part of it.
_BEFORE = re.compile(rf"(?:[-*•·>#]+\s+|\s|{FOREIGN})*")
_AFTER = re.compile(rf"(?:{FOREIGN}\s*)?")  # of the text backwards: a search for its end would try every place
_WORD = re.compile(r"[^\W\d_]{2,}")


@dataclass(frozen=True)
class Part:
    """What is decoded at once: a sentence, or a part of one that is longer than the model reads.

    Attributes:
        tokens: with the language mark first and the end last.
        items: what its placeholders stand for.
        shouted: the sentence is written in capitals throughout. The model reads it in small letters.
    """

    tokens: tuple[int, ...]
    items: tuple[str, ...] = ()
    shouted: bool = False


class SourceReader:
    """Turns texts into parts for one target language.

    Args:
        mark: the target language's number, or none for a tokenizer without marks.
        max_length: tokens of a part at most, the mark counted and the end not.
    """

    def __init__(self, tokenizer: Tokenizer, mark: Sequence[int], max_length: int) -> None:
        self.tokenizer, self.mark, self.max_length = tokenizer, list(mark), max_length
        self.protects = tokenizer.has(PLACEHOLDER)

    def read(self, text: str, language: str) -> list[str | list[Part]]:
        """What is to be copied as it is, and the parts of each sentence, in turn."""
        pieces: list[str | list[Part]] = []
        for position, piece in enumerate(split_sentences(text, language)):
            if not position % 2:
                pieces.append(piece)
                continue
            before, sentence, after = _margins(piece)
            plain = mask_entities(sentence)[0].replace(PLACEHOLDER, "")
            if any(character.isalpha() for character in plain):
                pieces += [before, self.parts(sentence), after]
            else:
                pieces.append(piece)
        return pieces

    def parts(self, sentence: str) -> list[Part]:
        """A sentence in parts that are cut between words where it is longer than the model reads."""
        text, items = mask_entities(sentence) if self.protects else (sentence, ())
        shouted = text.isupper() and len(_WORD.findall(text)) > 1
        tokens = self.tokenizer.encode(_sentence_case(text) if shouted else text)
        placeholder = self.tokenizer.token_to_id(PLACEHOLDER) if self.protects else None
        room = self.max_length - len(self.mark)
        parts = []
        while tokens:
            cut = min(room, len(tokens))
            if cut < len(tokens):
                cut = _word_before(cut, tokens, self.tokenizer.starts_word)
            held = tokens[:cut].count(placeholder) if placeholder is not None else 0
            parts.append(Part((*self.mark, *tokens[:cut], self.tokenizer.eos_id), items[:held], shouted))
            tokens, items = tokens[cut:], items[held:]
        return parts


def _margins(sentence: str) -> tuple[str, str, str]:
    """What stands before it, the sentence itself, and what stands after it."""
    before = _BEFORE.match(sentence)[0]  # type: ignore[index]
    rest = sentence[len(before) :]
    cut = len(rest) - len(_AFTER.match(rest[::-1])[0])  # type: ignore[index]
    return before, rest[:cut], rest[cut:]


def _word_before(cut: int, tokens: Sequence[int], starts_word: Callable[[int], bool]) -> int:
    return next((place for place in range(cut, cut // 2, -1) if starts_word(tokens[place])), cut)


def _sentence_case(text: str) -> str:
    lowered = text.lower()
    first = next((place for place, character in enumerate(lowered) if character.isalpha()), 0)
    return lowered[:first] + lowered[first : first + 1].upper() + lowered[first + 1 :]
