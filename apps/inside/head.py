"""One linear layer over the features of an image: what is left of a network where there is no sequence."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

_STEPS, _LEARNING_RATE, _WEIGHT_DECAY = 150, 0.01, 1e-3


@dataclass(frozen=True, eq=False)
class Head:
    """Features (N, D) → the probabilities of C labels.

    Attributes:
        labels: their names.
        mean, scale: (D,), what features are standardised by.
        weight, bias: (C, D) and (C,).
    """

    labels: tuple[str, ...]
    mean: Tensor
    scale: Tensor
    weight: Tensor
    bias: Tensor

    def probabilities(self, features: Tensor) -> Tensor:
        """(N, D) → (N, C)."""
        return ((features - self.mean) / self.scale @ self.weight.T + self.bias).softmax(1)

    def accuracy(self, features: Tensor, named: Sequence[str]) -> float:
        """The part of features (N, D) whose likeliest label is the right one."""
        likeliest = self.probabilities(features).argmax(1).tolist()
        return sum(self.labels[index] == name for index, name in zip(likeliest, named, strict=True)) / len(named)


def train_head(features: Tensor, named: Sequence[str]) -> Head:
    """Multinomial logistic regression on features (N, D) and their labels, from zero: the result is always the same."""
    labels = tuple(dict.fromkeys(named))
    wanted = torch.tensor([labels.index(name) for name in named])
    mean, scale = features.mean(0), features.std(0) + 1e-3
    read = (features - mean) / scale
    weight = torch.zeros(len(labels), features.shape[1], requires_grad=True)
    bias = torch.zeros(len(labels), requires_grad=True)
    optimizer = torch.optim.AdamW([weight, bias], _LEARNING_RATE, weight_decay=_WEIGHT_DECAY)
    for _ in range(_STEPS):
        optimizer.zero_grad()
        nn.functional.cross_entropy(read @ weight.T + bias, wanted).backward()
        optimizer.step()
    return Head(labels, mean, scale, weight.detach(), bias.detach())
