"""TokenFlow (Geyer et al., ICLR 2024): edit a few frames jointly and carry their features to all others."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from ...fields import AtLeast, LocalName, Window, Within
from ..method import Balance, Needs, TextEdit
from ..text2video_zero import ControlName

if TYPE_CHECKING:
    from ...backbones import Backbone
    from .edit import TokenFlowEdit

Base = Literal["pnp", "sdedit", "controlnet", "ddim"]
Blend = Literal["published", "between"]


@dataclass(frozen=True, kw_only=True)
class TokenFlow(TextEdit):
    """Consistent editing of style and texture for clips of any length (Geyer et al., ICLR 2024)."""

    name: ClassVar = "tokenflow"
    title: ClassVar = "TokenFlow: style and texture, long clips"
    needs: ClassVar = Needs(may=frozenset({"depth"}), attends=frozenset({"frame"}), one_latent_per_frame=True)
    balance: ClassVar = Balance(ends={"feature_window": (1.0, 0.4), "attention_window": (0.9, 0.1)})

    base: Base = "pnp"
    """How a single frame is edited: with the source's features and attention put in (`pnp`), from the noised
    source (`sdedit`), along a control of the model such as edges (`controlnet`), or by the target prompt
    alone (`ddim`)."""
    inversion: Literal["ddpm", "ddim"] = "ddpm"
    """How the source becomes noise: `ddpm` returns to it exactly, `ddim`, which base `ddim` implies, leaves
    edits more freedom."""
    strength: Annotated[float, Within(0, 1, usual=0.9, above=True)] = 0.9
    """Share of the steps that the edit takes. Less leaves out the noisiest ones and stays closer to the
    source."""
    feature_window: Window = 0.8
    """Share of the steps in which `pnp` takes the source's features: its layout. Less leaves shapes freer."""
    attention_window: Window = 0.5
    """Share of the steps in which `pnp` takes the source's attention. Less leaves details freer."""
    control: ControlName = "canny"
    """What base `controlnet` follows: `canny` (edges), `depth` or `pose`."""
    controlnet: LocalName | None = None
    """The ControlNet for it, as short name, hub id or folder; if not given, `mini`'s own or the one for
    Stable Diffusion 1.5."""
    control_weight: float = 1.0
    """How strongly to follow it; lower it for more freedom."""
    depth_model: LocalName = "Intel/dpt-hybrid-midas"
    """The model that estimates depth, for control `depth` and for models that read depth: a hub id or a
    folder."""
    pivot_interval: Annotated[int, AtLeast(1, usual=8)] = 8
    """Frames from one pivot, a frame that is edited jointly with the other pivots, to the next. Fewer follow
    fast motion better and take longer."""
    blend: Blend = "published"
    """What a frame copies: a mix of the pivots of its own segment and of the one before (`published`), or of
    those before and after it, each the more the nearer it is (`between`)."""
    joint_pivots: Annotated[int, AtLeast(4, usual=8)] = 8
    """Pivots that attend to each other: all, in clips that have no more. In longer clips, groups of so many,
    each with its neighbours and the clip's first. More keep long clips more alike and need more memory."""
    frames_per_batch: Annotated[int, AtLeast(1, usual=8)] = 8
    """Frames that are denoised at once: more are faster and need more memory, the result is the same."""
    seed: int = 0
    """Chooses the pivots and the noise."""

    def on(self, model: "Backbone") -> "TokenFlowEdit":
        from .edit import TokenFlowEdit

        return TokenFlowEdit(self, model)
