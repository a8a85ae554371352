"""ControlNets: networks beside the UNet that read a control frame and add what they see to its features.

Zhang et al., "Adding conditional control to text-to-image diffusion models", ICCV 2023.
"""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ... import mini
from ...attention import AttentionControl
from ...attention.unet import control_of
from ...video import Video
from ..backbone import Backbone
from ..hub import is_hub_id

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

    def __init__(self, network: Any, model: Backbone):
        refuse_unfit(network.config, model)
        self.network = network.eval().requires_grad_(False).to(model.device)
        self.control = control_of(network)
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


@dataclass(frozen=True, eq=False)
class Steering:
    """A ControlNet with the frames that it reads; of several in force, the effects add up."""

    net: ControlNet
    hints: Hints = field(repr=False)
    """One for each frame that is predicted."""
    weight: float = 1.0
    """How strongly it steers."""

    def of(self, frames: slice | Sequence[int]) -> "Steering":
        """What steers some frames of the clip."""
        return replace(self, hints=self.hints[frames])

    @contextmanager
    def on(self, control: AttentionControl) -> Generator[None]:
        """See `Change`."""

        def steer(
            _: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any]
        ) -> tuple[Any, dict[str, Any]]:
            self.net.control.now = control.now
            read = {name: kwargs.get(name) for name in ("encoder_hidden_states", "added_cond_kwargs")}
            down, mid = self._residuals(*args, read=read)
            others = kwargs.get("down_block_additional_residuals")
            if others is not None:  # Of a ControlNet that was put in before.
                down = [other + own for other, own in zip(others, down, strict=True)]
                mid = kwargs["mid_block_additional_residual"] + mid
            residuals = {"down_block_additional_residuals": tuple(down), "mid_block_additional_residual": mid}
            return args, {**kwargs, **residuals}

        with control.network.register_forward_pre_hook(steer, with_kwargs=True):
            yield

    def _residuals(
        self, x: Tensor, time: Tensor, *, read: Mapping[str, Any]
    ) -> tuple[Sequence[Tensor], Tensor]:
        hints = self.hints.to(x)
        shown = hints.repeat(len(x) // len(hints), 1, 1, 1)
        return self.net.network(
            x, time, controlnet_cond=shown, conditioning_scale=self.weight, return_dict=False, **read
        )


@dataclass(frozen=True)
class ControlNetFile:
    """A ControlNet that is there, of which only the configuration was read."""

    name: str
    config: Mapping[str, Any] = field(repr=False)

    @classmethod
    def find(cls, name: str | Path) -> "ControlNetFile":
        """Looks for a ControlNet.

        Args:
            name: A short name (`mini-canny`), a hub id, or a folder in diffusers' layout.

        Raises:
            FileNotFoundError: If there is none.
        """
        if not _folder(name).is_dir() and not is_hub_id(name):
            raise FileNotFoundError(
                f"there is no ControlNet {str(name)!r}: neither a folder here, nor a hub id (OWNER/NAME), "
                f"nor one of {', '.join(CONTROLNETS)}"
            )
        return cls(str(name), _read("load_config", name))

    def load(self, model: Backbone) -> ControlNet:
        """Reads the weights, in the precision of `model`.

        Raises:
            FileNotFoundError: If it has no safe weights.
            ValueError: If it was made for another kind of model, or weights are missing.
        """
        refuse_unfit(self.config, model)
        options: dict[str, Any] = {"use_safetensors": True, "output_loading_info": True}
        network, report = _read("from_pretrained", self.name, dtype=model.dtype, **options)
        if report["missing_keys"]:
            raise ValueError(
                f"the ControlNet {self.name} lacks {len(report['missing_keys'])} of its weights; download it "
                "again"
            )
        return ControlNet(network, model)

    def refuse_unfit(self, model: Backbone) -> None:
        """Raises ValueError if it was made for another kind of model, which may lack its weights."""
        refuse_unfit(self.config, model)

    def fits(self, model: Backbone) -> bool:
        """Whether it was made for this kind of model, which may lack its weights."""
        try:
            refuse_unfit(self.config, model)
        except ValueError:
            return False
        return True

    def weight_bytes(self, model: Backbone) -> int:
        """Bytes of its weights at the precision of `model`; none of them are read."""
        from diffusers import ControlNetModel

        with torch.device("meta"):
            network: Any = ControlNetModel.from_config(dict(self.config))
        return sum(weight.numel() for weight in network.parameters()) * model.dtype.itemsize


def load_controlnet(name: str | Path, model: Backbone) -> ControlNet:
    """Loads a ControlNet for `model`: `ControlNetFile.find`, and its `load`."""
    return ControlNetFile.find(name).load(model)


def check_controlnet(name: str | Path, model: Backbone) -> None:
    """Makes sure that a ControlNet is there and fits `model`, which may lack its weights; reads none.

    Raises:
        FileNotFoundError: If there is no such ControlNet.
        ValueError: If it was made for another kind of model.
    """
    refuse_unfit(ControlNetFile.find(name).config, model)


def refuse_unfit(config: Any, model: Backbone) -> None:
    """Raises ValueError if a ControlNet was made for another kind of model."""
    network: Any = model.control.network
    for setting in ("in_channels", "cross_attention_dim", "block_out_channels", "layers_per_block"):
        own, needed = config.get(setting), network.config.get(setting)
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


def _plain(value: object) -> object:
    return list(value) if isinstance(value, (list, tuple)) else value
