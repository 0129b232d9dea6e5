"""A closer look at one translated sentence, as HTML."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from apps.ui.figures import MAX_AXIS, attention_figure, confidence_strip, piece_labels, ranking, svg
from apps.ui.layout import part, scrolling

if TYPE_CHECKING:
    from seqcore.tasks.translation import Translation


def sentences(translation: "Translation") -> "list[Translation]":
    """The sentences of a translation that were written, not copied; itself, if it is one."""
    return [sentence for sentence in translation.sentences or (translation,) if sentence.tokens]


def titles(translations: "Sequence[Translation]") -> list[str]:
    """What each sentence is called in a list to choose from."""
    return [
        f"{number}. {' '.join(sentence.text.split())[:80]}" for number, sentence in enumerate(translations, start=1)
    ]


def look_closer(results: "Sequence[Translation]", index: int | None) -> str:
    """How sure the model was of each piece, where it looked, and what else it found."""
    if index is None or not 0 <= index < len(results):
        return ""
    translation = results[index]
    looked = "A row for each piece written; the deeper the colour, the more attention."
    if max(len(translation.tokens), len(translation.source_tokens)) > MAX_AXIS:
        looked += f" Of this long sentence, the first {MAX_AXIS} pieces."
    picture = svg(
        attention_figure(translation.source_tokens, translation.tokens, translation.attention),
        f"Attention heat map from “{' '.join(translation.text.split())}” to its source",
    )
    parts = [
        part(
            "How sure it was",
            "Per cent for each piece of a word; the deeper the shade, the more doubt. "
            "Point at a piece, or reach it with Tab, for more.",
        ),
        confidence_strip(translation.tokens, translation.token_probabilities, _most_attended(translation)),
        part("Where it looked", looked),
        scrolling(picture, "Attention heat map"),
        ranking([translation, *translation.alternatives], "Translation"),
    ]
    return "".join(parts)


def _most_attended(translation: "Translation") -> list[str]:
    """For each piece written, the piece read that had most of its attention; nothing where attention was left out."""
    labels = piece_labels(translation.source_tokens)
    return [labels[int(row.argmax())].removeprefix("·") for row in translation.attention] if labels else []
