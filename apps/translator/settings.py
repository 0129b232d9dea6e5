"""What a user may set about a translation, and what is allowed."""

from typing import Annotated, Any

from pydantic import Field

from apps.ui.search import SearchSettings
from apps.ui.uploads import WHOLE, check_text, in_words
from seqcore.errors import InputError
from seqcore.validation import settings

MAX_TEXT_CHARS = 5_000


@settings(error=in_words)
class Settings(SearchSettings):
    """How to translate; each field is that of `seqcore.decoding.GenerationConfig`, but that a seed of 0 is none."""

    do_sample: bool = False
    temperature: Annotated[float, Field(ge=0.05, le=2)] = 1.0
    top_k: Annotated[int, Field(ge=0, le=1_000), WHOLE] = 0
    top_p: Annotated[float, Field(ge=0.01, le=1)] = 1.0
    seed: Annotated[int, Field(ge=0, le=2**53 - 1), WHOLE] = 0

    def generation(self) -> dict[str, Any]:
        """As arguments of `Translator.translate`. A beam gives no more translations than it holds."""
        if not self.do_sample:
            return super().generation()
        names = ("beam_size", "length_penalty", "n_best", "do_sample", "temperature", "top_k", "top_p")
        return {**{name: getattr(self, name) for name in names}, "seed": self.seed or None}


def check_request(text: object, source: object, target: object) -> None:
    """Raises `InputError` for a text that is too long, and for anything that is no text."""
    if not all(isinstance(value, str) for value in (text, source, target)):
        raise InputError("The text and both languages must be strings.")
    check_text(text, MAX_TEXT_CHARS, "Translate it in parts, or as a file.")
