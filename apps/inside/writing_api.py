"""What the endpoint of the panel Writing answers with."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from apps.server.models import LazyTask
from apps.ui.uploads import Whole, check_text, in_words
from seqcore.validation import settings

if TYPE_CHECKING:
    from seqcore.tasks.language import LanguageModel, Written

MAX_PROMPT_CHARS = 2_000
MAX_PIECES = 300
TEMPERATURE, MIN_TEMPERATURE, MAX_TEMPERATURE = 0.8, 0.1, 2.0
PIECES = 60


@settings(error=in_words)
class Settings:
    """How it is written, with the names of `GenerationConfig`."""

    temperature: Annotated[float, Field(ge=MIN_TEMPERATURE, le=MAX_TEMPERATURE)] = TEMPERATURE
    top_k: Annotated[Whole, Field(ge=0, le=1_000)] = 0
    top_p: Annotated[float, Field(ge=0.05, le=1)] = 1.0
    max_length: Annotated[Whole, Field(ge=1, le=MAX_PIECES)] = PIECES
    seed: Annotated[Whole, Field(ge=0, le=2**31 - 1)] = 1


class WritingAPI:
    """The endpoint, over the language model."""

    def __init__(self, load: "LazyTask[LanguageModel]") -> None:
        self.load = load

    def model(self) -> "LanguageModel":
        """The task. Raises `CheckpointError` when there is none, or one of another kind."""
        return self.load.require("alternatives", "language model")

    def stream(self, prompt: str, chosen: Settings) -> "Iterator[Written]":
        """What is written after every piece. Raises `InputError` for what is no text or too long."""
        check_text(prompt, MAX_PROMPT_CHARS, "Shorten it.", "prompt")
        return self.model().stream(prompt, **asdict(chosen))

    def write(
        self, prompt: str = "", temperature: float = TEMPERATURE, top_k: int = 0, top_p: float = 1.0,
        length: int = PIECES, seed: int = 1,
    ) -> dict[str, Any]:  # fmt: skip
        """Write on from a prompt, each piece drawn at random by its probability.

        Args:
            prompt: what to go on from, 2,000 characters at most; may be empty.
            temperature: 0.1 to 2; less is more careful, 1 is as learned, more is wilder.
            top_k: draw among so many likeliest pieces only; 0 is all.
            top_p: draw among the likeliest pieces that have this probability together, 0.05 to 1.
            length: the most pieces, 1 to 300.
            seed: the same one writes the same text, 0 to 2147483647.

        Returns:
            text (the prompt and what was written), tokens, token_probabilities, finished (whether the model chose to
            end).
        """
        *_, written = self.stream(prompt, Settings(temperature, top_k, top_p, length, seed))
        return {
            "text": written.text,
            "tokens": list(written.tokens),
            "token_probabilities": [round(value, 4) for value in written.probabilities],
            "finished": written.finished,
        }
