"""New captioners, from nothing or from another one, and what they are trained for."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from seqcore.nn.image_weights import new_image_encoder
from seqcore.tasks.captioning.captioner import Captioner
from seqcore.tasks.captioning.config import CaptionerConfig
from seqcore.tasks.captioning.reward import Reward
from seqcore.tasks.captioning.rows import NumberedCaptions
from seqcore.tasks.vocabulary import copy_rows


def new_captioner(config: CaptionerConfig, captions: Iterable[str], weights: str | Path | None = None) -> Captioner:
    """An untrained captioner that sees by weights from elsewhere, with a tokenizer learned from captions.

    Args:
        weights: of the image encoder, see `new_image_encoder`; None is random.

    Raises:
        DataError: too little text for a vocabulary.
        SettingsError: no such backbone or weights.
    """
    captioner = Captioner.create(config, [{"captions": list(captions)}])
    if weights is not None:
        seeing = new_image_encoder(config.encoder, weights)
        captioner.network.encoder.load_state_dict(seeing.state_dict())
    return captioner


@torch.no_grad()
def extended_captioner(old: Captioner, config: CaptionerConfig, captions: Iterable[str]) -> tuple[Captioner, int]:
    """A trained captioner with a new vocabulary, for another language or subject, and how many rows it kept.

    Embeddings of pieces that both vocabularies have are kept; a new piece begins with the mean of the old pieces that
    spell it. All other weights are the old ones.

    Args:
        config: gives vocabulary, dropout and the training objective's settings; all sizes are those of `old`.

    Raises:
        DataError: too little text for a vocabulary.
    """
    training = ("vocab_size", "dropout", "label_smoothing", "attention_penalty", "max_length")
    new = new_captioner(replace(old.config, **{name: getattr(config, name) for name in training}), captions)
    for name, weight in old.network.state_dict().items():
        if name not in {"decoder.embedding.weight", "decoder.output.weight", "decoder.output.bias"}:
            new.network.state_dict()[name].copy_(weight)
    before, after = old.network.decoder, new.network.decoder
    weights = ((before.embedding.weight, after.embedding.weight), (before.output.bias, after.output.bias))
    return new, copy_rows(old.tokenizer, new.tokenizer, weights)


def self_critical(captioner: Captioner, rows: Sequence[Mapping[str, Any]], samples: int = 5) -> list[Mapping[str, Any]]:
    """Let a captioner train for CIDEr-D on these rows; give them the numbers by which their captions are found."""
    captioner.reward = Reward([row["captions"] for row in rows], samples)
    return [{**row, "captions": NumberedCaptions(row["captions"], number)} for number, row in enumerate(rows)]
