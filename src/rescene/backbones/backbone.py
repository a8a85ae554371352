"""What a pretrained model is to a method: five verbs, and blocks in which its network is changed.

Frames are the batch. Latents are [F, C, h, w] everywhere; a branch is one (latents, condition) of a shared
forward pass, so that hooks can relate branches, and the network sees branches times frames, branch-major.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Protocol, runtime_checkable

from torch import Tensor, nn

from ..attention import AttentionControl, AttentionHook
from ..inflation import TemporalLayers
from ..prompts import Tokenizer
from ..sampling import Denoise, Step
from ..typing import Latents, Text
from ..video import Video


@runtime_checkable
class Backbone(Protocol):
    """A pretrained text-to-image model, applied to every frame."""

    stride: int
    """Heights and widths of videos must be multiples of this many pixels."""
    native_area: int
    """Pixels of the square images that it was trained on."""
    tokenizer: Tokenizer
    """Splits prompts as the text encoder reads them."""
    hooks: AttentionControl
    """The hooks now in force: `print(model.hooks)` tells what runs where."""

    def encode(self, video: Video) -> Latents:
        """Latents of the frames, scaled to about unit variance."""
        ...

    def decode(self, latents: Latents, like: Video) -> Video:
        """The latents' frames with the rate and sound of `like`, decoded as they are read."""
        ...

    def embed(self, prompt: str) -> Text:
        """What the network attends to for `prompt`."""
        ...

    def schedule(self, num_inference_steps: int) -> list[Step]:
        """The steps from noise to video."""
        ...

    def predict(self, step: Step, *branches: tuple[Latents, Text]) -> tuple[Tensor, ...]:
        """The network's prediction for each branch, from one forward pass over all of them."""
        ...

    def sample(self, denoise: Denoise, latents: Latents, schedule: list[Step]) -> Iterator[Latents]:
        """`sampling.sample` with this model's kind of prediction; stops at NaNs."""
        ...

    def invert(self, denoise: Denoise, latents: Latents, schedule: list[Step]) -> Iterator[Latents]:
        """`sampling.invert` with this model's kind of prediction; stops at NaNs."""
        ...

    def hooked(self, *hooks: AttentionHook) -> AbstractContextManager[None]:
        """A block in which `hooks` hold, inside those of enclosing blocks."""
        ...

    def clip_norms(self) -> AbstractContextManager[None]:
        """A block in which residual blocks normalise over the whole clip."""
        ...

    def temporal(self, layers: TemporalLayers) -> AbstractContextManager[None]:
        """A block in which `layers` are part of the network."""
        ...

    def replaced(self, weights: Mapping[str, nn.Parameter]) -> AbstractContextManager[None]:
        """A block in which trained `weights` take the place of the network's own, by their names."""
        ...

    def fingerprint(self) -> str:
        """SHA-256 of all weights: two models with the same fingerprint give the same frames."""
        ...
