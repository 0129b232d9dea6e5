"""What the captioner's endpoints answer with."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from typing_extensions import TypedDict

from apps.server.batching import Batcher
from apps.server.models import LazyTask
from apps.ui.search import BEAM, N_BEST, PENALTY, BeamSize, LengthPenalty, SearchSettings
from apps.ui.uploads import check_image_size
from seqcore.errors import InputError

if TYPE_CHECKING:
    from PIL.Image import Image

    from seqcore.tasks.captioning import Caption, Captioner

MAX_BATCH = 16


class Scored(TypedDict):
    """A text, and the mean log-probability of its pieces."""

    text: str
    score: float


class ExplainedCaption(Scored):
    """What `/explain_caption` gives."""

    tokens: list[str]
    token_probabilities: list[float]
    attention: list[list[list[float]]]
    alternatives: list[Scored]


class API:
    """The endpoints; concurrent calls are worked on together."""

    def __init__(self, load: "LazyTask[Captioner]") -> None:
        self.load = load
        self._batcher: Batcher[Any, Caption] = Batcher(self._caption_all, MAX_BATCH)

    def captioner(self) -> "Captioner":
        """The task. Raises `CheckpointError` when there is none, or one of another kind."""
        return self.load.require("caption", "captioner")

    def caption(self, image: str | None, beam_size: BeamSize = BEAM, length_penalty: LengthPenalty = PENALTY) -> str:
        """Describe an image in a sentence that can be its alt text.

        Args:
            image: a photograph or another image, 20 MB at most.
            beam_size: how many captions are followed at once, 1 to 10, by default 5; 1 takes the likeliest word at
                every step.
            length_penalty: 0 to 2, by default 1; above 0 prefers longer captions.

        Returns:
            a sentence in English.
        """
        return self.caption_photo(image, SearchSettings(beam_size, length_penalty))[1].text

    def explain_caption(
        self,
        image: str | None,
        beam_size: BeamSize = BEAM,
        length_penalty: LengthPenalty = PENALTY,
        n_best: BeamSize = N_BEST,
    ) -> ExplainedCaption:
        """Describe an image, and say how sure each piece of a word is, where the model looked, and what else it found.

        Args:
            image: a photograph or another image, 20 MB at most.
            beam_size: how many captions are followed at once, 1 to 10, by default 5; 1 takes the likeliest word at
                every step.
            length_penalty: 0 to 2, by default 1; above 0 prefers longer captions.
            n_best: how many captions to give, from 1 to beam_size, by default 3.

        Returns:
            text is the caption, score the mean log-probability of its tokens, tokens are its pieces of words,
            token_probabilities how likely each was, attention a grid over the image for each token, which sums to 1,
            and alternatives the other captions, each with text and score.
        """
        settings = SearchSettings(beam_size, length_penalty, n_best)
        if settings.n_best > settings.beam_size:
            beam = f"a beam of {settings.beam_size} finds no more than its size"
            raise InputError(f"{settings.n_best} captions were asked for, but {beam}")
        _, caption = self.caption_photo(image, settings)
        return {
            "text": caption.text,
            "score": round(caption.score, 4),
            "tokens": list(caption.tokens),
            "token_probabilities": [round(value, 4) for value in caption.token_probabilities],
            "attention": [[[round(value, 4) for value in row] for row in grid] for grid in caption.attention.tolist()],
            "alternatives": [{"text": other.text, "score": round(other.score, 4)} for other in caption.alternatives],
        }

    def caption_photo(self, image: str | None, settings: SearchSettings) -> "tuple[Image, Caption]":
        """An uploaded file, opened, and its caption. Raises `InputError` for what cannot be captioned."""
        from seqcore.media.images import open_image, to_square

        if not image:
            raise InputError("Choose an image first.")
        check_image_size(image)
        captioner = self.captioner()
        photo = open_image(image)
        return photo, self._batcher(to_square(photo, captioner.config.image_size), **settings.generation())

    def _caption_all(self, images: Sequence[Any], **settings: Any) -> "list[Caption]":
        return self.captioner().caption(list(images), batch_size=MAX_BATCH, **settings)
