"""What the captioner's endpoints answer with."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from apps.captioner.files import check_size
from apps.server.batching import Batcher
from apps.server.models import LazyTask
from seqcore.errors import InputError

if TYPE_CHECKING:
    from seqcore.tasks.captioning import Caption, Captioner

DEFAULT_BEAM, MAX_BEAM, DEFAULT_PENALTY, DEFAULT_CAPTIONS = 5, 10, 1.0, 3
MAX_TOGETHER = 16


class Answers:
    """The endpoints; concurrent calls are worked on together."""

    def __init__(self, load: "LazyTask[Captioner]") -> None:
        self.load = load
        self._together: Batcher[Any, Caption] = Batcher(self._caption_all, MAX_TOGETHER)

    def captioner(self) -> "Captioner":
        """The task. Raises `CheckpointError` when there is none, or one of another kind."""
        return self.load.require("caption", "captioner")

    def caption(self, image: str | None, beam_size: int = DEFAULT_BEAM, length_penalty: float = DEFAULT_PENALTY) -> str:
        """Describe an image in a sentence that can be its alt text.

        Args:
            image: a JPEG, PNG, WebP, GIF, BMP or TIFF file of 20 MB at most.
            beam_size: captions followed at once, 1 to 10; 1 takes the likeliest word at every step.
            length_penalty: 0 to 2; above 0 prefers longer captions.

        Returns:
            The caption.
        """
        return self.found(image, beam_size, length_penalty, 1).text

    def explain_caption(
        self,
        image: str | None,
        beam_size: int = DEFAULT_BEAM,
        length_penalty: float = DEFAULT_PENALTY,
        n_best: int = DEFAULT_CAPTIONS,
    ) -> dict[str, Any]:
        """Describe an image, and say how sure each piece of a word is, where the model looked, and what else it found.

        Args:
            image: a JPEG, PNG, WebP, GIF, BMP or TIFF file of 20 MB at most.
            beam_size: captions followed at once, 1 to 10; 1 takes the likeliest word at every step.
            length_penalty: 0 to 2; above 0 prefers longer captions.
            n_best: captions to give, at most beam_size.

        Returns:
            text, score, tokens, token_probabilities, attention (a grid of the image for each token, each summing to
            1), alternatives (text and score).
        """
        found = self.found(image, beam_size, length_penalty, n_best)
        return {
            "text": found.text,
            "score": round(found.score, 4),
            "tokens": list(found.tokens),
            "token_probabilities": [round(value, 4) for value in found.token_probabilities],
            "attention": [[[round(value, 4) for value in row] for row in grid] for grid in found.attention.tolist()],
            "alternatives": [{"text": other.text, "score": round(other.score, 4)} for other in found.alternatives],
        }

    def found(self, image: str | None, beam_size: int, length_penalty: float, n_best: int) -> "Caption":
        """The caption of an uploaded file. Raises `InputError` for what cannot be captioned."""
        if not image:
            raise InputError("Choose an image first.")
        check_settings(beam_size, length_penalty, n_best)
        check_size(image)
        square = self.captioner().read(image)
        settings = {"beam_size": int(beam_size), "length_penalty": float(length_penalty), "n_best": int(n_best)}
        return self._together(square, **settings)

    def _caption_all(self, images: Sequence[Any], **settings: Any) -> "list[Caption]":
        return self.captioner().caption(list(images), batch_size=MAX_TOGETHER, **settings)


def check_settings(beam_size: float, length_penalty: float, n_best: float) -> None:
    """Raises `InputError` for what is out of range."""
    for name, value, least, most in (
        ("beam size", beam_size, 1, MAX_BEAM),
        ("length penalty", length_penalty, 0, 2),
        ("number of captions", n_best, 1, MAX_BEAM),
    ):
        whole = name == "length penalty" or float(value).is_integer() if isinstance(value, int | float) else False
        if not whole or not least <= value <= most:
            kind = "a number" if name == "length penalty" else "a whole number"
            raise InputError(f"The {name} must be {kind} from {least} to {most}, not {value!r}")
    if n_best > beam_size:
        raise InputError(
            f"{int(n_best)} captions were asked for, but a beam of {int(beam_size)} finds no more than its size"
        )
