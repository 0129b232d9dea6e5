"""What the endpoint of the panel Writing answers with."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from apps.server.models import LazyTask
from seqcore.errors import InputError

if TYPE_CHECKING:
    from seqcore.tasks.language import LanguageModel, Written

MAX_PROMPT_CHARS = 2_000
MAX_PIECES = 300
DEFAULT_TEMPERATURE, MIN_TEMPERATURE, MAX_TEMPERATURE = 0.8, 0.1, 2.0
DEFAULT_PIECES = 60


@dataclass(frozen=True)
class Settings:
    """How it is written, with the names of `GenerationConfig`. Raises `InputError`."""

    temperature: float = DEFAULT_TEMPERATURE
    top_k: int = 0
    top_p: float = 1.0
    max_length: int = DEFAULT_PIECES
    seed: int = 1

    def __post_init__(self) -> None:
        _check("temperature", self.temperature, MIN_TEMPERATURE, MAX_TEMPERATURE, whole=False)
        _check("top-p", self.top_p, 0.05, 1.0, whole=False)
        for name, field, least, most in (
            ("top-k", "top_k", 0, 1000), ("length", "max_length", 1, MAX_PIECES), ("seed", "seed", 0, 2**31 - 1)
        ):  # fmt: skip
            _check(name, getattr(self, field), least, most, whole=True)
            object.__setattr__(self, field, int(getattr(self, field)))  # Sliders give 3.0.


def _check(name: str, value: object, least: float, most: float, whole: bool) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not least <= value <= most or (whole and value != int(value)):  # type: ignore[operator,call-overload]
        kind = "a whole number" if whole else "a number"
        raise InputError(f"The {name} must be {kind} from {least} to {most}, not {value!r}")


class WritingAPI:
    """The endpoint, over the language model."""

    def __init__(self, load: "LazyTask[LanguageModel]") -> None:
        self.load = load

    def model(self) -> "LanguageModel":
        """The task. Raises `CheckpointError` when there is none, or one of another kind."""
        return self.load.require("alternatives", "language model")

    def stream(self, prompt: str, settings: Settings) -> "Iterator[Written]":
        """What is written after every piece. Raises `InputError` for what is no text or too long."""
        if not isinstance(prompt, str):
            raise InputError("The prompt must be a string.")
        if len(prompt) > MAX_PROMPT_CHARS:
            raise InputError(f"The prompt has {len(prompt):,} characters, and this page takes {MAX_PROMPT_CHARS:,}.")
        return self.model().stream(prompt, **asdict(settings))

    def write(
        self,
        prompt: str = "",
        temperature: float = DEFAULT_TEMPERATURE,
        top_k: int = 0,
        top_p: float = 1.0,
        length: int = DEFAULT_PIECES,
        seed: int = 1,
    ) -> dict[str, Any]:
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
