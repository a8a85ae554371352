"""What a network is shown of a clip, frame by frame, besides latents and text: ControlNets' frames, depth."""

from dataclasses import dataclass

from ...backbones import Condition, DepthMaps, Text
from ...backbones.changes import Steering
from ...cache import content_hash


@dataclass(frozen=True, eq=False)
class Conditions:
    """Those of all frames, of which each pass takes what belongs to its own."""

    steering: tuple[Steering, ...] = ()
    """The ControlNets that take part."""
    depth: DepthMaps | None = None
    """For models that read it."""

    def changes(self, frames: list[int]) -> list[Steering]:
        """The ControlNets, shown the given frames of the clip."""
        return [each.of(frames) for each in self.steering]

    def with_text(self, text: Text, frames: list[int]) -> Condition:
        """The condition of a branch of the given frames: a prompt, and depth if the model reads it."""
        return Condition(text=text, beside=None if self.depth is None else self.depth[frames])

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
