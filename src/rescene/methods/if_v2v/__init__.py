"""IF-V2V (2025): carries an edited first frame through a clip by a video transformer."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from ...fields import AtLeast, Within
from ..flowedit import Shifted
from ..method import Balance, Needs

if TYPE_CHECKING:
    from ...backbones import Backbone
    from .edit import IFV2VWork


@dataclass(frozen=True, kw_only=True)
class IFV2V(Shifted):
    """Carries an edited first frame through the whole video by a video transformer (2025)."""

    name: ClassVar = "if-v2v"
    title: ClassVar = "IF-V2V: an edited first frame, by a video transformer"
    needs: ClassVar = Needs(
        inputs=frozenset({"video", "key_frames"}), conditions=frozenset({"text", "picture"})
    )
    balance: ClassVar = Balance(ends={"hold": (1.0, 0.5)})

    source: str = ""
    """What the video shows, in plain words."""
    target: str = ""
    """What it should show; as `source` if not given."""
    negative_prompt: str = ""
    """What to keep out of the result."""
    num_inference_steps: Annotated[int, AtLeast(1, usual=25)] = 25
    """Denoising steps: more follow the source more closely and take longer."""
    guidance_scale: Annotated[float, AtLeast(0, usual=5)] = 5.0
    """How strongly both prompts pull."""
    hold: Annotated[float, Within(0, 1, usual=1)] = 1.0
    """How strongly the source's motion and structure hold: lambda in the paper. Less lets the edited frame go
    its own way; 0 makes a new clip of it."""
    strength: Annotated[float, Within(0, 1, usual=1, above=True)] = 1.0
    """Share of the steps that are taken. Less starts from a source with less noise, and stays closer to it;
    try 0.9 if the edit fades after the first frame."""
    seed: int = 0
    """Draws the noise."""

    @property
    def prompts(self) -> tuple[str, ...]:
        return self.source, self.target or self.source, self.negative_prompt

    def on(self, model: "Backbone") -> "IFV2VWork":
        from .edit import IFV2VWork

        return IFV2VWork(self, model)
