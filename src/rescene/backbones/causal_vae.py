"""Wan's autoencoder, streamed in time: a run of frames in, a latent out, and the other way round.

Its convolutions look back in time only, and keep what they saw last in a cache. So a clip of any length
passes through in constant memory, and the result is that of the whole clip at once, to the bit.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl_wan import patchify, unpatchify
from jaxtyping import Float
from torch import Tensor

from ..inputs.grid import Grid
from ..typing import Frames, Latents
from ..video import Video
from .fits import refuse_size
from .frugal import give_back_at_once
from .parts import Parts


class CausalVae:
    """diffusers' `AutoencoderKLWan` in single precision, a latent at a time.

    Args:
        parts: The model's networks.
        vae: The autoencoder, one of them.
        patch: Cells on a side of what the network takes as one position.
    """

    def __init__(self, parts: Parts, vae: Any, *, patch: int):
        self._parts, self._vae = parts, vae
        config = vae.config
        space = int(config.scale_factor_spatial)
        self.grid = Grid(space, int(config.scale_factor_temporal), stride=space * patch)
        self.channels = int(config.z_dim)
        self._patch = int(config.patch_size or 1)
        if parts.device.type == "cpu":  # Each latent's features are freed; holes between them would add up.
            give_back_at_once()
        self._mean = torch.tensor(config.latents_mean).view(-1, 1, 1)
        self._scale = 1 / torch.tensor(config.latents_std).view(-1, 1, 1)

    @torch.no_grad()
    def encode(self, video: Video, *, noise: Latents | None = None) -> Latents:
        """Normalised latents of a clip; memory is that of one latent's frames.

        Args:
            video: Its sides must be multiples of the grid's stride, its length one that fills latents.
            noise: What to draw from the encoder's distribution with; its mean if None.

        Raises:
            ValueError: If size or length don't fit.
        """
        refuse_size(video.height, video.width, self.grid)
        if (longer := self.grid.longer(len(video))) != len(video):
            raise ValueError(
                f"the video has {len(video)} frames and this model takes 1 and multiples of {self.grid.time} "
                f"more; try video.lengthen({longer}), or `rescene.Fit`, which also undoes it"
            )
        vae, latents, seen = self._parts.awake(self._vae), list[Tensor](), self._cache("encoder")
        for index in range(self.grid.latents(len(video))):
            span = self.grid.frames_of(index)
            pixels = 2 * video[span.start : span.stop].frames - 1
            clip = pixels.transpose(0, 1)[None].contiguous().to(self._parts.device, vae.dtype)
            moments = vae.encoder(patchify(clip, self._patch), feat_cache=seen, feat_idx=[0])
            mean, variance = vae.quant_conv(moments)[0, :, 0].float().chunk(2)
            if noise is not None:
                mean = mean + (0.5 * variance.clamp(-30, 20)).exp() * noise[index].to(mean)
            latents.append(mean)
        return (torch.stack(latents) - self._mean.to(latents[0])) * self._scale.to(latents[0])

    def frames(self, z: Latents) -> Iterator[Frames]:
        """Decodes normalised latents one after the other, each to its frames, in main memory."""
        seen = self._cache("decoder")
        for index in range(len(z)):
            yield self._decoded(z[index], seen, first=index == 0)

    @torch.no_grad()
    def _decoded(self, z: Float[Tensor, "C h w"], seen: list[Any], *, first: bool) -> Frames:
        vae = self._parts.awake(self._vae)
        z = z.to(self._parts.device, torch.float32)
        z = (z / self._scale.to(z) + self._mean.to(z)).to(vae.dtype)
        x = vae.decoder(
            vae.post_quant_conv(z[None, :, None]), feat_cache=seen, feat_idx=[0], first_chunk=first
        )
        pixels = unpatchify(x, self._patch)[0].transpose(0, 1)
        return (pixels.float() / 2 + 0.5).clamp(0, 1).cpu()

    def _cache(self, part: str) -> list[Any]:
        """A new cache for a pass through `encoder` or `decoder`: an entry for each of its convolutions."""
        return [None] * self._vae._cached_conv_counts[part]


@dataclass(frozen=True, eq=False)
class StreamedLatents:
    """A clip that decodes latents as its frames are read (`video.Clip`); reading back begins anew."""

    latents: Latents
    vae: CausalVae
    _state: dict[str, Any] = field(default_factory=dict[str, Any], init=False, repr=False)
    """The stream of frames, the latent that it gave last, and that one's frames."""

    def __len__(self) -> int:
        return 1 + (len(self.latents) - 1) * self.vae.grid.time

    @property
    def height(self) -> int:
        """Rows of pixels."""
        return self.latents.shape[-2] * self.vae.grid.space

    @property
    def width(self) -> int:
        """Columns of pixels."""
        return self.latents.shape[-1] * self.vae.grid.space

    def read(self, start: int, stop: int) -> Frames:
        """The frames from `start` up to `stop`."""
        return torch.cat([self._frame(index) for index in range(start, stop)])

    def _frame(self, index: int) -> Frames:
        latent = -(-index // self.vae.grid.time)
        if latent < self._state.get("at", latent + 1):
            self._state.update(at=-1, stream=self.vae.frames(self.latents))
        while self._state["at"] < latent:
            self._state.update(frames=next(self._state["stream"]), at=self._state["at"] + 1)
        place = index - self.vae.grid.frames_of(latent).start
        return self._state["frames"][place : place + 1]
