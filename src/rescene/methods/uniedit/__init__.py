"""Uni-Inv and Uni-Edit (2025): inverts the source, and corrects its way back where the prompts differ."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from ...fields import AtLeast, Within
from ..flowedit import Shifted
from ..method import Balance, Needs, Prompted

if TYPE_CHECKING:
    from ...backbones import Backbone
    from .edit import UniEditWork


@dataclass(frozen=True, kw_only=True)
class UniEdit(Shifted, Prompted):
    """Edits by text from an inversion that further edits share: the cheapest of its kind (2025)."""

    name: ClassVar = "uniedit"
    title: ClassVar = "UniEdit-Flow: by text, quick to try again"
    needs: ClassVar = Needs()
    balance: ClassVar = Balance(ends={"strength": (0.6, 1.0)})

    num_inference_steps: Annotated[int, AtLeast(1, usual=25)] = 25
    """Denoising steps: more follow the source more closely and take longer."""
    strength: Annotated[float, Within(0, 1, usual=0.8)] = 0.8
    """Share of the steps that the source is inverted and edited in: alpha in the paper. Less stays closer to
    the source; 0 returns it."""
    correction: Annotated[float, AtLeast(0, usual=5)] = 5.0
    """How strongly the edit is corrected where the prompts differ: omega in the paper. Turn it up when the
    edit is too weak, down when colours burn."""

    def on(self, model: "Backbone") -> "UniEditWork":
        from .edit import UniEditWork

        return UniEditWork(self, model)
