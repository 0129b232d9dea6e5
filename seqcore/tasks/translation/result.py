"""What a translator answers, and how answers of parts become the answer of a whole."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from seqcore.text.scripts import is_unspaced, unspaced_class

MAX_WEIGHTS = 2**24
_UNSPACED = re.compile(f"[{unspaced_class}]")


@dataclass(frozen=True)
class Translation:
    """A translated text and what explains it.

    Attributes:
        tokens: the pieces written, T of them; what was copied, such as a number, is one of its own.
        token_probabilities: of each of them, given those before.
        score: log-probability over length penalty (Wu 2016); higher is better. Of several sentences, the mean.
        source_tokens: the pieces read, language mark first and `</s>` last; S of them.
        attention: (T, S), each row sums to 1; left out, (0, S), for a text of more than 2**24 of them.
        alternatives: the other n-best of a text of one sentence, best first.
        sentences: of a text of several, each one's own translation; else empty.
        source_lang, target_lang: codes of the languages, the source's as it was named or detected.
    """

    text: str
    tokens: tuple[str, ...]
    token_probabilities: tuple[float, ...]
    score: float
    source_tokens: tuple[str, ...]
    attention: Tensor = field(repr=False)
    alternatives: tuple["Translation", ...] = ()
    sentences: tuple["Translation", ...] = ()
    source_lang: str = ""
    target_lang: str = ""


def untouched(text: str) -> Translation:
    """A text with nothing to translate in it."""
    return Translation(text, (), (), 0.0, (), torch.zeros(0, 0))


def without_details(translation: Translation) -> Translation:
    """Text and tokens alone, which join fast."""
    nothing = translation.attention.new_zeros(0, len(translation.source_tokens))
    return replace(translation, attention=nothing, alternatives=(), sentences=())


def join_parts(parts: Sequence[Translation]) -> Translation:
    """One sentence of the parts that a long one was read in; only a sentence of one part has alternatives."""
    if len(parts) == 1:
        return parts[0]
    text = ""
    for part in parts:
        text += _blank_between(text, part.text) + part.text
    return _joined(text, parts)


def join_sentences(pieces: Sequence[str | Translation]) -> Translation:
    """A text of its sentences and what stands between them."""
    sentences = [piece for piece in pieces if isinstance(piece, Translation)]
    if not sentences:
        return untouched("".join(str(piece) for piece in pieces))
    if len(sentences) > 1:
        text = _text_of(pieces)
        return replace(_joined(text, sentences), sentences=tuple(sentences))
    place = next(number for number, piece in enumerate(pieces) if isinstance(piece, Translation))
    before, after = ("".join(str(piece) for piece in part) for part in (pieces[:place], pieces[place + 1 :]))

    def whole(translation: Translation) -> Translation:
        return replace(translation, text=before + translation.text + after)

    return replace(whole(sentences[0]), alternatives=tuple(whole(other) for other in sentences[0].alternatives))


def _text_of(pieces: Sequence[str | Translation]) -> str:
    """The text of sentences and what stands between them; where sentences were read that no blank parts, one that the
    other language wants.
    """
    written: list[str] = []
    before: Translation | None = None
    for piece in pieces:
        if isinstance(piece, str):
            written.append(piece)
            before = None if piece else before
            continue
        if before is not None and _UNSPACED.search("".join((*before.source_tokens[-4:], *piece.source_tokens[:4]))):
            written.append(_blank_between(before.text, piece.text))
        written.append(piece.text)
        before = piece
    return "".join(written)


def _blank_between(before: str, after: str) -> str:
    """A blank, unless a text is empty or of a script without blanks between words."""
    return " " if before and after and not is_unspaced(before[-1]) and not is_unspaced(after[0]) else ""


def in_languages(translation: Translation, languages: tuple[str, str]) -> Translation:
    """With its languages, and those of its alternatives and sentences."""
    others = tuple(in_languages(other, languages) for other in translation.alternatives)
    sentences = tuple(in_languages(sentence, languages) for sentence in translation.sentences)
    source, target = languages
    return replace(translation, alternatives=others, sentences=sentences, source_lang=source, target_lang=target)


def _joined(text: str, parts: Sequence[Translation]) -> Translation:
    scored = [part.score for part in parts if part.source_tokens] or [0.0]
    return Translation(
        text=text,
        tokens=tuple(token for part in parts for token in part.tokens),
        token_probabilities=tuple(value for part in parts for value in part.token_probabilities),
        score=sum(scored) / len(scored),
        source_tokens=tuple(token for part in parts for token in part.source_tokens),
        attention=_joined_attention([part.attention for part in parts]),
    )


def _joined_attention(parts: Sequence[Tensor]) -> Tensor:
    """Each part looks only at its own source. Of a whole book, gigabytes of zeros, there are no rows: (0, S)."""
    rows, columns = sum(part.shape[0] for part in parts), sum(part.shape[1] for part in parts)
    if rows * columns > MAX_WEIGHTS:
        return parts[0].new_zeros(0, columns)
    return torch.block_diag(*parts)
