"""The grid of latents over a clip: compressed space and time as arithmetic."""

from typing import NamedTuple


class Grid(NamedTuple):
    """How latents are spread over pixels and frames."""

    space: int
    """Pixels on a side of a latent cell: 8 (Stable Diffusion, Wan 2.1), 16 (Wan 2.2 5B), 32 (LTX)."""
    time: int = 1
    """Frames in each latent after the first, which has one: 1 (image models), 4 (Wan), 8 (LTX)."""
    stride: int = 8
    """Heights and widths must be multiples of this many pixels."""

    def latents(self, frames: int) -> int:
        """The number of latents of a clip of `frames` frames."""
        return 1 + (frames - 1) // self.time

    def frames_of(self, latent: int) -> range:
        """The frames that a latent covers."""
        return range(1 + (latent - 1) * self.time, 1 + latent * self.time) if latent else range(1)

    def longer(self, frames: int) -> int:
        """The smallest number of frames, `frames` or more, that fills whole latents."""
        return 1 + -(-(frames - 1) // self.time) * self.time
