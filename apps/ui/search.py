"""What visitors may set about a beam search, and the sliders for it."""

from typing import Annotated, Any

import gradio as gr
from gradio.components import Component
from pydantic import Field

from apps.ui.uploads import WHOLE, in_words
from seqcore.validation import settings

BEAM, PENALTY, N_BEST = 5, 1.0, 3
MAX_BEAM = 10
BeamSize = Annotated[int, Field(ge=1, le=MAX_BEAM), WHOLE]
LengthPenalty = Annotated[float, Field(ge=0, le=2)]


@settings(error=in_words)
class SearchSettings:
    """How to search; the fields are those of `seqcore.decoding.GenerationConfig`."""

    beam_size: BeamSize = BEAM
    length_penalty: LengthPenalty = PENALTY
    n_best: BeamSize = 1

    def generation(self) -> dict[str, Any]:
        """As arguments of a task's verb. A beam gives no more answers than it holds."""
        n_best = min(self.n_best, self.beam_size)
        return {"beam_size": self.beam_size, "length_penalty": self.length_penalty, "n_best": n_best}


def search_sliders(noun: str, n_best: int) -> list[Component]:
    """Sliders for the fields of `SearchSettings`, not yet on the page.

    Args:
        noun: what is searched for, in the singular.
        n_best: what the last one is set to at first.
    """
    look: dict[str, Any] = {"min_width": 200, "render": False}
    return [
        gr.Slider(
            1, MAX_BEAM, value=BEAM, step=1, label="Beam size", **look,
            info=f"How many {noun}s are followed at once; 1 takes the likeliest word at every step.",
        ),
        gr.Slider(
            0.0, 2.0, value=PENALTY, step=0.1, label="Length penalty", **look,
            info=f"Above 0 makes up for the lower probability of long {noun}s.",
        ),
        gr.Slider(
            1, MAX_BEAM, value=n_best, step=1, label=f"{noun.capitalize()}s to compare", **look,
            info="Listed beneath with their scores; of a beam, as many as it holds.",
        ),
    ]  # fmt: skip
