"""The folder of a training: its last checkpoint, its losses and their curve."""

import csv
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import Tensor

from ..backbones.tensors import refuse_unusable, write_tensors
from ..fields import read_text
from ..video.files import replacing
from .losses import Loss, curve

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Checkpoint:
    """What `TrainingFolder.save` kept."""

    tensors: dict[str, Tensor]
    step: int
    scaling: dict[str, Any]
    losses: list[Loss]


@dataclass(frozen=True, kw_only=True)
class TrainingFolder:
    """Keeps what a training needs to go on, and shows how it went."""

    path: Path
    config: Mapping[str, object]
    """All that decides the result but how long it takes, as JSON values: a resumed training must have the
    same."""
    resume: bool = False
    """Whether to go on from the checkpoint that is there."""
    overwrite: bool = False
    """Whether a checkpoint that is there may be lost."""

    @property
    def checkpoint(self) -> Path:
        """Weights and the optimiser's moments after the last steps that were kept."""
        return self.path / "checkpoint.safetensors"

    def at(self, step: int, suffix: str) -> Path:
        """Where to leave something that was made after `step` steps."""
        return self.path / f"step-{step:05}{suffix}"

    def check(self) -> None:
        """Looks for all mistakes that show without training.

        Raises:
            FileNotFoundError: If there is nothing to resume.
            FileExistsError: If there is a checkpoint that nobody wants to resume.
            ValueError: If it belongs to a training with other settings, or is damaged.
        """
        if self.resume and not self.checkpoint.is_file():
            raise FileNotFoundError(f"there is nothing to resume in {self.path}: it has no checkpoint")
        if self.resume:
            self._header()
        elif self.checkpoint.exists() and not self.overwrite:
            raise FileExistsError(
                f"{self.path} has a checkpoint: resume from it, name another result, or allow overwriting"
            )

    def save(
        self, tensors: Mapping[str, Tensor], *, step: int, scaling: Mapping[str, Any], losses: Sequence[Loss]
    ) -> None:
        """Replaces the last checkpoint in one move, so that a run stopped in the middle leaves it whole."""
        self.path.mkdir(parents=True, exist_ok=True)
        header = {"config": dict(self.config), "step": step, "scaling": dict(scaling)}
        # Moments may share memory, which the format doesn't take.
        own = {name: tensor.contiguous().cpu().clone() for name, tensor in tensors.items()}
        table = StringIO(newline="")
        csv.writer(table).writerows([Loss._fields, *losses])
        for name, text in (("losses.csv", table.getvalue()), ("losses.svg", curve(losses))):
            with replacing(self.path / name, folder=False, room=len(text)) as temporary:
                temporary.write_text(text, encoding="utf-8", newline="")
        write_tensors(self.checkpoint, own, {"training": json.dumps(header)})

    def load(self) -> Checkpoint | None:
        """The last checkpoint; None if training starts anew.

        Raises:
            FileNotFoundError, ValueError: As `check`.
        """
        self.check()
        if not self.resume:
            return None
        header = self._header()
        with safe_open(self.checkpoint, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        refuse_unusable(self.checkpoint, tensors)
        step = int(header["step"])
        return Checkpoint(
            tensors, step, header["scaling"], [each for each in self._losses() if each.step <= step]
        )

    def _losses(self) -> list[Loss]:
        """The rows that are whole: a log that was damaged keeps nobody from going on."""
        losses: list[Loss] = []
        try:
            lines = read_text(self.path / "losses.csv").splitlines(keepends=True)
            whole = [line for line in lines if line.endswith("\n")]
            rows = list(csv.reader([*whole, *["cut"] * (len(lines) - len(whole))]))[1:]
        except (OSError, ValueError, csv.Error) as error:
            log.warning("the losses so far can't be read: %s", error)
            return losses
        for row in rows:
            try:
                step, name, loss, norm = row
                losses.append(Loss(int(step), name, float(loss), float(norm)))
            except ValueError:
                log.warning("%s has a row that is cut; it is left out", self.path / "losses.csv")
        return losses

    def _header(self) -> dict[str, Any]:
        """The checkpoint's notes, after making sure that it belongs to this training."""
        try:
            with safe_open(self.checkpoint, framework="pt") as file:
                header = json.loads((file.metadata() or {})["training"])
            _ = header["config"].items(), header["scaling"].items(), int(header["step"])
        except (SafetensorError, KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
            raise ValueError(f"{self.checkpoint} is no checkpoint of a training, or is damaged") from error
        before, now = header["config"], json.loads(json.dumps(dict(self.config)))
        changed = [
            f"{name} was {before.get(name)!r} and is {now.get(name)!r}"
            for name in {**before, **now}
            if before.get(name) != now.get(name)
        ]
        if changed:
            raise ValueError(
                f"{self.path} belongs to a training with other settings: {'; '.join(changed)}. Give the "
                "same, or name another result"
            )
        return header
