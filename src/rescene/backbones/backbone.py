"""What a pretrained model is to a method: latents, predictions, and blocks in which its network is changed.

Latents are [T, C, h, w] for every model, time first. A branch is one clip in a shared forward pass, so that
hooks can relate branches; the network sees them branch-major.
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

import torch

from ..attention import AttentionControl, Change
from ..fields import Kind
from ..inputs.grid import Grid
from ..inputs.masks import Mask
from ..sampling import Schedule, Step
from ..typing import Frames, Latents
from ..video import Video
from .picture import Picture
from .text import Text, TextEncoder


@dataclass(frozen=True, eq=False)
class Condition:
    """All that a prediction depends on beside the noisy latents."""

    text: Text | None = None
    picture: Picture | None = None
    beside: Latents | None = None
    """What the network reads beside its own latents: an image's latents as `encode` gives them ("beside"),
    depth maps from -1 (far) to 1 (near) of the latents' size ("depth"), or a clip with a mask ("control")."""
    strength: tuple[float, ...] = ()
    """How strongly each layer that reads a control does, the first one's first; fully if empty."""


class Branch(NamedTuple):
    """One clip in a forward pass. Branches may be at different steps, but are of one length and size."""

    z: Latents
    step: Step
    condition: Condition


@runtime_checkable
class Backbone(Protocol):
    """A pretrained model, whatever its architecture."""

    title: str
    """What messages call models of its family."""
    grid: Grid
    """How latents are spread over pixels and frames, and which sizes are valid."""
    latent_channels: int
    """Channels of its latents."""
    native_area: int
    """Pixels of the frames that it was trained on."""
    device: torch.device
    """Where it computes."""
    dtype: torch.dtype
    """The precision of its network."""
    conditions: frozenset[Kind]
    """All that each branch must be given."""
    options: frozenset[Kind]
    """What a branch may be given besides, and nothing else."""
    control: AttentionControl
    """The changes now in force: `print(model.control)` tells which hooks run where."""

    @property
    def native_frames(self) -> int | None:
        """Length of the clips that it was trained on; None for a model of single images."""
        ...

    @property
    def text(self) -> TextEncoder | None:
        """Reads prompts; None for a model that reads none."""
        ...

    def encode(self, video: Video, *, noise: Latents | None = None) -> Latents:
        """Latents of the frames, scaled to about unit variance, on the model's device.

        Args:
            video: Its sides must be multiples of the grid's stride.
            noise: What to draw from the encoder's distribution with; its mean if None.

        Raises:
            ValueError: If the video's size doesn't fit.
        """
        ...

    def decode(self, z: Latents, like: Video) -> Video:
        """The latents' frames with the rate and sound of `like`, decoded as they are read."""
        ...

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
        """What a model that a picture leads reads of a frame.

        Args:
            frame: One frame in [0, 1].
            fps: How many frames a second the clip has that it leads.
            frames: How many frames it has, which some models must know.
            last: The clip's last frame, for models that take it.
            noisy: The frame with noise, whose latents the model is to take instead.
            latents: The frame's latents as `encode` gives them, or as they were sampled, if they are known.

        Raises:
            ValueError: If no picture leads this model, or its size doesn't fit.
        """
        ...

    def schedule(self, steps: int, *, invert: bool = False, shift: float | None = None) -> Schedule:
        """The steps from noise to video, or those from video to noise: `sample` walks either.

        Args:
            steps: How many.
            invert: Whether to walk to noise.
            shift: How far levels are moved towards noise, for models of straight paths; as the model's makers
                sample if None.

        Raises:
            ValueError: If the model takes no such number of steps, or no shift.
        """
        ...

    def predict(self, *branches: Branch) -> tuple[Latents, ...]:
        """The network's prediction for each branch, from one forward pass over all of them.

        Raises:
            ValueError: If a branch lacks a condition of this model's, or has one that is another's.
        """
        ...

    def changed(self, *changes: Change) -> AbstractContextManager[None]:
        """A block in which `changes` hold, inside those of enclosing blocks: `AttentionControl.changed`."""
        ...

    def identity(self) -> str:
        """SHA-256 of all weights: two models with the same identity give the same frames."""
        ...

    def weight_bytes(self) -> int:
        """Bytes of all weights at their precision; a model without weights knows it too."""
        ...

    def activation_bytes(self, size: tuple[int, int]) -> int:
        """Bytes that a pass holds for each latent and branch, for latents of `size`: an estimate."""
        ...

    def feature_bytes(self, size: tuple[int, int]) -> int:
        """Bytes of the first level's features of one latent, for latents of `size`."""
        ...


@runtime_checkable
class ClipModel(Backbone, Protocol):
    """A model that makes whole clips, and tells how its makers sample them."""

    native_size: tuple[int, int]
    """Rows and columns of pixels of the clips that it was trained on."""
    native_fps: float
    """Their frames a second."""
    shift: float
    """How far levels of noise are shifted if nothing else is asked for."""

    def guidance(self, step: Step) -> float:
        """The scale that its makers guide with at a step."""
        ...


@runtime_checkable
class Inpainter(Backbone, Protocol):
    """A model that keeps what is outside a mask, and invents what is inside."""

    def masked(self, video: Video, mask: Mask, *, reference: Frames | None = None) -> Latents:
        """The control of a clip, for `Condition.beside`.

        Args:
            video: The clip; what is inside the mask is a hint, and leaves all open if it is grey (0.5).
            mask: 1 where the model invents, of the clip's size and length.
            reference: A picture of the clip's size that shows what is to appear. Then there is one latent
                more, the first, in the control and in what is sampled, to be dropped before decoding.

        Raises:
            ValueError: If sizes or lengths don't fit.
        """
        ...


@runtime_checkable
class Trainable(Backbone, Protocol):
    """A model that tells what a training step shows and what it asks for."""

    train_timesteps: int
    """How many levels of noise the model was trained with."""

    def example(self, clean: Latents, noise: Latents, timestep: int) -> tuple[Step, Latents, Latents]:
        """What a training step shows: its place, the noisy latents, and the prediction that they ask for.

        Args:
            clean: A video's latents.
            noise: Standard normal noise.
            timestep: From 0 (nearly clean) to `train_timesteps` - 1.
        """
        ...
