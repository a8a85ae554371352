"""FlowEdit (Kulikov et al., ICCV 2025): edits by the difference of two velocities."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from ...fields import Above, AtLeast, Within
from ..method import Balance, Method, Needs, Prompted

if TYPE_CHECKING:
    from ...backbones import Backbone
    from .edit import FlowEditWork


@dataclass(frozen=True, kw_only=True)
class Shifted(Method):
    """A field of methods along straight paths."""

    shift: Annotated[float, Above(0, usual=5)] | None = None
    """How many of the steps go into the layout, for video transformers: 3 to 5 are published for edits by
    Wan; as the model's makers sample if not given."""


@dataclass(frozen=True, kw_only=True)
class FlowEdit(Shifted, Prompted):
    """Edits by text without inversion, keeping structure and motion (Kulikov et al., ICCV 2025)."""

    name: ClassVar = "flowedit"
    title: ClassVar = "FlowEdit: by text, without inversion"
    needs: ClassVar = Needs()
    balance: ClassVar = Balance(ends={"strength": (0.6, 1.0)})

    num_inference_steps: Annotated[int, AtLeast(1, usual=25)] = 25
    """Denoising steps."""
    negative_prompt: str = ""
    """What to keep out of the result."""
    guidance_scale: Annotated[float, AtLeast(0, usual=10)] | None = None
    """How strongly the target prompt pulls. Turn it up when the edit is too weak, down when colours burn. If
    not given, 10 for video models, as published, and 5 for image models."""
    source_guidance_scale: Annotated[float, AtLeast(0, usual=5)] | None = None
    """How strongly the source prompt holds what the source shows: half of `guidance_scale` if not given."""
    strength: Annotated[float, Within(0, 1, usual=0.9)] = 0.9
    """Share of the steps that the edit takes. Less leaves out the noisiest ones and stays closer to the
    source; 0 returns it."""
    free_steps: Annotated[int, AtLeast(0, usual=0)] = 0
    """The last so many steps follow the target prompt alone, without the source."""
    average: Annotated[int, AtLeast(1, usual=1)] = 1
    """Draws of noise over which each step is averaged: more are smoother and take so many times as long."""
    noise: Literal["fresh", "fixed"] = "fresh"
    """Whether each step draws noise of its own, as published, or all share one draw."""
    magnitude: Annotated[float, AtLeast(0, usual=1)] = 0.0
    """FlowAnchor's magnitude refinement (2026): strengthens the edit where it is strong already, the more the
    longer the clip; 0 is off, 1 as published."""
    anchor_words: tuple[str, ...] = ()
    """FlowAnchor's refinement of attention: words of the target prompt that are to appear inside the mask and
    nowhere else. Needs a mask; a box will do."""
    seed: int = 0
    """Draws the noise."""

    @property
    def prompts(self) -> tuple[str, ...]:
        return self.source, self.target, self.negative_prompt

    def on(self, model: "Backbone") -> "FlowEditWork":
        from .edit import FlowEditWork

        return FlowEditWork(self, model)
