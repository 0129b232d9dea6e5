"""Text on its way to tensors."""

from seqcore.text.tokenizer import Tokenizer

__all__ = ["Tokenizer"]
