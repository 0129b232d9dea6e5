"""Bricks: tensors in, tensors out; no files, no text, no state kept on a module."""

from seqcore.deprecation import renamed
from seqcore.nn.attention import (
    ATTENTIONS,
    AdditiveAttention,
    Attention,
    AttentionConfig,
    AttentionKind,
    DotAttention,
    GeneralAttention,
    create_attention,
)
from seqcore.nn.baselines import PlainRNN, WindowMLP
from seqcore.nn.bridge import Bridge
from seqcore.nn.decoder import DecoderOutput, LSTMDecoder
from seqcore.nn.dropout import EmbeddingDropout, LockedDropout, without_dropout
from seqcore.nn.encoder import LSTMEncoder
from seqcore.nn.frames import FrameEncoder
from seqcore.nn.images import ImageEncoder, ImageEncoderConfig
from seqcore.nn.loss import label_smoothed_cross_entropy
from seqcore.nn.pooling import PoolState, concat_pooling, concat_pooling_of_prefixes, pool
from seqcore.nn.stack import LSTMLayer, LSTMStack, chrono_init_, length_mask
from seqcore.nn.state import DecoderState, LSTMState, Memory

__all__ = [
    "ATTENTIONS",
    "AdditiveAttention",
    "Attention",
    "AttentionConfig",
    "AttentionKind",
    "Bridge",
    "DecoderOutput",
    "DecoderState",
    "DotAttention",
    "EmbeddingDropout",
    "FrameEncoder",
    "GeneralAttention",
    "ImageEncoder",
    "ImageEncoderConfig",
    "LSTMDecoder",
    "LSTMEncoder",
    "LSTMLayer",
    "LSTMStack",
    "LSTMState",
    "LockedDropout",
    "Memory",
    "PlainRNN",
    "PoolState",
    "WindowMLP",
    "chrono_init_",
    "concat_pooling",
    "concat_pooling_of_prefixes",
    "create_attention",
    "label_smoothed_cross_entropy",
    "length_mask",
    "pool",
    "without_dropout",
]

__getattr__ = renamed(__name__, {"remember_for": "seqcore.nn.stack.chrono_init_"})
