"""How to train: one dataclass that YAML files and flags fill."""

from dataclasses import dataclass

from seqcore.errors import SettingsError


@dataclass(frozen=True)
class TrainingSettings:
    """Settings of `seqcore.training.fitting`, the same for every task.

    Attributes:
        epochs: passes over the data at most; the learning rate decays towards the last.
        epoch_steps: steps an epoch, for data so large that it is to be validated within a pass; 0 makes it a pass.
        batch_tokens: the token budget of a step, over all processes together.
        batch_rows: the most examples of a step, however short; 0 is any number.
        bptt: steps that a gradient goes back, for stateful tasks (truncated BPTT, Williams & Peng 1990).
        learning_rate: its peak, for AdamW (Loshchilov & Hutter 2019) or whatever optimizer `fit` is given.
        layer_decay: the learning rate of each layer, as a part of that of the layer above (Howard & Ruder 2018).
        unfreeze_steps: steps after which one more layer is trained, from the output down; 0 trains all at once.
        warmup_steps: steps of linear rise to the peak; a cosine falls from there to zero.
        weight_decay: of AdamW, on matrices only.
        clip: the largest gradient norm; larger ones are scaled down to it (Pascanu 2013). 0 is off.
        precision: as Lightning names it, `bf16-mixed` or `32-true`.
        validate_every: epochs between validations.
        patience: validations without a better score before training stops.
        average: so many of the best checkpoints are averaged at the end, if that is better on validation.
        save_every: steps between resumable checkpoints.
        seed: of weights, dropout and data order.
        accelerator, devices, num_nodes: as Lightning names them.
        threads: of the CPU, for each process; 0 leaves torch's choice.
        workers: processes that make batches beside each one that trains, where those hold pictures or films that are
            opened for it; 0 makes them where they are trained on, which is as fast for texts.
        progress: show a progress bar on a terminal; without it, a line for every validation is printed.
    """

    epochs: int = 30
    epoch_steps: int = 0
    batch_tokens: int = 2000
    batch_rows: int = 0
    bptt: int = 70
    learning_rate: float = 2e-3
    layer_decay: float = 1.0
    unfreeze_steps: int = 0
    warmup_steps: int = 400
    weight_decay: float = 0.01
    clip: float = 1.0
    precision: str = "bf16-mixed"
    validate_every: int = 1
    patience: int = 10
    average: int = 5
    save_every: int = 200
    seed: int = 1
    accelerator: str = "auto"
    devices: int = 1
    num_nodes: int = 1
    threads: int = 0
    workers: int = 0
    progress: bool = True

    def __post_init__(self) -> None:
        at_least_one = ("epochs", "batch_tokens", "bptt", "validate_every", "patience", "average", "save_every")
        for least, names in (
            (1, (*at_least_one, "devices", "num_nodes")),
            (
                0,
                (
                    "epoch_steps",
                    "batch_rows",
                    "unfreeze_steps",
                    "warmup_steps",
                    "weight_decay",
                    "clip",
                    "seed",
                    "threads",
                    "workers",
                ),
            ),
        ):
            for name in names:
                if not getattr(self, name) >= least:
                    raise SettingsError(f"training.{name} must be at least {least}, but is {getattr(self, name)}")
        if not 0 < self.layer_decay <= 1:
            raise SettingsError(f"training.layer_decay must be above 0 and at most 1, but is {self.layer_decay}")
        if not self.learning_rate > 0:
            raise SettingsError(f"training.learning_rate must be greater than 0, but is {self.learning_rate}")
