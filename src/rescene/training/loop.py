"""A plain training loop: objectives in, trained weights out. It may stop anywhere and go on as if it hadn't.

Several processes, started by `accelerate launch`, each draw their own noise and share their gradients.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn

from ..progress import Progress, quiet
from ..sampling.noise import generator
from .folder import TrainingFolder
from .losses import Loss
from .processes import processes, shared
from .settings import TrainingSettings

Objective = Callable[[torch.Generator], AbstractContextManager[Tensor]]
"""Draws at random, and opens a block in which its loss is computed backwards: under gradient checkpointing
the network runs again there, and needs the hooks that it ran with."""
LARGEST_GRADIENT = 1.0
"""The norm that all gradients together are scaled down to."""
MOMENTS = (0.9, 0.999)
WEIGHT_DECAY = 0.01


def train(
    weights: Mapping[str, nn.Parameter],
    objectives: Mapping[str, Objective],
    settings: TrainingSettings,
    *,
    progress: Progress = quiet,
    folder: TrainingFolder | None = None,
    at_checkpoint: Callable[[int], None] | None = None,
) -> list[Loss]:
    """Trains `weights` in place, all of which the objectives' networks must use.

    Args:
        weights: What is trained, by name. Weights of half precision are trained through copies in float32.
        objectives: By name. A step takes each in turn, and each moves the weights.
        settings: How long and how.
        progress: Reports the steps.
        folder: Where to keep checkpoints and losses, or where they lie already.
        at_checkpoint: Called with the number of steps done whenever a checkpoint has been written.

    Returns:
        All losses, those of the run that is resumed included.

    Raises:
        FloatingPointError: If a loss or a gradient is NaN or infinite.
        ValueError: If the folder belongs to another training, or a longer one.
    """
    state, trainer = processes(), Trainer(weights, settings)
    losses = trainer.resume(folder) if folder else []
    if trainer.step > settings.length:
        raise ValueError(f"{trainer.step} steps are done, and {settings.length} were asked for; ask for more")
    todo = range(trainer.step, settings.length)
    for step in progress(todo, description="Training", total=len(todo)):
        for name, objective in objectives.items():
            draw = generator(settings.seed, "training", step, name, state.process_index)
            with objective(draw) as loss:
                value, gradient = trainer.move(loss, f"{name}, step {step + 1}")
            losses.append(Loss(step + 1, name, value, gradient))
        trainer.step = step + 1
        is_due = trainer.step % settings.checkpoint_every == 0 or trainer.step == settings.length
        if folder and is_due and state.is_main_process:
            folder.save(trainer.tensors(), step=trainer.step, scaling=trainer.scaling, losses=losses)
            if at_checkpoint:
                with torch.no_grad():
                    at_checkpoint(trainer.step)
        state.wait_for_everyone()
    return losses


class Trainer:
    """Weights, the optimiser's moments, and how many steps were taken."""

    def __init__(self, weights: Mapping[str, nn.Parameter], settings: TrainingSettings):
        self.step, self.weights = 0, dict(weights)
        # Steps of 1e-5 vanish in half precision. Weights of full precision are their own masters.
        self.masters = {
            name: weight if weight.dtype == torch.float32 else nn.Parameter(weight.detach().float())
            for name, weight in self.weights.items()
        }
        self.optimiser = make_optimiser(list(self.masters.values()), settings)
        first = next(iter(self.weights.values()))
        # Small gradients vanish in float16, so the loss is scaled up.
        self.scaler = torch.amp.GradScaler(first.device.type, enabled=first.dtype == torch.float16)

    def move(self, loss: Tensor, where: str) -> tuple[float, float]:
        """One step of the optimiser; returns the loss and the norm of its gradient."""
        value = shared(loss.detach().float()).item()
        self.scaler.scale(loss).backward()
        for name, weight in self.weights.items():
            if weight.grad is not None:
                gradient, weight.grad = weight.grad, None
                self.masters[name].grad = shared(gradient.float())
        self.scaler.unscale_(self.optimiser)
        norm = nn.utils.clip_grad_norm_(self.masters.values(), LARGEST_GRADIENT).item()
        # A gradient too large for float16 only makes the scaler skip the step and scale less.
        finite = torch.tensor([value] if self.scaler.is_enabled() else [value, norm]).isfinite().all()
        if not finite:
            raise FloatingPointError(
                f"the loss became {value:.3g} and its gradient {norm:.3g} ({where}) in "
                f"{next(iter(self.weights.values())).dtype}; try a lower learning rate, bfloat16 or float32"
            )
        self.scaler.step(self.optimiser)
        self.scaler.update()
        self.optimiser.zero_grad(set_to_none=True)
        self._round()
        return value, norm

    def tensors(self) -> dict[str, Tensor]:
        """All that a resumed training needs, as `weight.NAME`, and as `MOMENT.NAME` for the optimiser."""
        found = {f"weight.{name}": master.detach() for name, master in self.masters.items()}
        for name, master in self.masters.items():
            moments = self.optimiser.state.get(master, {})
            found |= {f"{moment}.{name}": torch.as_tensor(value) for moment, value in moments.items()}
        return found

    @property
    def scaling(self) -> dict[str, Any]:
        """How the loss is scaled; empty unless training in float16."""
        return self.scaler.state_dict()

    @torch.no_grad()
    def resume(self, folder: TrainingFolder) -> list[Loss]:
        """Takes a folder's last checkpoint up, if it has one to resume from; returns the losses so far."""
        if (found := folder.load()) is None:
            return []
        for key, tensor in found.tensors.items():
            kind, _, name = key.partition(".")
            master = self.masters[name]
            if kind == "weight":
                master.copy_(tensor)
            elif tensor.ndim == 0:  # The count of steps, which torch keeps as a tensor on the CPU.
                self.optimiser.state[master][kind] = tensor if tensor.is_floating_point() else tensor.item()
            else:
                self.optimiser.state[master][kind] = tensor.to(master.device)
        if found.scaling:
            self.scaler.load_state_dict(found.scaling)
        self.step = found.step
        self._round()
        return found.losses

    @torch.no_grad()
    def _round(self) -> None:
        for name, weight in self.weights.items():
            if self.masters[name] is not weight:
                weight.copy_(self.masters[name])


def make_optimiser(weights: list[nn.Parameter], settings: TrainingSettings) -> torch.optim.Optimizer:
    """AdamW (Loshchilov and Hutter, 2019), its moments in 8 bits if asked for (Dettmers et al., 2022)."""
    # bitsandbytes is optional.
    eight_bit = settings.eight_bit and import_module("bitsandbytes.optim").AdamW8bit
    return (eight_bit or torch.optim.AdamW)(
        weights, lr=settings.rate, betas=MOMENTS, weight_decay=WEIGHT_DECAY
    )
