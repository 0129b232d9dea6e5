"""The language model: predicts the next piece of a text, and so writes on."""

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from seqcore.batching import padded, token_budget_batches
from seqcore.decoding import GenerationConfig, sample, stream
from seqcore.decoding.constraints import Constraints
from seqcore.decoding.sampling import restrict
from seqcore.nn import DecoderState
from seqcore.tasks.base import Batch, Example, Loss
from seqcore.tasks.language.config import LanguageModelConfig
from seqcore.tasks.language.network import LanguageNetwork
from seqcore.tasks.language.result import Likelihood, Written
from seqcore.tasks.prediction import each
from seqcore.tasks.search import generation_config, refusals
from seqcore.tasks.text_task import TextTask, check_text, examples_in_batches
from seqcore.text import Tokenizer
from seqcore.text.markup import strip_markup
from seqcore.validation import as_list, check_int

_TOKENS_AT_ONCE = 4096


class LanguageModel(TextTask):
    """A deep LSTM that predicts each next piece (Mikolov 2010; Merity 2018), and the tokenizer it was trained with."""

    name = "language-model"
    Config = LanguageModelConfig
    fields: ClassVar[Mapping[str, type]] = {"text": str}
    monitor = ("log_likelihood", "max")
    bfloat16_pays = ("cpu",)
    stateful = True
    layout = ("embedding_size", "hidden_size", "num_layers", "lowercase")
    Network = LanguageNetwork
    config: LanguageModelConfig
    network: LanguageNetwork

    @classmethod
    def train_tokenizer(cls, config: LanguageModelConfig, rows: Sequence[Mapping[str, Any]]) -> Tokenizer:
        texts = (strip_markup(row["text"]) for row in rows)
        return Tokenizer.train(texts, config.vocab_size, lowercase=config.lowercase)

    def score(self, texts: Sequence[str], batch_size: int = 256) -> list[Likelihood]:
        """How likely each text is, read from its beginning.

        Args:
            batch_size: texts worked on at once, fewer if they are long; it never changes an answer.

        Raises:
            InputError: something that is no string.
        """
        check_int("batch_size", batch_size, 1)
        texts = as_list(texts, "a text")
        examples = each(texts, lambda text: self.example({"text": text}))
        logs: dict[int, list[float]] = {}
        lengths = [self.lengths(example) for example in examples]
        for rows in token_budget_batches(lengths, _TOKENS_AT_ONCE, max_rows=batch_size):
            tokens = self.collate([examples[row] for row in rows])["tokens"].to(self.device)
            with torch.inference_mode():
                logits = self.network.decoder(tokens[:, :-1]).logits.float()
            chosen = logits.log_softmax(-1).gather(2, tokens[:, 1:, None]).squeeze(2).tolist()
            logs |= {row: line[: len(examples[row]["tokens"]) - 1] for row, line in zip(rows, chosen, strict=True)}
        return [
            Likelihood(
                strip_markup(text),
                self.tokenizer.ids_to_tokens(list(example["tokens"][1:])),
                tuple(logs[row]),
            )
            for row, (text, example) in enumerate(zip(texts, examples, strict=True))
        ]

    def write(self, prompt: str = "", **generation: Any) -> str:
        """Write on from a prompt, drawn at random (Karpathy 2015).

        Args:
            generation: settings of `GenerationConfig`, such as `temperature`, `top_k`,
                `top_p`, `seed` and `max_length`.

        Raises:
            InputError: a setting out of range.
        """
        read, config = self._to_write(prompt, generation)
        best = sample(self.network.decoder.step, *self._begun(read), config)[0][0]
        return self.tokenizer.decode([*read, *best.tokens])

    def stream(self, prompt: str = "", **generation: Any) -> Iterator[Written]:
        """Write on as `write` does, and give what there is after every piece; the last is all that it writes.

        Raises:
            InputError: at once, what `write` refuses.
        """
        read, config = self._to_write(prompt, generation)
        return self._growing(read, config)

    def alternatives(
        self, log_probabilities: Tensor, count: int = 8, temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0
    ) -> list[tuple[str, float]]:
        """The likeliest pieces of a place, and what temperature, top-k and top-p make of their probabilities.

        Args:
            log_probabilities: (V,), of `Written`.

        Returns:
            Pieces and probabilities, `count` at most, falling.
        """
        best = restrict(log_probabilities, temperature, top_k, top_p).softmax(-1).topk(min(count, len(self.tokenizer)))
        return list(zip(self.tokenizer.ids_to_tokens(best.indices.tolist()), best.values.tolist(), strict=True))

    def _to_write(self, prompt: str, generation: Mapping[str, Any]) -> tuple[list[int], GenerationConfig]:
        """The tokens of a prompt from the start, and how to go on."""
        read = [self.tokenizer.bos_id, *self._tokens(prompt)]
        settings = {"max_length": 100, **generation, "do_sample": True, "n_best": 1}
        config = generation_config(self.tokenizer, settings)
        with refusals():
            config.limits(1)
            Constraints(config, self.device).check_vocabulary(len(self.tokenizer))
        return read, config

    @torch.inference_mode()
    def _begun(self, read: Sequence[int]) -> tuple[DecoderState, Tensor]:
        """The state after all tokens of a prompt but the last, and the last."""
        decoder = self.network.decoder
        state = decoder.start(None)
        if len(read) > 1:
            _, _, state = decoder.features(torch.tensor([read[:-1]], device=self.device), None, state)
        return state, torch.tensor([read[-1]], device=self.device)

    def _growing(self, read: list[int], config: GenerationConfig) -> Iterator[Written]:
        latest: list[Tensor] = []

        def step(tokens: Tensor, state: DecoderState) -> tuple[Tensor, DecoderState]:
            logits, state = self.network.decoder.step(tokens, state)
            latest[:] = [logits[0, 0]]
            return logits, state

        for hypothesis in stream(step, *self._begun(read), config):
            numbers = [*hypothesis.tokens, *[self.tokenizer.eos_id] * hypothesis.finished]
            logs = torch.tensor(
                [*hypothesis.token_log_probabilities, *[hypothesis.end_log_probability] * hypothesis.finished]
            )
            yield Written(
                prompt=self.tokenizer.decode(read),
                text=self.tokenizer.decode([*read, *hypothesis.tokens]),
                tokens=self.tokenizer.ids_to_tokens(numbers),
                probabilities=tuple(logs.exp().tolist()),
                log_probabilities=self._over_pieces(latest[0]) if latest else None,
                finished=hypothesis.finished,
            )

    def _over_pieces(self, logits: Tensor) -> Tensor:
        """(V,) logits → log-probabilities on the CPU, of padding none."""
        logits = logits.detach().float().cpu().clone()
        logits[self.tokenizer.pad_id] = -torch.inf
        return logits.log_softmax(-1)

    def example(self, row: Mapping[str, Any]) -> Example:
        """`{text}` → token numbers from start to end."""
        return next(LanguageModel.examples(self, [row]))  # A subclass may make `examples` of this.

    def examples(self, rows: Iterable[Mapping[str, Any]]) -> Iterator[Example]:
        start, end = self.tokenizer.bos_id, self.tokenizer.eos_id
        return examples_in_batches(
            rows,
            self.tokenizer,
            lambda row: ([_plain(row["text"])], None),
            lambda _, tokens: {"tokens": array("i", [start, *tokens[0], end])},
        )

    def lengths(self, example: Example) -> Sequence[int]:
        return (len(example["tokens"]),)

    def collate(self, examples: Sequence[Example]) -> Batch:
        padding = self.tokenizer.pad_id
        return {"tokens": torch.tensor(padded((example["tokens"] for example in examples), padding))}

    def loss(self, batch: Batch, state: Any = None) -> Loss:
        return self.network(batch, state)  # type: ignore[no-any-return]

    def predict(self, inputs: Sequence[str], *, batch_size: int = 256) -> list[Likelihood]:
        """How likely texts are: see `score`.

        Args:
            batch_size: texts at once
        """
        return self.score(inputs, batch_size)

    def to_text(self, result: Likelihood) -> str:
        return f"{result.perplexity:.2f}"

    def to_dict(self, result: Likelihood) -> dict[str, Any]:
        """`{perplexity, tokens, log_probabilities}`."""
        logs = [round(value, 4) for value in result.log_probabilities]
        return {"perplexity": round(result.perplexity, 4), "tokens": list(result.tokens), "log_probabilities": logs}

    def compute_metrics(self, predictions: Sequence[Likelihood], rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
        """`log_likelihood`, the mean of a token in nats, and `perplexity`, over all tokens and ends of texts."""
        values = [value for prediction in predictions for value in prediction.log_probabilities]
        mean = torch.tensor(values, dtype=torch.float64).mean()
        return {"log_likelihood": float(mean), "perplexity": float(mean.neg().exp())}

    def _tokens(self, text: str) -> list[int]:
        return self.tokenizer.encode(_plain(text))


def _plain(text: str) -> str:
    check_text(text)
    return strip_markup(text)
