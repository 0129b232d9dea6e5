"""New translators, from nothing or from another one."""

from collections.abc import Iterable
from dataclasses import replace

import torch

from seqcore.tasks.translation.config import TranslatorConfig
from seqcore.tasks.translation.translator import Translator
from seqcore.tasks.vocabulary import copy_rows


def new_translator(config: TranslatorConfig, texts: Iterable[str]) -> Translator:
    """An untrained translator whose tokenizer is learned from `texts` of all its languages.

    Raises:
        DataError: too little text for a vocabulary.
    """
    return Translator.create(config, [{"source": text} for text in texts])


@torch.no_grad()
def extended_translator(old: Translator, config: TranslatorConfig, texts: Iterable[str]) -> tuple[Translator, int]:
    """A trained translator with a new vocabulary, for other languages or another subject, and how many rows it kept.

    Embeddings of pieces that both vocabularies have are kept; a new piece begins with the mean of the old pieces that
    spell it. All other weights are the old ones.

    Args:
        config: gives directions, vocabulary, dropout and label smoothing; all sizes are those of `old`.

    Raises:
        DataError: too little text for a vocabulary.
    """
    sizes = ("embedding_size", "encoder_hidden_size", "encoder_layers", "decoder_hidden_size", "decoder_layers")
    layout = (*sizes, "attention", "attention_layer", "layer_norm")
    new = new_translator(replace(config, **{name: getattr(old.config, name) for name in layout}), texts)
    for name, weight in new.network.named_parameters():
        if name not in {"decoder.embedding.weight", "decoder.output.bias"}:
            weight.copy_(old.network.get_parameter(name))
    before, after = old.network.decoder, new.network.decoder
    weights = ((before.embedding.weight, after.embedding.weight), (before.output.bias, after.output.bias))
    return new, copy_rows(old.tokenizer, new.tokenizer, weights)
