"""VACE (Jiang et al., ICCV 2025): a clip with a mask as a control beside Wan's latents.

Outside the mask the clip is kept; inside, the model invents, and takes what is there as a hint: depth, edges
or a grey copy keep the motion, grey leaves all open.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from ..fields import Kind
from ..inputs.grid import Grid
from ..inputs.masks import Mask
from ..typing import Frames, Latents
from ..video import Video
from ..video.clip import Clip, Wrapped
from .backbone import Branch
from .wan_reads import LedClip, Reads

INSIDE = 0.5
"""Where a mask is above it, the clip is split off as what is to change."""


class Control(Reads):
    """Latents of what is kept and of what is to change, and the mask's pixels; without, all is invented."""

    options = frozenset[Kind](("control",))

    def __init__(self, *parts: Any):
        super().__init__(*parts)
        self._open: Latents | None = None

    def more(self, branches: Sequence[Branch]) -> dict[str, Tensor]:
        controls = [self._control(branch).transpose(0, 1) for branch in branches]
        layers = len(self.config.vace_layers)
        strength = branches[0].condition.strength or (1.0,) * layers
        if len(strength) != layers:
            raise ValueError(
                f"strength has {len(strength)} numbers; this model reads a control in {layers} layers"
            )
        return {
            "control_hidden_states": torch.stack(controls),
            "control_hidden_states_scale": torch.tensor(strength),
        }

    def _control(self, branch: Branch) -> Latents:
        given, z = branch.condition.beside, branch.z
        if given is not None:
            return given
        if self._open is None or self._open[:, 0].shape != z[:, 0].shape:
            grid = self.vae.grid
            grey = torch.full((1, 3, z.shape[-2] * grid.space, z.shape[-1] * grid.space), 0.5)
            clip = Video(LedClip(grey, None, 1 + (len(z) - 1) * grid.time), Video.of(grey, 1).fps)
            latents = self.vae.encode(clip)
            cells = latents.new_ones(len(z), grid.space**2, *z.shape[-2:])
            self._open = torch.cat([latents, latents, cells], dim=1)
        return self._open

    def masked(self, video: Video, mask: Mask, *, reference: Frames | None = None) -> Latents:
        """The control of a clip. See `Inpainter`."""
        if (mask.video.height, mask.video.width, len(mask.video)) != (video.height, video.width, len(video)):
            raise ValueError(f"the mask is {mask.video!r} and the video {video!r}; they must match")
        kept, changed = (
            self.vae.encode(Video(Split(video.clip, mask.video.clip, inside), video.fps))
            for inside in (False, True)
        )
        cells = cells_of(mask, self.vae.grid)
        control = torch.cat([kept, changed, cells.to(kept)], dim=1)
        if reference is None:
            return control
        first = self.vae.encode(Video.of(reference, 1))
        return torch.cat([F.pad(first, (0, 0, 0, 0, 0, control.shape[1] - first.shape[1])), control])


def cells_of(mask: Mask, grid: Grid) -> Float[Tensor, "T P h w"]:
    """A mask's pixels as channels of the latents: the maximum over each latent's frames.

    diffusers and the makers look at one frame for each latent, and would lose what is masked in others.
    """
    cells: list[Tensor] = []
    for index in range(grid.latents(len(mask.video))):
        span = grid.frames_of(index)
        pixels = mask.video[span.start : span.stop].frames.mean(1, keepdim=True)
        cells.append(F.pixel_unshuffle(pixels.amax(0, keepdim=True), grid.space))
    return torch.cat(cells)


@dataclass(frozen=True, eq=False)
class Split(Wrapped):
    """A clip that shows only what is inside a mask, or outside, and is grey elsewhere."""

    mask: Clip
    inside: bool

    def read(self, start: int, stop: int) -> Frames:
        within = self.mask.read(start, stop).mean(1, keepdim=True) > INSIDE
        return self.clip.read(start, stop).where(within == self.inside, torch.tensor(0.5))
