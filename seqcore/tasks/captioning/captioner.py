"""The captioner: images in, sentences out."""

import math
import random
import re
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, overload

import torch
from torch import Tensor, nn
from typing_extensions import Self

from seqcore.batching import padded
from seqcore.decoding import GenerationConfig, Hypothesis, search
from seqcore.errors import InputError, numbered
from seqcore.media.augmentation import Augmentation, augmented_square
from seqcore.media.images import ImageSource, augment, image_files, load_squares, read_square
from seqcore.metrics import caption_scores
from seqcore.nn.image_weights import new_image_encoder
from seqcore.tasks.base import Batch, Example, Loss
from seqcore.tasks.captioning.config import CaptionerConfig
from seqcore.tasks.captioning.network import CaptioningNetwork
from seqcore.tasks.captioning.result import Caption, sentence
from seqcore.tasks.captioning.reward import Reward
from seqcore.tasks.captioning.rows import ImageFeatures, NumberedCaptions, read_captions
from seqcore.tasks.search import generation_config, refusals, usual_n_best
from seqcore.tasks.text_task import TextTask
from seqcore.text import Tokenizer
from seqcore.validation import check_int


class Captioner(TextTask):
    """A convolutional network, attention over its grid, an LSTM decoder, and the tokenizer.

    Attributes:
        reward: where it is set, training follows it instead of the captions (Rennie 2017).
        augments: whether images are cropped, mirrored and recoloured at random while training, where the network is.
        augmentation: how they are changed instead where they are opened, whose workers have the time for it.
    """

    name = "captioning"
    Config = CaptionerConfig
    fields: ClassVar[Mapping[str, type]] = {"image": object, "captions": list}
    monitor = ("cider", "max")
    input_kind = "file"
    batches_at_once = 2
    validation_options: ClassVar[Mapping[str, Any]] = {"beam_size": 2, "batch_size": 64}
    layout = (
        "backbone", "image_size", "image_mean", "image_std", "embedding_size", "memory_size", "hidden_size",
        "num_layers", "attention", "attention_layer", "attention_gate",
    )  # fmt: skip
    Network = CaptioningNetwork
    config: CaptionerConfig
    network: CaptioningNetwork

    def __init__(self, config: CaptionerConfig, tokenizer: Tokenizer) -> None:
        super().__init__(config, tokenizer)
        self.reward: Reward | None = None
        self.augments = True
        self.augmentation = Augmentation()

    @classmethod
    def train_tokenizer(cls, config: CaptionerConfig, rows: Sequence[Mapping[str, Any]]) -> Tokenizer:
        texts = (plain(text) for row in rows for text in row["captions"])
        return Tokenizer.train(texts, config.vocab_size, lowercase=True)

    @classmethod
    def create(
        cls, config: CaptionerConfig, rows: Sequence[Mapping[str, Any]], weights: str | Path | None = None
    ) -> Self:
        """Make an untrained captioner with a tokenizer that is learned from the captions.

        Args:
            weights: of the image encoder, see `seqcore.nn.image_weights.new_image_encoder`; None is random.

        Raises:
            DataError: too little text for a vocabulary.
            SettingsError: no such backbone or weights.
        """
        captioner = super().create(config, rows)
        if weights is not None:
            captioner.network.encoder.load_state_dict(new_image_encoder(config.encoder, weights).state_dict())
        return captioner

    @classmethod
    def read_rows(
        cls, source: str, columns: Mapping[str, str] | None = None, split: str = "train"
    ) -> Sequence[Mapping[str, Any]]:
        """Rows of a folder of images, a table or a hub id: see `read_captions`."""
        return read_captions(source, columns, split)

    def parameter_groups(self) -> list[list[nn.Parameter]]:
        """The decoder's, then what of the image encoder is trained."""
        seen = [weight for weight in self.network.encoder.parameters() if weight.requires_grad]
        inside = set(self.network.encoder.parameters())
        return [[weight for weight in self.network.parameters() if weight not in inside], seen]

    @overload
    def caption(
        self,
        images: Sequence[ImageSource | ImageFeatures],
        beam_size: int = ...,
        n_best: int | None = ...,
        batch_size: int = ...,
        **generation: Any,
    ) -> list[Caption]: ...
    @overload
    def caption(
        self,
        images: ImageSource | ImageFeatures,
        beam_size: int = ...,
        n_best: int | None = ...,
        batch_size: int = ...,
        **generation: Any,
    ) -> Caption: ...
    def caption(
        self,
        images: ImageSource | ImageFeatures | Sequence[ImageSource | ImageFeatures],
        beam_size: int = 5,
        n_best: int | None = None,
        batch_size: int = 16,
        **generation: Any,
    ) -> Caption | list[Caption]:
        """Describe one image, or each of a list.

        An image is a path, bytes, a file, a PIL image, an array (H, W) or (H, W, C), or a tensor (C, H, W): see
        `open_image`. It is stretched to a square, as those of the training were.

        Args:
            beam_size: hypotheses an image; 1 is greedy.
            n_best: captions an image, the others as `alternatives`; without it 3, or `beam_size` if less.
            batch_size: images worked on at once; it never changes an answer.
            generation: other settings of `GenerationConfig`, such as `length_penalty`; a
                `max_length` counts up to that of the model.

        Raises:
            InputError: an image that cannot be read, with its number in a list, or a setting out of range.
        """
        if not isinstance(images, list | tuple):
            single: list[Any] = [images]
            return self.caption(single, beam_size, n_best, batch_size, **generation)[0]
        config = self._search(beam_size, n_best, generation)
        check_int("batch_size", batch_size, 1)
        captions = []
        for begin in range(0, len(images), batch_size):
            with numbered(begin, len(images), "image"):
                grid = self.grids(images[begin : begin + batch_size])
            captions += self._write(grid, config)
        return captions

    def predict(
        self,
        inputs: Sequence[ImageSource | ImageFeatures],
        *,
        beam_size: int = 5,
        length_penalty: float = 1.0,
        n_best: int = 1,
        batch_size: int = 16,
    ) -> list[Caption]:
        """Describe images: see `caption`.

        Args:
            beam_size: hypotheses an image; 1 is greedy
            length_penalty: above 0 prefers longer captions
            n_best: captions an image, all but the first as alternatives
            batch_size: images at once
        """
        return self.caption(list(inputs), beam_size, n_best, batch_size, length_penalty=length_penalty)

    def read(self, image: ImageSource) -> Tensor:
        """Open an image and make it a square, as the network sees it: uint8 (3, size, size).

        `caption` and `predict` take this for the image, and do not open it again.

        Raises:
            InputError: it cannot be read.
        """
        return read_square(image, self.config.image_size)

    @torch.inference_mode()
    def grids(self, images: Sequence[ImageSource | ImageFeatures]) -> Tensor:
        """What the image encoder gives of images, (B, S, D); `ImageFeatures` hold it already."""
        grids = [image.grid for image in images if isinstance(image, ImageFeatures)]
        if len(grids) == len(images):
            return torch.stack(grids).to(self.device).float()
        squares = load_squares(images, self.config.image_size)  # type: ignore[arg-type]  # features among them are refused
        return self.network.encoder(squares.to(self.device)).float()  # type: ignore[no-any-return]

    def files(self, names: Sequence[str]) -> list[str]:
        """Names of images, and for a folder those in it and in those below; what it passes over is named on stderr."""
        if not names or "-" in names:
            raise InputError("name images, or a folder of them")
        return [str(path) for name in names for path in (image_files(name) if Path(name).is_dir() else [name])]

    def example(self, row: Mapping[str, Any]) -> Example:
        """`{image, captions}` → its captions as token numbers; images are opened when they are needed."""
        captions = [plain(text) for text in row["captions"]]
        if not any(captions):
            raise InputError("there is no caption with a word in it")
        end = self.tokenizer.eos_id
        encoded = [self.tokenizer.encode(text)[: self.config.max_length] for text in captions if text]
        tokens = [array("i", [self.tokenizer.bos_id, *pieces, end]) for pieces in encoded]
        return {
            "image": row["image"],
            "captions": tokens,
            "number": getattr(row["captions"], "number", None),
            "may_flip": not (self.augmentation.flips and any(map(self._names_a_side, captions))),
        }

    def _names_a_side(self, text: str) -> bool:
        return not {side.lower() for side in self.augmentation.sides}.isdisjoint(re.findall(r"\w+", text))

    @property
    def varies(self) -> bool:
        return self.augmentation.changes

    def vary(self, example: Example, draw: random.Random) -> Example:
        size = self.config.image_size
        image = augmented_square(example["image"], size, self.augmentation, draw, example["may_flip"])
        return {**example, "image": image}

    def opens_files(self, examples: Sequence[Example]) -> bool:
        return any(not isinstance(example["image"], ImageFeatures | Tensor) for example in examples)

    def lengths(self, example: Example) -> Sequence[int]:
        captions = example["captions"]
        return (max(map(len, captions)) * len(captions),)

    def collate(self, examples: Sequence[Example]) -> Batch:
        captions = [tokens for example in examples for tokens in example["captions"]]
        rows = [row for row, example in enumerate(examples) for _ in example["captions"]]
        batch = {"target": torch.tensor(padded(captions, self.tokenizer.pad_id)), "rows": torch.tensor(rows)}
        images, numbers = [example["image"] for example in examples], [example["number"] for example in examples]
        if all(isinstance(image, ImageFeatures) for image in images):
            batch["grid"] = torch.stack([image.grid for image in images])
        else:
            batch["images"] = torch.stack(
                [self.read(image) for image in images]
            )  # Errors name files, not their places.
        if None not in numbers:
            batch["numbers"] = torch.tensor(numbers)
        return batch

    def loss(self, batch: Batch, state: Any = None) -> Loss:
        training = self.network.training
        if "grid" in batch:
            grid = batch["grid"].float()
        else:
            images = batch["images"]
            grid = self.network.encoder(augment(images) if training and self.augments and not self.varies else images)
        if training and self.reward is not None:
            numbers = batch["numbers"].tolist()
            return self.reward.loss(self.network, self.tokenizer, self.config.max_length, grid, numbers)
        return self.network(grid, batch["target"], batch["rows"])  # type: ignore[no-any-return]

    def to_text(self, result: Caption) -> str:
        return result.text

    def to_dict(self, result: Caption) -> dict[str, Any]:
        """`{text, score}`, and `alternatives` where there are any."""
        record = {"text": result.text, "score": round(result.score, 4)}
        more = {"alternatives": [self.to_dict(other) for other in result.alternatives]} if result.alternatives else {}
        return {**record, **more}

    def compute_metrics(self, predictions: Sequence[Caption], rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
        """`bleu1` to `bleu4`, `cider` and `most_frequent`: see `seqcore.metrics.caption_scores`."""
        return caption_scores([one.text for one in predictions], [row["captions"] for row in rows])

    def _search(self, beam_size: int, n_best: int | None, generation: Mapping[str, Any]) -> GenerationConfig:
        limit = self.config.max_length
        n_best = usual_n_best(n_best, beam_size, generation)
        settings = {"length_penalty": 1.0, "min_length": 1, "max_length": limit, **generation}
        check_int("max_length", settings["max_length"], 0)
        settings |= {"max_length": min(settings["max_length"], limit), "beam_size": beam_size, "n_best": n_best}
        return generation_config(self.tokenizer, settings, (self.tokenizer.unk_id, self.tokenizer.bos_id))

    @torch.inference_mode()
    def _write(self, grid: Tensor, config: GenerationConfig) -> list[Caption]:
        start = torch.full((len(grid),), self.tokenizer.bos_id, device=grid.device)
        with refusals():
            hypotheses = search(self.network.decoder.step, self.network.start(grid), start, config)
        answers = []
        for several in hypotheses:
            best, *others = map(self._caption, several)
            answers.append(replace(best, alternatives=tuple(others)))
        return answers

    def _caption(self, hypothesis: Hypothesis) -> Caption:
        attention, shape = hypothesis.attention, self.network.encoder.grid_shape
        return Caption(
            text=sentence(self.tokenizer.decode(hypothesis.tokens)),
            tokens=self.tokenizer.ids_to_tokens(hypothesis.tokens),
            token_probabilities=tuple(math.exp(value) for value in hypothesis.token_log_probabilities),
            score=hypothesis.score,
            attention=torch.zeros(0, *shape) if attention is None else attention.unflatten(1, shape),
        )


def plain(text: str) -> str:
    """A caption as the decoder learns it: its words, in small letters, with no punctuation."""
    words = re.findall(r"[\w'’-]+", text.lower())
    return " ".join(word for word in (each.strip("-") for each in words) if word)


def self_critical(captioner: Captioner, rows: Sequence[Mapping[str, Any]], samples: int = 5) -> list[Mapping[str, Any]]:
    """Let a captioner train for CIDEr-D on these rows; give them the numbers by which their captions are found."""
    captioner.reward = Reward([row["captions"] for row in rows], samples)
    return [{**row, "captions": NumberedCaptions(row["captions"], number)} for number, row in enumerate(rows)]
