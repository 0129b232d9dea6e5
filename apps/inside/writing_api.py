"""What the endpoint of the panel Writing answers with."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

from pydantic import Field
from typing_extensions import TypedDict

from apps.server.models import LazyTask
from apps.ui.uploads import WHOLE, check_text, in_words
from seqcore.validation import settings

if TYPE_CHECKING:
    from seqcore.tasks.language import LanguageModel, Written

MAX_PROMPT_CHARS = 2_000
MAX_PIECES = 300
TEMPERATURE, MIN_TEMPERATURE, MAX_TEMPERATURE = 0.8, 0.1, 2.0
PIECES = 60
Temperature = Annotated[float, Field(ge=MIN_TEMPERATURE, le=MAX_TEMPERATURE)]
TopK = Annotated[int, Field(ge=0, le=1_000), WHOLE]
TopP = Annotated[float, Field(ge=0.05, le=1)]
Length = Annotated[int, Field(ge=1, le=MAX_PIECES), WHOLE]
Seed = Annotated[int, Field(ge=0, le=2**31 - 1), WHOLE]


@settings(error=in_words)
class Settings:
    """How it is written, with the names of `GenerationConfig`."""

    temperature: Temperature = TEMPERATURE
    top_k: TopK = 0
    top_p: TopP = 1.0
    max_length: Length = PIECES
    seed: Seed = 1


class WrittenText(TypedDict):
    """What `/write` gives."""

    text: str
    tokens: list[str]
    token_probabilities: list[float]
    finished: bool


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
        self, prompt: str = "", temperature: Temperature = TEMPERATURE, top_k: TopK = 0, top_p: TopP = 1.0,
        length: Length = PIECES, seed: Seed = 1,
    ) -> WrittenText:  # fmt: skip
        """Write on from a prompt in English, each piece of a word drawn at random by its probability.

        Args:
            prompt: what to go on from, 2,000 characters at most; may be empty, which is the default.
            temperature: 0.1 to 2, by default 0.8; less is more careful, 1 is as learned, more is wilder.
            top_k: draw among so many likeliest pieces only, 0 to 1,000; 0, the default, is all.
            top_p: draw among the likeliest pieces that have this probability together, 0.05 to 1, the default.
            length: the most pieces to write, 1 to 300, by default 60.
            seed: the same one writes the same text, 0 to 2147483647, by default 1.

        Returns:
            text is the prompt with what was written, tokens are the pieces, token_probabilities how likely each was,
            and finished says whether the model chose to end.
        """
        *_, written = self.stream(prompt, Settings(temperature, top_k, top_p, length, seed))
        return {
            "text": written.text,
            "tokens": list(written.tokens),
            "token_probabilities": [round(value, 4) for value in written.probabilities],
            "finished": written.finished,
        }
