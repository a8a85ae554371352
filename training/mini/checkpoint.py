"""The state of a training: the networks' weights, their running average, the optimiser."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, distributed, nn


@dataclass
class Run:
    """Everything that a resumed training needs."""

    networks: Mapping[str, nn.Module]
    rate: float
    step: int = 0
    seconds: float = 0.0
    average: dict[str, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.optimiser = torch.optim.AdamW(
            self.parameters(), lr=self.rate, betas=(0.9, 0.99), weight_decay=0.01, fused=True
        )
        self.average = {name: value.clone() for name, value in self.named()}

    def parameters(self) -> list[nn.Parameter]:
        """All trained tensors."""
        return [p for network in self.networks.values() for p in network.parameters()]

    def named(self) -> list[tuple[str, Tensor]]:
        """The same with names, outside the graph."""
        return [
            (f"{part}.{name}", p.data)
            for part, network in self.networks.items()
            for name, p in network.named_parameters()
        ]

    def use_average(self) -> None:
        """Replaces the weights by their running average, for export."""
        for name, value in self.named():
            value.copy_(self.average[name])

    def gradients(self, loss: Tensor) -> None:
        """Gradients, averaged over all processes so that these stay the same."""
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        if not distributed.is_initialized():
            return
        gradients = [p.grad for p in self.parameters() if p.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        distributed.all_reduce(flat)
        flat /= distributed.get_world_size()
        sizes = [gradient.numel() for gradient in gradients]
        for gradient, mean in zip(gradients, flat.split(sizes), strict=True):
            gradient.copy_(mean.view_as(gradient))

    def update(self, rate: float) -> None:
        """One step of the optimiser and of the running average."""
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        nn.utils.clip_grad_norm_(self.parameters(), 1.0, foreach=True)
        self.optimiser.step()
        self.step += 1
        keep = min(0.999, (1 + self.step) / (10 + self.step))
        values = [value for _, value in self.named()]
        torch._foreach_lerp_(list(self.average.values()), values, 1 - keep)

    def save(self, folder: Path) -> None:
        """Replaces the checkpoint in one move, so that a reader never sees half of it."""
        folder.mkdir(parents=True, exist_ok=True)
        tensors = {"weight." + name: value.contiguous() for name, value in self.named()}
        tensors |= {"average." + name: value.contiguous() for name, value in self.average.items()}
        for (name, _), p in zip(self.named(), self.parameters(), strict=True):
            moments = self.optimiser.state.get(p, {})
            for key in ("exp_avg", "exp_avg_sq"):
                if key in moments:
                    tensors[f"{key}.{name}"] = moments[key].contiguous()
        save_file(tensors, folder / "state.tmp")
        os.replace(folder / "state.tmp", folder / "state.safetensors")
        state = {"step": self.step, "seconds": self.seconds}
        (folder / "state.json").write_text(json.dumps(state))

    @torch.no_grad()
    def load(self, folder: Path) -> None:
        """Continues from a checkpoint."""
        state = json.loads((folder / "state.json").read_text())
        self.step, self.seconds = state["step"], state["seconds"]
        tensors = load_file(folder / "state.safetensors")
        for (name, value), p in zip(self.named(), self.parameters(), strict=True):
            value.copy_(tensors["weight." + name])
            self.average[name].copy_(tensors["average." + name])
            # In the memory format of the weights: the fused optimiser walks through both as they lie there.
            moments = {
                key: torch.empty_like(p).copy_(tensors[f"{key}.{name}"]) for key in ("exp_avg", "exp_avg_sq")
            }
            self.optimiser.state[p] = {"step": torch.tensor(float(self.step), device=p.device), **moments}
