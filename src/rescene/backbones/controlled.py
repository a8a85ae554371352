"""ControlNets: networks beside the UNet that read a control frame and add what they see to its features.

Zhang et al., "Adding conditional control to text-to-image diffusion models", ICCV 2023.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from .. import mini
from ..attention import AttentionControl
from ..video import Video
from .stable_diffusion import StableDiffusion

Hints = Float[Tensor, "F C h w"]
"""Control frames as a ControlNet adds them to its features."""

CONTROLNETS = {"mini-canny": mini.FOLDER / "controlnet_canny"}
"""Those that come with rescene, by their short names."""


class ControlNet:
    """One ControlNet, made for the UNet of a certain kind of model.

    Args:
        network: A pretrained `ControlNetModel`; it is changed to take `hints` in the place of control frames.
        model: The model that it is to steer.

    Raises:
        ValueError: If it was made for another kind of model.
    """

    def __init__(self, network: Any, model: StableDiffusion):
        refuse_unfit(network.config, model)
        self.network = network.eval().requires_grad_(False).to(model.device)
        self.hooks = AttentionControl(network)
        # The control frames don't change from step to step, nor what the first layers make of them.
        self._first_layers, network.controlnet_cond_embedding = (
            network.controlnet_cond_embedding,
            nn.Identity(),
        )

    @torch.no_grad()
    def hints(self, control: Video) -> Hints:
        """What the first layers make of the control frames, one by one; kept in main memory."""
        like = self.network.conv_in.weight
        return torch.cat([self._first_layers(frame.to(like)).cpu() for frame in control.chunks(1)])


def load_controlnet(name: str | Path, model: StableDiffusion) -> ControlNet:
    """Loads a ControlNet for `model`.

    Args:
        name: A short name (`mini-canny`), a hub id, or a folder in diffusers' layout.
        model: The model that it is to steer.

    Raises:
        FileNotFoundError: If there is no such ControlNet, or it has no safe weights.
        ValueError: If it was made for another kind of model, or weights are missing.
    """
    verify_controlnet(name, model)
    options: dict[str, Any] = {"use_safetensors": True, "output_loading_info": True}
    network, report = _read("from_pretrained", name, dtype=model.unet.dtype, **options)
    if report["missing_keys"]:
        raise ValueError(
            f"the ControlNet {name} lacks {len(report['missing_keys'])} of its weights; download it again"
        )
    return ControlNet(network, model)


def verify_controlnet(name: str | Path, model: StableDiffusion) -> None:
    """Makes sure that a ControlNet is there and fits `model`, which may lack its weights; reads none.

    Raises:
        FileNotFoundError: If there is no such ControlNet.
        ValueError: If it was made for another kind of model.
    """
    if not _folder(name).is_dir() and (str(name).count("/") != 1 or str(name).startswith((".", "/", "~"))):
        raise FileNotFoundError(
            f"there is no ControlNet {str(name)!r}: neither a folder here, nor a hub id (OWNER/NAME), nor "
            f"one of {', '.join(CONTROLNETS)}"
        )
    refuse_unfit(_read("load_config", name), model)


def fits(name: str | Path, model: StableDiffusion) -> bool:
    """Whether a ControlNet is there and was made for this kind of model."""
    try:
        verify_controlnet(name, model)
    except (FileNotFoundError, ValueError):
        return False
    return True


def controlnet_bytes(name: str | Path, model: StableDiffusion) -> int:
    """Bytes of a ControlNet's weights at the precision of `model`; none of them are read."""
    from diffusers import ControlNetModel

    config = _read("load_config", name)
    with torch.device("meta"):
        network: Any = ControlNetModel.from_config(config)
    return sum(weight.numel() for weight in network.parameters()) * model.unet.dtype.itemsize


def refuse_unfit(config: Any, model: StableDiffusion) -> None:
    """Raises ValueError if a ControlNet was made for another kind of model."""
    for setting in ("in_channels", "cross_attention_dim", "block_out_channels", "layers_per_block"):
        own, needed = config.get(setting), model.unet.config[setting]
        if _plain(own) != _plain(needed):
            raise ValueError(
                f"this ControlNet was made for another kind of model: its {setting} is {own}, that of the "
                f"model {needed}; name one that was trained with it or with what it descends from"
            )
    if config.get("controlnet_conditioning_channel_order", "rgb") != "rgb":
        raise ValueError("this ControlNet reads blue, green and red; supported are those that read RGB")


def _read(verb: str, name: str | Path, **options: Any) -> Any:
    # Here, so that edits without control don't hold what it brings along.
    from diffusers import ControlNetModel

    folder = _folder(name)
    try:
        return getattr(ControlNetModel, verb)(folder if folder.is_dir() else str(name), **options)
    except OSError as error:
        raise FileNotFoundError(
            f"the ControlNet {name} can't be read ({str(error).splitlines()[0]}); check the id and the "
            "network. rescene reads safetensors only"
        ) from error


def _folder(name: str | Path) -> Path:
    """Where a ControlNet lies if it is none of the hub's."""
    return CONTROLNETS.get(str(name), Path(name)).expanduser()


@dataclass(frozen=True, eq=False)
class Steering:
    """A ControlNet with the frames that it reads."""

    net: ControlNet
    hints: Hints
    weight: float = 1.0
    """How strongly it steers."""


@contextmanager
def controlled(model: StableDiffusion, steering: Sequence[Steering], frames: slice) -> Iterator[None]:
    """A block in which ControlNets steer what `model` predicts.

    Args:
        model: The model.
        steering: The ControlNets; their effects add up.
        frames: Which of the hints belong to the frames that are predicted.
    """

    def steer(_: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
        read = {name: kwargs.get(name) for name in ("encoder_hidden_states", "added_cond_kwargs")}
        found = [_residuals(model, each, frames, *args, read=read) for each in steering]
        down = tuple(sum(parts) for parts in zip(*(down for down, _ in found), strict=True))
        residuals = {
            "down_block_additional_residuals": down,
            "mid_block_additional_residual": sum(mid for _, mid in found),
        }
        return args, {**kwargs, **residuals}

    with ExitStack() as undo:
        if steering:
            undo.enter_context(model.unet.register_forward_pre_hook(steer, with_kwargs=True))
        yield


def _residuals(
    model: StableDiffusion,
    each: Steering,
    frames: slice,
    x: Tensor,
    time: Tensor,
    *,
    read: Mapping[str, Any],
) -> tuple[tuple[Tensor, ...], Tensor]:
    hooks, hints = each.net.hooks, each.hints[frames].to(x)
    hooks.step, hooks.frames, hooks.size = model.hooks.step, model.hooks.frames, model.hooks.size
    shown = hints.repeat(len(x) // len(hints), 1, 1, 1)
    down, mid = each.net.network(
        x, time, controlnet_cond=shown, conditioning_scale=each.weight, return_dict=False, **read
    )
    return tuple(down), mid


def _plain(value: object) -> object:
    return list(value) if isinstance(value, (list, tuple)) else value
