"""Wan 2.1 and 2.2 (Wan Team, 2025) as backbones: video transformers that learned straight paths.

Latents are on a path x = (1 - s) clean + s noise, and the network predicts noise - clean (flow matching).
`wan_reads.py` tells what the variants read besides: pictures, sources, masks.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from ..attention import Change, Pass
from ..attention.dit import TEXT_TOKENS, control_of
from ..inputs.masks import Mask
from ..sampling import Schedule, Step, flow, rectified_flow
from ..typing import Frames, Latents
from ..video import Video
from .aliases import authors
from .backbone import Branch
from .causal_vae import CausalVae, StreamedLatents
from .checkpoints import Family
from .clip_image import ClipImages
from .fits import refuse_conditions, refuse_unfit_wan
from .parts import Parts
from .picture import Picture
from .text import T5Text
from .wan_reads import FirstLatents, LedFrames, Reads, SourceLatents
from .wan_vace import Control

ACTIVATION_COPIES = 24
"""A pass's activations in units of the tokens' features: queries, keys, values, feed-forward layers of about
six times the width. An estimate."""
NETWORKS = ("transformer", "transformer_2")
"""The parts of a pipeline that predict: for noisy and for cleaner latents, if there are two."""


class Wan:
    """Wan: text to video, image to video, and both. See `Backbone` for the verbs.

    Args:
        components: The parts of a pipeline: `vae`, `transformer`, `text_encoder`, `tokenizer`, `scheduler`;
            where the model has them, `transformer_2` and `image_encoder`; and `boundary_ratio` and
            `expand_timesteps`, as `model_index.json` tells them.
        device: Where to compute.
        offload: Whether only the part at work is on the device, the others wait in main memory.
    """

    title = "Wan"

    def __init__(
        self, components: dict[str, Any], *, device: torch.device | str = "cpu", offload: bool = False
    ):
        found = {name: components[name] for name in NETWORKS if components.get(name) is not None}
        self._networks, self._config = list(found.values()), components["transformer"].config
        encoder, vae = components["text_encoder"], components["vae"]
        images = components.get("image_encoder")
        refuse_unfit_wan(self._config, vae.config, encoder.config)
        others = [part for part in (encoder, images, vae) if part is not None]
        # The text encoder, the largest part of small models, reads prompts once, before all else.
        self._parts = Parts(
            [*self._networks, *others],
            device=device,
            offload=offload,
            alternating=[*self._networks, encoder],
            rare=[encoder],
        )
        self.device, self.dtype = self._parts.device, self._networks[0].dtype
        patch = int(self._config.patch_size[-1])
        self._vae = CausalVae(self._parts, vae, patch=patch)
        self.grid, self.latent_channels = self._vae.grid, self._vae.channels
        self.control = control_of(nn.ModuleDict(found), halvings=patch.bit_length() - 1)
        self._reads = self._reading(components)
        self.conditions, self.options = self._reads.conditions, self._reads.options
        # Some checkpoints name a boundary and have one network.
        self._boundary = 1000 * float(components.get("boundary_ratio") or 0) if len(found) > 1 else 0.0
        self._tell(components["scheduler"])
        # Layers that read pictures take so many tokens for the text, whatever they are given.
        length = TEXT_TOKENS if images else min(int(components["tokenizer"].model_max_length), TEXT_TOKENS)
        self.text = T5Text(self._parts, components["tokenizer"], encoder, length=length)

    def _reading(self, components: dict[str, Any]) -> Reads:
        """The way in which the network reads what isn't noise: its channels tell."""
        extra = self._config.in_channels - self.latent_channels
        plain = FirstLatents if components.get("expand_timesteps") else Reads
        kinds: dict[int, type[Reads]] = {
            0: Control if self._config.get("vace_in_channels") else plain,
            self.grid.time + self.latent_channels: LedFrames,
            self.latent_channels: SourceLatents,
        }
        encoder = components.get("image_encoder")
        return kinds[extra](self._vae, self._config, encoder and ClipImages(self._parts, encoder))

    def _tell(self, scheduler: Mapping[str, Any]) -> None:
        """Notes how the model was trained and is sampled from."""
        kind = "ends" if self._config.get("pos_embed_seq_len") else type(self._reads).__name__
        self.told = authors(kind, width_of(self._config), networks=len(self._networks))
        self.native_size, self.native_fps = self.told.size, self.told.fps
        self.native_frames: int | None = self.told.frames
        self.native_area = self.native_size[0] * self.native_size[1]
        self.shift = float(self.told.shift or scheduler.get("flow_shift") or scheduler.get("shift") or 1.0)

    def encode(self, video: Video, *, noise: Latents | None = None) -> Latents:
        """Latents of the clip, streamed: the first frame alone, then `grid.time` frames in each.

        Raises:
            ValueError: If the video's size or length doesn't fit.
        """
        return self._vae.encode(video, noise=noise)

    def decode(self, z: Latents, like: Video) -> Video:
        """The latents' frames with the rate and sound of `like`, decoded as they are read."""
        return replace(like, clip=StreamedLatents(z, self._vae))

    def picture(
        self,
        frame: Frames,
        *,
        fps: float,
        frames: int | None = None,
        last: Frames | None = None,
        noisy: Frames | None = None,
        latents: Latents | None = None,
    ) -> Picture:
        """What a model that a picture leads reads of it. See `Backbone`."""
        given = frame if noisy is None else noisy
        return self._reads.picture(given, fps=fps, frames=frames, last=last, latents=latents)

    def masked(self, video: Video, mask: Mask, *, reference: Frames | None = None) -> Latents:
        """The control of a clip, for VACE. See `Inpainter`."""
        return self._reads.masked(video, mask, reference=reference)

    def schedule(self, steps: int, *, invert: bool = False, shift: float | None = None) -> Schedule:
        """Euler steps on straight paths, shifted towards noise: by `self.shift` if None is given."""
        levels = rectified_flow(steps, shift=self.shift if shift is None else shift)
        schedule = Schedule(tuple(levels), flow)
        return schedule.inverted() if invert else schedule

    def guidance(self, step: Step) -> float:
        """The scale that its makers guide with at a step."""
        scales = self.told.guidance or (5.0,)
        return scales[min(self._number(step), len(scales) - 1)]

    def predict(self, *branches: Branch) -> tuple[Latents, ...]:
        """Predictions for several branches: in one pass where changes may relate them, else one by one.

        Of latents that a picture gives, the prediction is what leads to them, so that every path ends there.

        Raises:
            ValueError: If a branch's conditions aren't the model's, or changed branches need two networks.
        """
        refuse_conditions(self.title, self.conditions, branches, options=self.options)
        if not self.control.altered:
            return tuple(self._predicted([branch])[0] for branch in branches)
        if len({self._number(branch.step) for branch in branches}) > 1:
            raise ValueError("these branches need different networks, as their levels of noise are far apart")
        return tuple(self._predicted(branches))

    def _predicted(self, branches: Sequence[Branch]) -> list[Latents]:
        times, _, *size = branches[0].z.shape
        self.control.now = Pass(branches[-1].step.index, len(branches), times, (size[0], size[1]))
        network = self._parts.awake(self._networks[self._number(branches[-1].step)])
        where = {"device": self.device, "dtype": network.dtype}
        clips = torch.stack([self._reads.shown(branch).transpose(0, 1) for branch in branches])
        texts = torch.stack([text.states for branch in branches if (text := branch.condition.text)])
        more = {name: value.to(**where) for name, value in self._reads.more(branches).items()}
        prediction = network(
            clips.to(**where), self._told(branches), texts.to(**where), return_dict=False, **more
        )[0]
        found = [each.transpose(0, 1).to(branches[0].z.dtype) for each in prediction]
        return [self._reads.leading(*each) for each in zip(branches, found, strict=True)]

    def _told(self, branches: Sequence[Branch]) -> Tensor:
        """The levels of noise: one for each branch, or for each token where some latents are given."""
        times = torch.tensor([float(branch.step.timestep) for branch in branches], device=self.device)
        given = [self._reads.given(branch) for branch in branches]
        if all(each is None for each in given):
            return times
        latents, _, height, width = branches[0].z.shape
        tokens = height * width // self._config.patch_size[-1] ** 2
        levels = times[:, None, None].repeat(1, latents, tokens)
        for row, each in zip(levels, given, strict=True):
            row[: 0 if each is None else len(each)] = 0
        return levels.flatten(1)

    def _number(self, step: Step) -> int:
        """The network for a step's level of noise."""
        return int(len(self._networks) > 1 and step.timestep < self._boundary)

    def changed(self, *changes: Change) -> AbstractContextManager[None]:
        """A block in which `changes` hold, inside those of enclosing blocks."""
        return self.control.changed(*changes)

    def identity(self) -> str:
        """SHA-256 over the names and bytes of all weights."""
        return self._parts.identity

    def weight_bytes(self) -> int:
        """Bytes of all weights."""
        return self._parts.weight_bytes()

    def activation_bytes(self, size: tuple[int, int]) -> int:
        """Bytes that a pass holds for each latent and branch, for latents of `size`: an estimate."""
        return ACTIVATION_COPIES * self.feature_bytes(size)

    def feature_bytes(self, size: tuple[int, int]) -> int:
        """Bytes of the tokens of one latent, for latents of `size`."""
        tokens = size[0] * size[1] // self._config.patch_size[-1] ** 2
        return tokens * width_of(self._config) * self.dtype.itemsize


def width_of(config: Any) -> int:
    """Numbers in a token's features."""
    return int(config.num_attention_heads * config.attention_head_dim)


def _pipeline(components: dict[str, Any]) -> Any:
    """What merges LoRAs. Pipelines pull in much that nothing else needs."""
    from diffusers import WanPipeline

    names = ("tokenizer", "text_encoder", "vae", *NETWORKS)
    return WanPipeline(**{name: components.get(name) for name in names}, scheduler=None)  # pyright: ignore


FAMILY = Family(
    title=Wan.title,
    pipelines=(
        *(f"Wan{kind}Pipeline" for kind in ("", "ImageToVideo", "VideoToVideo", "VACE")),
        "LucyEditPipeline",
    ),
    parts={
        "vae": ("AutoencoderKLWan",),
        "transformer": ("WanTransformer3DModel", "WanVACETransformer3DModel"),
        "text_encoder": ("UMT5EncoderModel",),
        "tokenizer": ("T5TokenizerFast", "T5Tokenizer"),
        "scheduler": (),
    },
    optional={
        "transformer_2": ("WanTransformer3DModel", "WanVACETransformer3DModel"),
        "image_encoder": ("CLIPVisionModel", "CLIPVisionModelWithProjection"),
    },
    settings=("boundary_ratio", "expand_timesteps"),
    scheduler=None,
    precise=frozenset(("vae", "image_encoder")),
    half=torch.bfloat16,
    make=Wan,
    pipeline=_pipeline,
)
