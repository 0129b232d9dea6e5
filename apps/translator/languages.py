"""Which languages a page offers: choices, pairs that the model knows, examples."""

from collections.abc import Sequence

from seqcore.text.languages import NAMES

AUTO = "auto"
DETECT = "Detect language"

# What people write, and what they see in a picture; a line break shows that it stays.
EXAMPLES = {
    "en": (
        "Two men are playing guitar on a street corner.",
        "A brown dog runs through the snow with a stick in its mouth.",
        "Could you tell me where the station is?\nMy train leaves at 10:45.",
    ),
    "de": (
        "Ein kleines Mädchen springt ins Wasser.",
        "Ich habe heute keine Zeit. Können wir uns morgen treffen?",
    ),
    "fr": (
        "Une femme lit un livre dans le parc.",
        "Il fait très beau aujourd'hui. Nous allons à la plage.",
    ),
    "cs": ("Dva chlapci hrají na pláži fotbal.",),
}


def name(code: str) -> str:
    """A language's English name; its code where none is known."""
    return NAMES.get(code, code)


def read_languages(directions: Sequence[str]) -> list[str]:
    """Codes of the languages that can be translated from, by name."""
    return sorted({direction.split("-")[0] for direction in directions}, key=name)


def written_languages(directions: Sequence[str]) -> list[str]:
    """Codes of the languages that can be translated into, by name."""
    return sorted({direction.split("-")[1] for direction in directions}, key=name)


def source_choices(directions: Sequence[str], detected: str = "") -> list[tuple[str, str]]:
    """What the source can be, detection first; a language that was detected is named there."""
    first = f"{name(detected)} (detected)" if detected else DETECT
    return [(first, AUTO), *((name(code), code) for code in read_languages(directions))]


def target_choices(directions: Sequence[str]) -> list[tuple[str, str]]:
    """What the target can be."""
    return [(name(code), code) for code in written_languages(directions)]


def first_pair(directions: Sequence[str]) -> tuple[str, str]:
    """What a page begins with: detection where there is something to detect, into German where that is known."""
    readable, writable = read_languages(directions), written_languages(directions)
    return AUTO if len(readable) > 1 else readable[0], "de" if "de" in writable else writable[0]


def target_for(directions: Sequence[str], source: str, target: str) -> str:
    """The target as it is if the model knows the pair, else the first that it knows for the source."""
    if source == AUTO or f"{source}-{target}" in directions:
        return target
    return next(direction.split("-")[1] for direction in directions if direction.startswith(f"{source}-"))


def source_for(directions: Sequence[str], source: str, target: str) -> str:
    """The source as it is if the model knows the pair, else detection."""
    return source if f"{source}-{target}" in directions else AUTO


def reversed_pair(directions: Sequence[str], source: str, target: str) -> tuple[str, str] | None:
    """The pair the other way round; None where the model knows no way back. A source not yet detected is any."""
    if f"{target}-{source}" in directions:
        return target, source
    ways = [direction for direction in directions if direction.startswith(f"{target}-")]
    return (target, ways[0].split("-")[1]) if source == AUTO and ways else None


def examples(directions: Sequence[str]) -> list[tuple[str, str]]:
    """Sentences in the languages that the model reads, each with its language."""
    return [(text, code) for code, texts in EXAMPLES.items() if code in read_languages(directions) for text in texts]
