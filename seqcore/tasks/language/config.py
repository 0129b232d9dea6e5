"""What a language model is, as its `config.json` says."""

from seqcore.validation import Rate, Size, settings


@settings()
class LanguageModelConfig:
    """What a language model is.

    Attributes:
        vocab_size: pieces of the vocabulary (the most, before training; the number, after).
        embedding_size, hidden_size, num_layers: E, H and L; the output matrix is the embedding itself.
        lowercase: read capitals as small letters.
        dropout: locked, between layers.
        input_dropout, output_dropout: locked, on embeddings and before the output.
        embedding_dropout: of whole tokens.
        weight_dropout: on hidden-to-hidden weights (Merity 2018, as all of these).
    """

    vocab_size: Size = 10000
    embedding_size: Size = 256
    hidden_size: Size = 512
    num_layers: Size = 2
    lowercase: bool = True
    dropout: Rate = 0.1
    input_dropout: Rate = 0.1
    output_dropout: Rate = 0.1
    embedding_dropout: Rate = 0.02
    weight_dropout: Rate = 0.1
