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
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from ..video.files import replacing
from .checkpoints import refuse_pickle
from .stable_video import StableVideo

if TYPE_CHECKING:
    from peft import LoraConfig

ADAPTER = "motion"
LINEAR = r"ff(_in)?\.net\.(0\.proj|2)|attn1\.to_(q|k|v|out\.0)|attn2\.to_(v|out\.0)"
TARGETS = rf".*temporal_transformer_blocks\.\d+\.({LINEAR})"
"""All linear layers of the temporal blocks, but for those that can't matter: attention to the one token of
the picture is the same whatever asks, so that the queries and keys of `attn2` have no gradient."""
HEADER = "lora_adapter_metadata"
PREFIXES = ("unet.", "base_model.model.")
"""What diffusers and peft put before the names of modules."""


@dataclass(frozen=True, eq=False)
class MotionLoRA:
    """Low-rank changes (Hu et al., ICLR 2022) to some layers of one network."""

    config: "LoraConfig"
    layers: Mapping[str, Any]
    """peft's layers around the network's, by the name of the module that each replaces."""

    @classmethod
    def fresh(cls, model: StableVideo, *, rank: int, dropout: float, seed: int) -> "MotionLoRA":
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
            return cls(config, _wrapped(model, config))

    @classmethod
    def load(cls, path: str | Path, model: StableVideo, *, weight: float = 1.0) -> "MotionLoRA":
        """Reads a file of diffusers or peft.

        Args:
            path: The file.
            model: The model that it is for.
            weight: How strongly it is to hold: 0 not at all, 1 as trained.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it isn't a LoRA in safetensors, or was made for another kind of model.
        """
        from peft import LoraConfig

        tensors, alpha = read_lora(Path(path))
        modules = sorted({name.rpartition(".lora_")[0] for name in tensors})
        verify(path, tensors, model)
        rank = next(len(tensor) for name, tensor in tensors.items() if name.endswith("lora_A.weight"))
        config = LoraConfig(r=rank, lora_alpha=alpha or rank, target_modules=modules)
        found = cls(config, _wrapped(model, config))
        with torch.no_grad():
            for name, own in found.weights().items():
                own.copy_(tensors[name])
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
        path.parent.mkdir(parents=True, exist_ok=True)
        room = sum(tensor.nbytes for tensor in tensors.values())
        with replacing(path, folder=False, room=room) as temporary:
            save_file(tensors, temporary, {"format": "pt", HEADER: json.dumps(settings, default=str)})

    @contextmanager
    def on(self, model: StableVideo, *, skip: int = 0) -> Generator[None]:
        """A block in which the LoRA is part of `model`.

        Args:
            model: The model that it was made or read for.
            skip: How many branches, from the first on, stay as they are: the source's.
        """

        def only_later(_: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
            output[: len(output) // model.hooks.branches * skip] = 0
            return output

        with ExitStack() as undo:
            model.hooks.layers_added += 1
            undo.callback(setattr, model.hooks, "layers_added", model.hooks.layers_added - 1)
            for name, layer in self.layers.items():
                undo.callback(_put, model.unet, name, layer.base_layer)
                _put(model.unet, name, layer)
                if skip:
                    undo.enter_context(layer.lora_B[ADAPTER].register_forward_hook(only_later))
            yield


def read_lora(path: Path) -> tuple[dict[str, Tensor], int | None]:
    """The tensors of a LoRA's file by the names of modules, and its alpha if it has one.

    Raises:
        FileNotFoundError, ValueError: As `MotionLoRA.load`.
    """
    refuse_pickle(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no motion LoRA {path}; `rescene train motion-lora` makes one")
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {_bare(name): file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            header = json.loads((file.metadata() or {}).get(HEADER, "{}"))
    except (SafetensorError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} isn't a safetensors file, or was cut short: {error}") from error
    kinds = {name.rpartition(".lora_")[2] for name in tensors}
    if kinds != {"A.weight", "B.weight"}:
        raise ValueError(f"{path} isn't a LoRA in the format of peft or diffusers")
    return tensors, header.get("unet.lora_alpha")


def verify(path: str | Path, tensors: Mapping[str, Tensor], model: StableVideo) -> None:
    """Makes sure that a LoRA fits a network, which may lack its weights.

    Raises:
        ValueError: If it doesn't.
    """
    for name, tensor in tensors.items():
        module, _, part = name.rpartition(".lora_")
        try:
            wanted = model.unet.get_submodule(module).weight.shape
        except AttributeError:
            wanted = (0, 0)
        side = 1 if part.startswith("A") else 0
        if tensor.ndim != 2 or tensor.shape[side] != wanted[side]:
            raise ValueError(
                f"the motion LoRA {path} was made for another kind of model: {module} is of another shape or "
                "missing here; name the model that it was trained for"
            )


def _bare(name: str) -> str:
    for prefix in PREFIXES:
        name = name.removeprefix(prefix)
    return name


def _wrapped(model: StableVideo, config: "LoraConfig") -> dict[str, Any]:
    """The layers of peft for a network, which is as before afterwards."""
    from peft import inject_adapter_in_model

    network: Any = inject_adapter_in_model(config, model.unet, ADAPTER)
    layers = {
        name: module
        for name, module in network.named_modules()
        if hasattr(module, "lora_A") and module.lora_A
    }
    for name, layer in layers.items():
        for part in (layer.lora_A, layer.lora_B):
            part.to(model.device)
        _put(network, name, layer.base_layer)
    del network.peft_config
    return layers


def _put(network: nn.Module, name: str, module: nn.Module) -> None:
    parent, _, own = name.rpartition(".")
    setattr(network.get_submodule(parent), own, module)
