"""The end of a run: the weights are chosen, what they lack is set, and they are saved."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import lightning
import torch

from seqcore.checkpoint import TRAINING
from seqcore.errors import CheckpointError
from seqcore.tasks.base import Task
from seqcore.training.averaging import load_best_weights, select_best_weights
from seqcore.training.processes import others_may_be_lost
from seqcore.training.stopping import StopSignals


class Ending:
    """Makes a checkpoint of the best that a run has reached, whether it has come to its end or was interrupted.

    Args:
        checkpoints: the score of each of the best checkpoints by its path.
        validation: the rows that choose among them.
        output: folder of the checkpoint.
    """

    def __init__(
        self,
        task: Task,
        trainer: lightning.Trainer,
        checkpoints: Mapping[str, Any],
        validation: Sequence[Mapping[str, Any]],
        output: Path,
    ) -> None:
        self.task, self.trainer, self.checkpoints = task, trainer, checkpoints
        self.validation, self.output = validation, output

    def finish(self, signals: StopSignals, interrupted: bool) -> tuple[Mapping[str, float], int, bool]:
        """The scores of the weights, of how many checkpoints they are the average, and whether a signal came before.

        Raises:
            CheckpointError: the folder cannot be written.
            KeyboardInterrupt: a second signal came before anything was saved.
        """
        signals.take()  # Where Lightning came to no proper end, it still has some.
        self.task.to(self.trainer.strategy.root_device)  # Lightning leaves it on the CPU.
        if not interrupted:
            try:
                scores, averaged = self._select()
                if self.trainer.world_size > 1:
                    with others_may_be_lost(self.output / TRAINING / "last.ckpt"):
                        torch.distributed.barrier()  # The first process moves the folder that the others still read.
            except KeyboardInterrupt:
                pass
            else:
                with signals.held():
                    self._save()
                return scores, averaged, False
        return *self._save_soon(), True

    def _select(self) -> tuple[Mapping[str, float], int]:
        if len(self.checkpoints) > 1:
            self._say(f"the average of the best {len(self.checkpoints)} checkpoints is scored")
        return select_best_weights(self.task, self.checkpoints, self.validation)

    def _save_soon(self) -> tuple[Mapping[str, float], int]:
        """Save the single best checkpoint, and only then see whether an average is better: there may be no time.

        Only the first process does, for others may have been stopped elsewhere, and would wait for it.
        """
        if not self.trainer.is_global_zero:
            return {}, 0
        scores = load_best_weights(self.task, self.checkpoints)
        if not scores:
            return {}, 0
        self._say("stopping: the best checkpoint is saved first; a second signal, such as Ctrl-C, ends at once")
        self._save()
        if len(self.checkpoints) == 1:
            return scores, 1
        try:
            of_chosen, averaged = self._select()
            if averaged > 1:
                self._save()
        except KeyboardInterrupt:
            return load_best_weights(self.task, self.checkpoints), 1
        return of_chosen, averaged

    def _save(self) -> None:
        self.task.finish_training(self.validation)
        try:
            if self.trainer.is_global_zero:
                self.task.save_pretrained(self.output, dtype=torch.float16)
        except CheckpointError as error:
            raise CheckpointError(
                f"{error}. What was trained is kept in {self.output / TRAINING}: mend this and run the same command "
                "with --resume"
            ) from error

    def _say(self, text: str) -> None:
        if self.trainer.is_global_zero:
            print(text, file=sys.stderr, flush=True)
