"""How to train: one dataclass that YAML files and flags fill."""

from typing import Annotated, Literal

from pydantic import Field

from seqcore.errors import SettingsError
from seqcore.validation import Count, NonNegative, Positive, Size, settings


@settings(SettingsError, prefix="training.")
class TrainingSettings:
    """Settings of `seqcore.training.fitting`, the same for every task.

    Attributes:
        epochs: passes over the data at most; the learning rate decays towards the last.
        minutes: how long to train, over all sessions of a run, validations included; the learning rate then follows the
            clock, and `epochs` is no limit. What is done at the end, such as averaging, comes on top. 0 is off.
        epoch_steps: steps an epoch, for data so large that it is to be validated within a pass; 0 makes it a pass.
        batch_tokens: the token budget of a step, over all processes together.
        batch_rows: the most examples of a step, however short; 0 is any number.
        bptt: steps that a gradient goes back, for stateful tasks (truncated BPTT, Williams & Peng 1990).
        learning_rate: its peak, for AdamW (Loshchilov & Hutter 2019) or whatever optimizer `fit` is given.
        layer_decay: the learning rate of each layer, as a part of that of the layer above (Howard & Ruder 2018).
        unfreeze_steps: steps after which one more layer is trained, from the output down; 0 trains all at once.
        warmup_steps: steps of linear rise to the peak; a cosine falls from there to zero. With `minutes`, the rise
            takes a tenth of them at most, and the fall is linear in time (budgeted training, Li 2020).
        weight_decay: of AdamW, on matrices only.
        clip: the largest gradient norm; larger ones are scaled down to it (Pascanu 2013). 0 is off.
        precision: as Lightning names it, `bf16-mixed`, `16-mixed` or `32-true`; `auto` is `bf16-mixed` on processors
            and GPUs with instructions for it, else `32-true`. On a GPU, our LSTMs stay in single precision whatever it
            is, in TF32 where the card has it: see `seqcore.nn.precision`. `16-mixed` scales its loss.
        validate_every: epochs between validations.
        validate_minutes: minutes between validations, and one at the end, in place of `validate_every`; 0 is off.
        patience: validations without a better score before training stops.
        average: so many of the best checkpoints are averaged at the end, if that is better on validation.
        save_every: steps between resumable checkpoints, besides those of every epoch; 0 leaves it to `save_minutes`.
        save_minutes: minutes between resumable checkpoints. The first validation and the end are always saved.
        seed: of weights, dropout and data order.
        accelerator: as Lightning names it, `cpu` or `gpu`.
        devices: processes that train together on this computer; torchrun and SLURM say it themselves.
        num_nodes: computers that do; something has to start processes on each of them.
        threads: of the CPU, for each process; 0 leaves torch's choice, one a core, the fastest on a machine that
            does nothing else; beside a busy neighbour 1 is faster (docs/scale.md, "Threads").
        workers: processes that make batches beside each one that trains; 0 makes them where they are trained on. `auto`
            is 0, but as many as the other cores where files are opened or films made for a device that is not the CPU.
        progress: show a progress bar on a terminal; without it, a line for every validation is printed.
    """

    epochs: Size = 30
    minutes: NonNegative = 0.0
    epoch_steps: Count = 0
    batch_tokens: Size = 2000
    batch_rows: Count = 0
    bptt: Size = 70
    learning_rate: Positive = 2e-3
    layer_decay: Annotated[float, Field(gt=0, le=1)] = 1.0
    unfreeze_steps: Count = 0
    warmup_steps: Count = 400
    weight_decay: NonNegative = 0.01
    clip: NonNegative = 1.0
    precision: str = "auto"
    validate_every: Size = 1
    validate_minutes: NonNegative = 0.0
    patience: Size = 10
    average: Size = 5
    save_every: Count = 0
    save_minutes: NonNegative = 1.0
    seed: Count = 1
    accelerator: str = "auto"
    devices: Size = 1
    num_nodes: Size = 1
    threads: Count = 0
    workers: Count | Literal["auto"] = "auto"
    progress: bool = True
