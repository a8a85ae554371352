"""I2VEdit (Ouyang et al., SIGGRAPH Asia 2024): edit the first frame, and the video follows."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from ...fields import AtLeast, Window
from ..method import Method, Needs

if TYPE_CHECKING:
    from ...backbones import Backbone
    from .edit import I2VEditWork


@dataclass(frozen=True, kw_only=True)
class I2VEdit(Method):
    """Carries an edited first frame through the whole video (Ouyang et al., SIGGRAPH Asia 2024)."""

    name: ClassVar = "i2vedit"
    title: ClassVar = "I2VEdit: an edited first frame, carried through"
    needs: ClassVar = Needs(
        inputs=frozenset({"video", "key_frames"}),
        conditions=frozenset({"picture"}),
        attends=frozenset({"frame", "time"}),
        one_latent_per_frame=True,
    )

    num_inference_steps: Annotated[int, AtLeast(2, usual=25)] = 25
    """Denoising steps. More steps follow the source more closely and take longer."""
    guidance_scale: Annotated[float, AtLeast(1, usual=2)] = 2.0
    """How strongly the last frame of a clip is pulled towards the edited one; the first needs no pull. More
    keeps the look over the clip, too much burns colours."""
    inversion: bool = True
    """Start from the source's noise and follow its attention. Without, the clip starts from random noise:
    only the edited frame and motion LoRAs shape it, in less than half the time."""
    motion_window: Window = 0.5
    """Share of the steps, from the noisiest on, in which everything moves as in the source. Turn it down when
    the edit changes shapes."""
    deep_motion_window: Window = 0.8
    """Share of the steps in which at least the coarse motion is the source's."""
    mask_threshold: Annotated[tuple[float, float], AtLeast(0)] = (0.35, 0.35)
    """How much attention may differ from the source's, in the first frame and towards the last, before a
    place goes its own way: lower for freer edits, 0 to not look at the source; above 1 never."""
    smooth_noise: Annotated[float, AtLeast(0, usual=0.005)] = 0.005
    """How much noise areas without texture get before the inversion; 0 for none. Too little makes skies and
    walls of the result drift."""
    clip_length: Annotated[int, AtLeast(2)] | None = None
    """Frames that are edited together; the model's own (14 or 25) if not given. Fewer need less memory."""
    skip_interval: bool = True
    """Later clips also look at the first one, which keeps its look and takes twice the time."""
    motion_lora: tuple[Path, ...] = ()
    """LoRAs of how this video moves (`rescene train motion-lora`): one for all clips, or one for each. They
    follow fast and complex motion better."""
    motion_lora_weight: float = 1.0
    """How strongly they hold: 0 not at all, 1 as trained."""
    seed: int = 0
    """All random draws depend on it alone."""

    def on(self, model: "Backbone") -> "I2VEditWork":
        from .edit import I2VEditWork

        return I2VEditWork(self, model)
