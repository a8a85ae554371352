"""Motion LoRA (I2VEdit, Ouyang et al., 2024): how one clip moves, learnt by a video model's temporal blocks.

The layers are peft's. They go into the network for the length of a `with` block, the network's own layers
come back after it. Files are what diffusers writes for LoRAs: `unet.MODULE.lora_A.weight`, peft's
configuration in the header.
"""

import json
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from ...attention import AttentionControl
from ..backbone import Backbone
from ..stable_video import StableVideo
from ..tensors import write_tensors
from .motion_lora_file import BASE, HEADER, LoRAFile, read_lora
from .weights import put

if TYPE_CHECKING:
    from peft import LoraConfig

ADAPTER = "motion"
LINEAR = r"ff(_in)?\.net\.(0\.proj|2)|attn1\.to_(q|k|v|out\.0)|attn2\.to_(v|out\.0)"
TARGETS = rf".*temporal_transformer_blocks\.\d+\.({LINEAR})"
"""All linear layers of the temporal blocks, but for those that can't matter: attention to the one token of
the picture is the same whatever asks, so that the queries and keys of `attn2` have no gradient."""


@dataclass(frozen=True, eq=False)
class MotionLoRA:
    """Low-rank changes (Hu et al., ICLR 2022) to some layers of one network."""

    config: "LoraConfig"
    layers: Mapping[str, Any]
    """peft's layers around the network's, by the name of the module that each replaces."""
    base: str | None
    """The model that it was trained for, see `StableVideo.base`; None if nobody knows."""
    skip: int = 0
    """How many branches, from the first on, stay as they are: the source's."""

    @classmethod
    def fresh(cls, model: Backbone, *, rank: int, dropout: float, seed: int) -> "MotionLoRA":
        """Changes nothing until trained: W + B A with B zero and A of standard deviation 1 / rank.

        Args:
            model: The model that it is for.
            rank: Of the changes.
            dropout: Share of the inputs that are dropped in training.
            seed: Of the random weights.
        """
        from peft import LoraConfig  # Here, as it takes seconds, and most edits need no LoRA.

        config = LoraConfig(
            r=rank,
            lora_alpha=rank,
            lora_dropout=dropout,
            target_modules=TARGETS,
            init_lora_weights="gaussian",
        )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return cls(config, _wrapped(model, config), video_model(model).base)

    @classmethod
    def load(cls, path: str | Path, model: Backbone, *, weight: float = 1.0) -> "MotionLoRA":
        """Reads a file of diffusers or peft.

        Args:
            path: The file.
            model: The model that it is for.
            weight: How strongly it is to hold: 0 not at all, 1 as trained.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it isn't a LoRA in safetensors, or was made for another model.
        """
        from peft import LoraConfig

        file = read_lora(Path(path))
        refuse_unfit(file, model)
        if file.base is not None and not same_base(file.base, video_model(model).base):
            raise ValueError(
                f"the motion LoRA {path} was trained for another model of this shape; name that model, or "
                "train one for this model with `rescene train motion-lora`"
            )
        modules = sorted({name.rpartition(".lora_")[0] for name in file.shapes})
        rank = next(shape[0] for name, shape in file.shapes.items() if name.endswith("lora_A.weight"))
        # It scales as a factor, and need not be whole, as peft says.
        alpha: Any = file.alpha or rank
        config = LoraConfig(r=rank, lora_alpha=alpha, target_modules=modules)
        found = cls(config, _wrapped(model, config), file.base)
        with torch.no_grad():
            for name, own in found.weights().items():
                own.copy_(file.tensors[name])
        found.freeze()
        for layer in found.layers.values():
            layer.set_scale(ADAPTER, weight)
        return found

    def weights(self) -> dict[str, nn.Parameter]:
        """What is trained: `MODULE.lora_A.weight` and `MODULE.lora_B.weight`."""
        return {
            f"{name}.{part}.weight": getattr(layer, part)[ADAPTER].weight
            for name, layer in self.layers.items()
            for part in ("lora_A", "lora_B")
        }

    def freeze(self) -> None:
        """Ends the training: nothing is dropped any more, and no gradients are wanted."""
        for weight in self.weights().values():
            weight.requires_grad_(False)
        for layer in self.layers.values():
            layer.eval()

    def save(self, path: Path) -> None:
        """Writes a file that diffusers and peft read, in one go."""
        settings = {
            f"unet.{name}": sorted(value) if isinstance(value, set) else value
            for name, value in self.config.to_dict().items()
        }
        tensors = {f"unet.{name}": weight.detach().cpu().clone() for name, weight in self.weights().items()}
        about = {"format": "pt", HEADER: json.dumps(settings, default=str)}
        write_tensors(path, tensors, {**about, **({BASE: self.base} if self.base else {})})

    @contextmanager
    def on(self, control: AttentionControl) -> Generator[None]:
        """See `Change`. The network must be that which it was made or read for."""

        def only_later(_: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
            output[: len(output) // control.now.branches * self.skip] = 0
            return output

        with ExitStack() as undo:
            for name, layer in self.layers.items():
                undo.callback(put, control.network, name, layer.base_layer)
                put(control.network, name, layer)
                if self.skip:
                    undo.enter_context(layer.lora_B[ADAPTER].register_forward_hook(only_later))
            yield


def same_base(base: str, other: str) -> bool:
    """Whether two models may be the same: one rounded to bfloat16 can't be told from others."""
    return base == other or base.partition(":")[0] != other.partition(":")[0]


def check(path: str | Path, model: Backbone) -> None:
    """Makes sure that a LoRA is there and fits a model, which may lack its weights; reads none.

    Raises:
        FileNotFoundError, ValueError: As `MotionLoRA.load`.
    """
    refuse_unfit(read_lora(Path(path), weights=False), model)


def refuse_unfit(file: LoRAFile, model: Backbone) -> None:
    """Raises ValueError if a LoRA was made for another kind of model."""
    network = video_model(model).unet
    for name, shape in file.shapes.items():
        module, _, part = name.rpartition(".lora_")
        try:
            wanted = network.get_submodule(module).weight.shape
        except AttributeError:
            wanted = (0, 0)
        side = 1 if part.startswith("A") else 0
        if len(shape) != 2 or shape[side] != wanted[side]:
            raise ValueError(
                f"the motion LoRA {file.path} was made for another kind of model: {module} is of another "
                "shape or missing here; name the model that it was trained for"
            )


def video_model(model: Backbone) -> StableVideo:
    """The model, if it is one that these LoRAs are for.

    Raises:
        ValueError: If it isn't.
    """
    if not isinstance(model, StableVideo):
        raise ValueError(f"motion LoRAs are for {StableVideo.title}, and this model is {model.title}")
    return model


def _wrapped(model: Backbone, config: "LoraConfig") -> dict[str, Any]:
    """The layers of peft for a network, which is as before afterwards."""
    from peft import inject_adapter_in_model

    network: Any = inject_adapter_in_model(config, video_model(model).unet, ADAPTER)
    layers = {
        name: module
        for name, module in network.named_modules()
        if hasattr(module, "lora_A") and module.lora_A
    }
    for name, layer in layers.items():
        for part in (layer.lora_A, layer.lora_B):
            part.to(model.device)
        put(network, name, layer.base_layer)
    del network.peft_config
    return layers
