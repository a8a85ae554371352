"""FlowAlign (ICLR 2026): FlowEdit with fewer passes, held to the source by its clean estimate."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from ...fields import AtLeast, Within
from ..flowedit import Shifted
from ..method import Balance, Needs, Prompted

if TYPE_CHECKING:
    from ...backbones import Backbone
    from .edit import FlowAlignWork


@dataclass(frozen=True, kw_only=True)
class FlowAlign(Shifted, Prompted):
    """Edits by text without inversion, in three passes a step, drawn to the source (ICLR 2026)."""

    name: ClassVar = "flowalign"
    title: ClassVar = "FlowAlign: by text, held closely to the source"
    needs: ClassVar = Needs()
    balance: ClassVar = Balance(ends={"strength": (0.6, 1.0)})

    num_inference_steps: Annotated[int, AtLeast(1, usual=25)] = 25
    """Denoising steps: more follow both prompts more closely and take longer."""
    guidance_scale: Annotated[float, AtLeast(0, usual=7.5)] = 7.5
    """How strongly the target prompt pulls away from the source prompt. Turn it up when the edit is too weak,
    down when colours burn."""
    strength: Annotated[float, Within(0, 1, usual=0.9)] = 0.9
    """Share of the steps that the edit takes. Less leaves out the noisiest ones and stays closer to the
    source; 0 returns it."""
    alignment: Annotated[float, Within(0, 1, usual=0.01)] = 0.01
    """How much each step draws the edit back to the source: zeta in the paper."""
    seed: int = 0
    """Draws the noise."""

    def on(self, model: "Backbone") -> "FlowAlignWork":
        from .edit import FlowAlignWork

        return FlowAlignWork(self, model)
