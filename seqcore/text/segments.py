"""A document as texts to translate and all that stands between them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Segment:
    """A text of a document.

    Attributes:
        raw: what stands in the document.
        text: what a translator is given.
        write: what to put in the place of `raw` for a translation.
    """

    raw: str
    text: str
    write: Callable[[str], str]


class Document:
    """A document in pieces: segments, and strings that stay as they are.

    Attributes:
        pieces: joined, they are the document.
        texts: of all segments, in their order.
        line_numbers: where each of them begins, from 1.
    """

    def __init__(self, pieces: "Sequence[str | Segment]") -> None:
        self.pieces = list(pieces)
        self.texts: list[str] = []
        self.line_numbers: list[int] = []
        line = 1
        for piece in self.pieces:
            if isinstance(piece, Segment):
                self.texts.append(piece.text)
                self.line_numbers.append(line)
            line += (piece if isinstance(piece, str) else piece.raw).count("\n")

    def with_texts(self, texts: Sequence[str]) -> str:
        """The document with other texts, one for each of its own; the same ones, or blank ones, change no byte."""
        waiting = iter(texts)
        written = []
        for piece in self.pieces:
            if isinstance(piece, str):
                written.append(piece)
                continue
            text = next(waiting)
            written.append(piece.raw if text == piece.text or not text.strip() else piece.write(text))
        return "".join(written)
