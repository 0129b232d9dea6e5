"""Pretrained word vectors, read by torchtext, which is imported nowhere else."""

import ssl
import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import nn

from seqcore.errors import DataError, require
from seqcore.text.tokenizer import Tokenizer


def read_vectors(file: str) -> Any:
    """Read word vectors from a text file as GloVe (Pennington 2014) and fastText (Bojanowski 2017) write it.

    Returns:
        A `torchtext.vocab.Vectors`: `stoi` numbers words, `vectors` (N, D) holds them, `dim` is D.

    Raises:
        DataError: there is no such file, or it has another format.
        SettingsError: torchtext is not installed.
    """
    vocab = require("torchtext.vocab", "word vectors need", "train")
    path = Path(file).expanduser()
    if not path.is_file():
        raise DataError(f"there is no file {file}")
    checked = ssl._create_default_https_context
    try:
        with tempfile.TemporaryDirectory() as cache:  # torchtext leaves a pickle of what it read.
            vectors = vocab.Vectors(str(path.resolve()), cache=cache)
    except (ValueError, RuntimeError, IndexError, StopIteration, TypeError) as error:
        raise DataError(f"{file} holds no word vectors: each line is a word and its numbers ({error})") from error
    finally:
        ssl._create_default_https_context = checked  # torchtext turns the check of certificates off, for all.
    if not len(vectors.stoi):
        raise DataError(f"{file} holds no word vectors")
    return vectors


@torch.no_grad()
def fill_embedding(embedding: nn.Embedding, tokenizer: Tokenizer, vectors: Any) -> set[int]:
    """Give pieces that are whole words their vectors, and return these pieces' numbers.

    A word is looked up as it is, then in small letters.

    Raises:
        DataError: the vectors have another width than the embedding.
    """
    if vectors.dim != embedding.embedding_dim:
        raise DataError(f"the vectors have {vectors.dim} numbers, but the embedding has {embedding.embedding_dim}")
    filled = set()
    for number, piece in enumerate(tokenizer.ids_to_tokens(range(len(tokenizer)))):
        word = piece.removeprefix("▁")
        row = vectors.stoi.get(word, vectors.stoi.get(word.lower()))
        whole = piece.startswith("▁") or not any(letter.isalnum() for letter in word)
        if word and whole and row is not None:
            embedding.weight[number] = vectors.vectors[row]
            filled.add(number)
    return filled
