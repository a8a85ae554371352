"""What the networks of Wan read beside their noisy latents and a prompt: one class for each way."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..fields import Kind
from ..inputs.masks import Mask
from ..typing import Frames, Latents
from ..video import Video
from .backbone import Branch
from .causal_vae import CausalVae
from .clip_image import ClipImages
from .fits import refuse_last
from .picture import Picture, counted


class Reads:
    """Nothing more: text to video.

    Args:
        vae: The model's autoencoder.
        config: The network's configuration.
        images: Its image encoder, if it has one.
    """

    conditions: frozenset[Kind] = frozenset(("text",))
    options: frozenset[Kind] = frozenset()

    def __init__(self, vae: CausalVae, config: Any, images: ClipImages | None):
        self.vae, self.config, self.images = vae, config, images

    def shown(self, branch: Branch) -> Tensor:
        """A branch's latents as the network reads them, [T, channels of the network, h, w]."""
        return branch.z

    def given(self, branch: Branch) -> Latents | None:
        """The first of a branch's latents, where they are given: clean, and to stay as they are."""
        return None

    def leading(self, branch: Branch, prediction: Latents) -> Latents:
        """A prediction that leads latents that are given, wherever they are, to what is given."""
        return prediction

    def more(self, branches: Sequence[Branch]) -> dict[str, Tensor]:
        """What else the network is called with."""
        return {}

    def picture(
        self, frame: Frames, *, fps: float, frames: int | None, last: Frames | None, latents: Latents | None
    ) -> Picture:
        """What the model reads of a first frame. See `Backbone.picture`."""
        raise ValueError(
            "this Wan is led by a prompt alone; use one that a picture leads, such as wan-5b or wan-i2v-14b"
        )

    def masked(self, video: Video, mask: Mask, *, reference: Frames | None) -> Latents:
        """The control of a clip with a mask. See `Inpainter`."""
        raise ValueError("this Wan reads no mask; use one that does, such as wan-vace-1.3b")


class FirstLatents(Reads):
    """The first latents themselves, if they are given (Wan 2.2 TI2V): they are told as free of noise."""

    options = frozenset[Kind](("picture",))

    def given(self, branch: Branch) -> Latents | None:
        picture = branch.condition.picture
        return None if picture is None else picture.latents.to(branch.z)

    def shown(self, branch: Branch) -> Tensor:
        given = self.given(branch)
        return branch.z if given is None else torch.cat([given, branch.z[len(given) :]])

    def leading(self, branch: Branch, prediction: Latents) -> Latents:
        given, noise = self.given(branch), branch.step.start.noise
        if given is None or not noise:
            return prediction
        return torch.cat([(branch.z[: len(given)] - given) / noise, prediction[len(given) :]])

    def picture(
        self, frame: Frames, *, fps: float, frames: int | None, last: Frames | None, latents: Latents | None
    ) -> Picture:
        refuse_last(last)
        if latents is None:
            latents = self.vae.encode(Video.of(frame, 1))
        return Picture(latents.new_zeros(1, 0, 1), latents, counted(fps))


class LedFrames(Reads):
    """A clip beside the latents that shows the first frame, and the last if given, and is grey between them.

    Flags tell which frames are given (Wan 2.1 and 2.2 I2V, FLF2V). Wan 2.1 also reads what CLIP sees in them.
    """

    conditions = frozenset[Kind](("text", "picture"))

    def shown(self, branch: Branch) -> Tensor:
        picture = branch.condition.picture
        assert picture is not None
        return torch.cat([branch.z, picture.latents.to(branch.z)], dim=1)

    def more(self, branches: Sequence[Branch]) -> dict[str, Tensor]:
        if self.images is None:
            return {}
        seen = [picture.embedding for branch in branches if (picture := branch.condition.picture)]
        # Networks for two frames take the rows of both as items of the batch.
        pairs = 2 if self.config.pos_embed_seq_len else 1
        return {"encoder_hidden_states_image": torch.cat([x for each in seen for x in each.chunk(pairs, 1)])}

    def picture(
        self, frame: Frames, *, fps: float, frames: int | None, last: Frames | None, latents: Latents | None
    ) -> Picture:
        if frames is None:
            raise ValueError("this model reads a picture beside every latent; say how many frames it leads")
        if self.images is not None and bool(self.config.pos_embed_seq_len) != (last is not None):
            refuse_last(last)
            raise ValueError("this model is led by a first and a last frame; give both")
        clip = Video(LedClip(frame, last, frames), Video.of(frame, 1).fps)
        flags = torch.zeros(frames + self.vae.grid.time - 1)
        flags[: self.vae.grid.time] = 1  # The first latent covers one frame: its flag counts for all.
        if last is not None:
            flags[-1] = 1
        z = self.vae.encode(clip)
        cells = flags.to(z).view(len(z), -1, 1, 1).expand(-1, -1, *z.shape[-2:])
        shown = [frame] if last is None else [frame, last]
        seen = torch.cat(list(map(self.images, shown)), 1) if self.images else z.new_zeros(1, 0, 1)
        return Picture(seen, torch.cat([cells, z], dim=1), counted(fps))


class SourceLatents(Reads):
    """A source's latents beside the noisy ones (Lucy-Edit)."""

    conditions = frozenset[Kind](("text", "beside"))

    def shown(self, branch: Branch) -> Tensor:
        beside = branch.condition.beside
        assert beside is not None
        return torch.cat([branch.z, beside.to(branch.z).expand(len(branch.z), -1, -1, -1)], dim=1)


@dataclass(frozen=True, eq=False)
class LedClip:
    """A grey clip with a first frame, and a last one if given."""

    first: Frames
    last: Frames | None
    frames: int

    @property
    def height(self) -> int:
        return self.first.shape[-2]

    @property
    def width(self) -> int:
        return self.first.shape[-1]

    def __len__(self) -> int:
        return self.frames

    def read(self, start: int, stop: int) -> Frames:
        grey = torch.full_like(self.first, 0.5)
        ends = {0: self.first, self.frames - 1: grey if self.last is None else self.last}
        return torch.cat([ends.get(index, grey) for index in range(start, stop)])
