"""What a user may set about a translation, and what is allowed."""

from dataclasses import dataclass
from typing import Any

from apps.ui.uploads import check_number
from seqcore.errors import InputError

MAX_TEXT_CHARS = 5_000
MAX_BEAM = 10
MAX_TRANSLATIONS = 10
DEFAULT_BEAM = 5
DEFAULT_PENALTY = 1.0


@dataclass(frozen=True)
class Settings:
    """How to search; each field is that of `seqcore.decoding.GenerationConfig`, but that a seed of 0 is none.

    Raises:
        InputError: a field is out of range; the message names it and says what is allowed.
    """

    beam_size: int = DEFAULT_BEAM
    length_penalty: float = DEFAULT_PENALTY
    n_best: int = 1
    do_sample: bool = False
    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        check_number("Beam size", self.beam_size, 1, MAX_BEAM, whole=True)
        check_number("Length penalty", self.length_penalty, 0, 2)
        check_number("The number of translations", self.n_best, 1, MAX_TRANSLATIONS, whole=True)
        if not isinstance(self.do_sample, bool):
            raise InputError(f"Sampling is on or off, not {self.do_sample!r}.")
        check_number("Temperature", self.temperature, 0.05, 2)
        check_number("Top k", self.top_k, 0, 1_000, whole=True)
        check_number("Top p", self.top_p, 0.01, 1)
        check_number("Seed", self.seed, 0, 2**53 - 1, whole=True)

    def generation(self) -> dict[str, Any]:
        """As arguments of `Translator.translate`. A beam gives no more translations than it holds."""
        search = {"beam_size": self.beam_size, "length_penalty": self.length_penalty}
        if not self.do_sample:
            return {**search, "n_best": min(self.n_best, self.beam_size)}
        sampling = {name: getattr(self, name) for name in ("n_best", "do_sample", "temperature", "top_k", "top_p")}
        return {**search, **sampling, "seed": self.seed or None}


def check_text(text: str, source: str, target: str) -> None:
    """Raises `InputError` for a text that is too long, and for anything that is no text."""
    if not isinstance(text, str) or not isinstance(source, str) or not isinstance(target, str):
        raise InputError("The text and both languages must be strings.")
    if len(text) > MAX_TEXT_CHARS:
        raise InputError(
            f"The text has {len(text):,} characters, and this page takes {MAX_TEXT_CHARS:,} at a time. "
            "Translate it in parts, or as a file."
        )
