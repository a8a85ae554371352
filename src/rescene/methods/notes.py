"""What a method saw on its way, for those who want to look inside: heat maps, masks, the reconstruction."""

from dataclasses import dataclass, field

from ..attention import WordMask
from ..typing import Heat
from ..video import Video


@dataclass
class Notes:
    """Collects by-products of one edit. Pass an empty one to a method and read it afterwards."""

    source_words: Heat | None = None
    """How much each position attends to each token of the source prompt, summed over the steps."""
    target_words: Heat | None = None
    """The same for the target prompt, before the source's attention is put in."""
    masks: list[WordMask] = field(default_factory=list)
    """Where the edit may change the video, step by step; none if it may everywhere."""
    reconstruction: Video | None = None
    """The source after inversion and sampling with its own prompt: as good as an edit can preserve it."""

    def reconstructed(self, video: Video) -> None:
        """Takes in the reconstruction before the edit begins; override it to look at it at once."""
        self.reconstruction = video

    def step(self, source: Heat, target: Heat, mask: WordMask | None) -> None:
        """Takes in one step: its source's heat, and the target's, summed over the steps up to this one."""
        self.source_words = source if self.source_words is None else self.source_words + source
        self.target_words = target
        if mask is not None:
            self.masks.append(mask)
