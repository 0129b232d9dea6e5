"""Self-critical training: captions are drawn at random, and those that score above the others become likelier."""

from collections.abc import Sequence

import torch
from torch import Tensor

from seqcore.batching import padded
from seqcore.decoding import sample
from seqcore.decoding.sampling import new_generator
from seqcore.metrics import CiderD, caption_words
from seqcore.nn import without_dropout
from seqcore.tasks.base import Loss
from seqcore.tasks.captioning.network import CaptioningNetwork
from seqcore.tasks.search import generation_config
from seqcore.text import Tokenizer

END = "</s>"  # counts as a word: a caption that stops in the middle lacks the n-grams with which captions end


class Reward:
    """CIDEr-D of sampled captions, beside the mean of the other samples of their image (Rennie 2017; Luo 2020).

    Args:
        references: of each training image, the captions that people wrote.
        samples: captions drawn for an image and step.
    """

    def __init__(self, references: Sequence[Sequence[str]], samples: int = 5) -> None:
        self.samples = samples
        self._cider = CiderD([[[*caption_words(text), END] for text in captions] for captions in references])

    def loss(
        self, network: CaptioningNetwork, tokenizer: Tokenizer, max_length: int, grid: Tensor, numbers: Sequence[int]
    ) -> Loss:
        """The policy gradient of fresh samples; they are rescored by one fused pass, dropout off.

        Args:
            max_length: tokens of a sample at most.
            grid: (B, S, D)
            numbers: of the images, B of them.
        """
        settings = {"do_sample": True, "n_best": self.samples, "max_length": max_length}
        config = generation_config(tokenizer, settings, (tokenizer.unk_id, tokenizer.bos_id))
        start = torch.full((len(grid),), tokenizer.bos_id, device=grid.device)
        with without_dropout(network):
            with torch.no_grad():
                samples = sample(network.decoder.step, network.start(grid), start, config, _generator(grid.device))
            drawn = [(*each.tokens, *[tokenizer.eos_id] * each.finished) for image in samples for each in image]
            words = [
                [*caption_words(tokenizer.decode(each.tokens)), *[END] * each.finished]
                for image in samples
                for each in image
            ]
            images = [number for number in numbers for _ in range(self.samples)]
            scores = torch.tensor([self._cider.score(*pair) for pair in zip(images, words, strict=True)])
            target = torch.tensor(padded([(tokenizer.bos_id, *tokens) for tokens in drawn], tokenizer.pad_id))
            rows = torch.arange(len(grid)).repeat_interleave(self.samples)
            place = grid.device
            return network.reinforce(grid, target.to(place), rows.to(place), self.advantages(scores).to(place))

    def advantages(self, scores: Tensor) -> Tensor:
        """(B · samples,) → how much better each is than the mean of the others of its image."""
        groups = scores.view(-1, self.samples)
        others = (groups.sum(1, keepdim=True) - groups) / (self.samples - 1)
        return (groups - others).flatten()


def _generator(device: torch.device) -> torch.Generator:
    """What samples are drawn with: that of dropout, or on a GPU one that it seeds, so that resumed runs draw alike."""
    if device.type == "cpu":
        return torch.default_generator
    return new_generator(device, int(torch.randint(2**62, ())))
