"""How good translations are, in each direction."""

from collections.abc import Iterable

from seqcore.metrics import bleu, chrf

_METRICS = {"bleu": bleu, "chrf": chrf}


def direction_scores(translations: Iterable[tuple[str, str, str]]) -> dict[str, float]:
    """`bleu` and `chrf`; of several directions the mean over them, and each one by its name, `bleu_en-de`.

    Args:
        translations: each its direction, its text and the reference.
    """
    pairs: dict[str, tuple[list[str], list[str]]] = {}
    for direction, text, reference in translations:
        texts, references = pairs.setdefault(direction, ([], []))
        texts.append(text)
        references.append(reference)
    by_direction = {
        direction: {name: metric(*pairs[direction]) for name, metric in _METRICS.items()} for direction in sorted(pairs)
    }
    scores = {name: sum(part[name] for part in by_direction.values()) / len(by_direction) for name in _METRICS}
    if len(by_direction) > 1:
        scores |= {f"{name}_{way}": value for way, part in by_direction.items() for name, value in part.items()}
    return scores
