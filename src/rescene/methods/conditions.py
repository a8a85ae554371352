"""What a network is shown of a clip, frame by frame, besides latents and text: ControlNets' frames, depth."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

from ..backbones import Backbone, StableDiffusion
from ..backbones.beside import DepthMaps, beside
from ..backbones.controlled import Steering, controlled
from ..cache import content_hash


@dataclass(frozen=True, eq=False)
class Conditions:
    """Those of all frames, of which each pass takes what belongs to its own."""

    steering: tuple[Steering, ...] = ()
    """The ControlNets that take part."""
    depth: DepthMaps | None = None
    """For models that read it."""

    @contextmanager
    def shown(self, model: Backbone, frames: list[int]) -> Iterator[None]:
        """A block in which `model` predicts the given frames of the clip."""
        with ExitStack() as undo:
            if isinstance(model, StableDiffusion):  # Or else there are none.
                picked = [replace(each, hints=each.hints[frames]) for each in self.steering]
                undo.enter_context(controlled(model, picked, slice(None)))
                if self.depth is not None:
                    undo.enter_context(beside(model, self.depth[frames]))
            yield

    def identity(self) -> list[object]:
        """What identifies them in a cache's key."""
        named: list[object] = [
            (
                each.weight,
                content_hash(each.hints),
                list(map(content_hash, each.net.network.state_dict().values())),
            )
            for each in self.steering
        ]
        return named if self.depth is None else [*named, content_hash(self.depth)]
