"""Sizes that the costs of several methods consist of, worked out from shapes."""

from collections.abc import Iterable

from ..attention import Layer
from ..attention.control import Hookable
from ..backbones import Backbone
from ..video import Video

FLOAT32_BYTES = 4
INVERTED, EDITED = 1, 2
"""Branches of a pass that inverts, and of one that edits: without the target and towards it."""


def latent_size(model: Backbone, video: Video) -> tuple[int, int]:
    """Rows and columns of a video's latents."""
    return video.height // model.grid.space, video.width // model.grid.space


def latent_bytes(model: Backbone, video: Video) -> int:
    """Latents of the whole clip at one level, in main memory."""
    rows, columns = latent_size(model, video)
    return model.grid.latents(len(video)) * model.latent_channels * rows * columns * FLOAT32_BYTES


def positions(layers: Iterable[Layer], size: tuple[int, int]) -> int:
    """Positions of some layers together, for latents of `size`."""
    return sum(layer.grid(*size)[0] * layer.grid(*size)[1] for layer in layers)


def layers_that_attend(model: Backbone, kind: str) -> dict[Layer, Hookable]:
    """The layers whose queries look at `kind`, with their modules."""
    return {layer: module for layer, module in model.control.layers.items() if layer.attends == kind}
