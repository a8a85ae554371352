"""What every method should beat: doing nothing, and editing each frame by itself."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, get_args

from ..fields import Kind, Window, Within
from ..methods import Method, Needs, TextEdit, TokenFlow

if TYPE_CHECKING:
    from ..backbones import Backbone
    from .frame_by_frame import DDIMInversionEdit, Done, PlugAndPlayEdit, SDEditEdit


@dataclass(frozen=True, kw_only=True)
class Nothing(TextEdit):
    """Returns the source: what the way to the model's size and back leaves of it."""

    name: ClassVar = "nothing"
    title: ClassVar = "Nothing: the source as it is"
    needs: ClassVar = Needs(conditions=frozenset(), may=frozenset(get_args(Kind)))

    def on(self, model: "Backbone") -> "Done":
        from .frame_by_frame import Done

        return Done()


@dataclass(frozen=True, kw_only=True)
class SDEdit(TextEdit):
    """Noises every frame by itself and denoises it towards the target (Meng et al., ICLR 2022)."""

    name: ClassVar = "sdedit"
    title: ClassVar = "SDEdit, frame by frame"
    needs: ClassVar = Needs(one_latent_per_frame=True)

    strength: Annotated[float, Within(0, 1, usual=0.6, above=True)] = 0.6
    """Share of the steps that are taken: how much noise is added."""
    seed: int = 0
    """Draws the noise."""

    def on(self, model: "Backbone") -> "SDEditEdit":
        from .frame_by_frame import SDEditEdit

        return SDEditEdit(self, model)


@dataclass(frozen=True, kw_only=True)
class DDIMInversion(TextEdit):
    """Inverts every frame by itself and denoises it towards the target (Song et al., ICLR 2021, §4.3)."""

    name: ClassVar = "ddim"
    title: ClassVar = "DDIM inversion, frame by frame"
    needs: ClassVar = Needs(one_latent_per_frame=True)

    def on(self, model: "Backbone") -> "DDIMInversionEdit":
        from .frame_by_frame import DDIMInversionEdit

        return DDIMInversionEdit(self, model)


@dataclass(frozen=True, kw_only=True)
class PlugAndPlay(TextEdit):
    """Puts the source's features and attention into every frame by itself (Tumanyan et al., CVPR 2023).

    TokenFlow with base `pnp` and the same settings does the same to each pivot, but jointly.
    """

    name: ClassVar = "pnp"
    title: ClassVar = "Plug-and-Play, frame by frame"
    needs: ClassVar = Needs(attends=frozenset({"frame"}), one_latent_per_frame=True)

    inversion: Literal["ddpm", "ddim"] = "ddim"
    """As TokenFlow's; `ddim` as published. With `ddpm` frames share noise, which alone steadies them."""
    strength: Annotated[float, Within(0, 1, usual=0.9, above=True)] = TokenFlow.strength
    """Share of the steps that are taken, as TokenFlow's."""
    feature_window: Window = TokenFlow.feature_window
    """Likewise."""
    attention_window: Window = TokenFlow.attention_window
    """Likewise."""
    seed: int = 0
    """Draws the noise."""

    def on(self, model: "Backbone") -> "PlugAndPlayEdit":
        from .frame_by_frame import PlugAndPlayEdit

        return PlugAndPlayEdit(self, model)


BASELINES: dict[str, type[Method]] = {
    kind.name: kind for kind in (Nothing, SDEdit, DDIMInversion, PlugAndPlay)
}
"""By the names that settings use."""
