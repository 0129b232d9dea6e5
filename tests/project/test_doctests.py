"""What the examples in docstrings show is what happens."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Modules are looked through as text, so that none is imported in vain.
SHOWING = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in sorted((ROOT / "seqcore").rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("module", SHOWING)
def test_examples_in_docstrings_hold(module: str) -> None:
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    results = doctest.testmod(import_module(module), optionflags=flags, verbose=False)
    assert not results.failed


def test_the_bricks_and_searches_show_how_they_are_used() -> None:
    from seqcore import decoding, explain, metrics, nn, text

    shown = {
        nn: ["LSTMStack", "LSTMEncoder", "LSTMDecoder", "Attention", "pool", "label_smoothed_cross_entropy"],
        decoding: ["greedy", "beam_search", "sample", "stream", "GenerationConfig"],
        text: ["Tokenizer"],
        explain: ["integrated_gradients", "recorded_gates", "trace_gates", "gradient_flow"],
        metrics: ["bleu", "chrf", "classification_scores", "frame_scores", "caption_words"],
    }
    for room, names in shown.items():
        assert [name for name in names if ">>> " not in getattr(room, name).__doc__] == []
