"""FateZero (Qi et al., ICCV 2023): edit a video while its own attention holds the structure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from ...fields import Window, Within, steps_within
from ..method import Balance, Needs, TextEdit

if TYPE_CHECKING:
    from ...backbones import Backbone
    from .edit import FateZeroEdit

Place = Literal["recompute", "ram", "disk"]
FRAME_KEYS: tuple[str | int, ...] = ("own", "middle")
KEYS = ("first", "middle", "last", "own", "previous", "next")


@dataclass(frozen=True, kw_only=True)
class FateZero(TextEdit):
    """Edits style, attributes and shape by fusing the source's attention (Qi et al., ICCV 2023)."""

    name: ClassVar = "fatezero"
    title: ClassVar = "FateZero: style, colour, shape"
    needs: ClassVar = Needs(attends=frozenset({"frame", "words"}), one_latent_per_frame=True)
    balance: ClassVar = Balance(ends={"self_replace": (1.0, 0.3), "cross_replace": (1.0, 0.3)})

    self_replace: Window = 0.8
    """Share of the steps, from the noisiest on, that take the source's self-attention: its layout and motion.
    Turn it down when the edit is too weak or the shape must change (0.3 to 0.5), up when structure is
    lost."""
    cross_replace: Window = 0.8
    """Share of the steps in which words that both prompts share attend where they did in the source. Turn it
    down for larger changes, up when things that shouldn't change do."""
    word_windows: Mapping[str, Window] = field(default_factory=dict)
    """Windows for some words of the target prompt, as in {"jeep": 0.4}, in the place of `cross_replace`."""
    emphasize: Mapping[str, float] = field(default_factory=dict)
    """How much more (above 1) or less attention words of the target get: 2 to 10 strengthens a weak style."""
    alignment: Literal["auto", "replace", "refine"] = "auto"
    """How target words find their source words: one for one (`replace`, for prompts of equally many words),
    by what the prompts have in common (`refine`), or one for one where that is possible (`auto`)."""
    mask_words: tuple[str, ...] = ()
    """Words of the source prompt whose place may change; elsewhere the source's self-attention is kept. Use
    them when the edit leaks into the background."""
    target_mask_words: tuple[str, ...] = ()
    """Words of the target prompt whose place may change too, for new shapes; only with `keep_background`."""
    mask_threshold: Annotated[float, Within(0, 1, usual=0.3)] = 0.3
    """Where the mask ends, as a share of the strongest response in the frame. Raise it for a tighter mask."""
    keep_background: bool = False
    """Also paste the source's latents outside the mask: the strictest protection of the background."""
    background_window: Window = (0.2, 0.8)
    """Share of the steps in which `keep_background` does so. Up to 1, as in (0.2, 1), nothing there changes
    at all."""
    blend_attention: bool = True
    """Whether places in the mask attend freely. Turn it off to keep their shape as well, as for colours; the
    mask then only says what `keep_background` pastes."""
    frame_keys: tuple[str | int, ...] = FRAME_KEYS
    """Which frames each frame attends to: `own`, `first`, `middle`, `last`, `previous`, `next` or an offset.
    More frames flicker less and take longer."""
    store: Place = "recompute"
    """Where the source's attention is kept: computed again when needed (least memory), in `ram`, or on
    `disk`."""
    motion: Path | None = None
    """What `rescene train one-shot` made of the video, for edits of shape: the tuned model keeps its motion
    where attention must let go. Frames attend to each other as in the tuning."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for window in self.word_windows.values():
            steps_within(window, 1)
        wrong = [key for key in self.frame_keys if not isinstance(key, int) and key not in KEYS]
        if wrong or not self.frame_keys:
            raise ValueError(
                f"frame_keys are {self.frame_keys!r}; each must be an offset or one of {', '.join(KEYS)}"
            )
        if self.motion and self.frame_keys != FRAME_KEYS:
            raise ValueError("frame_keys are those of the tuning where there is a motion; leave them out")
        if (self.keep_background or self.target_mask_words) and not self.mask_words:
            raise ValueError("keep_background and target_mask_words need mask_words: which words may change?")
        if not (self.blend_attention or self.keep_background):
            raise ValueError("without blend_attention, mask_words are for keep_background; turn either on")

    def on(self, model: "Backbone") -> "FateZeroEdit":
        from .edit import FateZeroEdit

        return FateZeroEdit(self, model)
