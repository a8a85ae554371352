"""What a method saw on its way, for those who want to look inside: heat maps, masks, the reconstruction."""

from dataclasses import dataclass, field

from jaxtyping import Int
from torch import Tensor

from ..attention import WordMask
from ..typing import Heat
from ..video import Video


@dataclass(frozen=True, eq=False)
class Copied:
    """Where one frame copied from (TokenFlow)."""

    pivot: int
    """The frame that it took most from."""
    positions: Int[Tensor, "h w"]
    """Which of that frame's positions, row by row."""


@dataclass
class Notes:
    """Collects by-products of one edit. Pass an empty one to a method and read it afterwards."""

    source_words: Heat | None = None
    """How much each position attends to each token of the source prompt, summed over the steps."""
    target_words: Heat | None = None
    """The same for the target prompt, before the source's attention is put in."""
    masks: list[WordMask] = field(default_factory=list)
    """Where the edit may change the video, step by step; none if it may everywhere."""
    reconstructs: bool = True
    """Whether to reconstruct the source, which takes as long as half an edit."""
    reconstruction: Video | None = None
    """The source after inversion and sampling with its own prompt: as good as an edit can preserve it."""
    copies: dict[int, Copied] = field(default_factory=dict)
    """Where each frame copied from at the last step, by its number; none if the method doesn't copy."""

    def reconstructed(self, video: Video) -> None:
        """Takes in the reconstruction before the edit begins; override it to look at it at once."""
        self.reconstruction = video

    def step(self, source: Heat, target: Heat, mask: WordMask | None) -> None:
        """Takes in one step: its source's heat, and the target's, summed over the steps up to this one."""
        self.source_words = source if self.source_words is None else self.source_words + source
        self.target_words = target
        if mask is not None:
            self.masks.append(mask)

    def copied(self, frame: int, pivot: int, positions: Int[Tensor, "h w"]) -> None:
        """Takes in where a frame copied from at one step, in place of the step before."""
        self.copies[frame] = Copied(pivot, positions.cpu())
