"""FateZero (Qi et al., ICCV 2023): edit a video while its own attention holds the structure.

The source is inverted. The edit then denoises from the same noise towards the target prompt, and inside the
published windows it attends as the source did at the same step: to itself and other frames (self-attention),
and to the words that both prompts share (cross-attention). A mask, from where the source attended to some of
its words, can leave everything else alone.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

import torch

from ..adapters import read_about, tuned
from ..attention import (
    AtLevel,
    Attention,
    AttentionHook,
    FrameKeys,
    FromLevel,
    WatchWords,
    layout_level,
    open_store,
    word_level,
)
from ..attention.layers import LayerPredicate
from ..attention.stores import Place
from ..backbones import Backbone
from ..fields import Window, steps_within
from ..progress import Progress
from ..prompts import Alignment, Prompt, align, equalizer, tokenize, word_windows
from ..sampling import Step, classifier_free
from ..typing import Latents
from ..video import Video
from .control import Control
from .inversion import Inversion, SourceBranch, invert
from .method import TextEdit, quiet
from .notes import Notes

Kind = Literal["auto", "replace", "refine"]
FRAME_KEYS = ("own", "middle")


@dataclass(frozen=True, kw_only=True)
class FateZero(TextEdit):
    """Edits style, attributes and shape by fusing the source's attention (Qi et al., ICCV 2023)."""

    self_replace: Window = 0.8
    """Share of the steps, from the noisiest on, that take the source's self-attention: its layout and motion.
    Turn it down when the edit is too weak or the shape must change (0.3 to 0.5), up when structure is
    lost."""
    cross_replace: Window = 0.8
    """Share of the steps in which words that both prompts share attend where they did in the source. Turn it
    down for larger changes, up when things that shouldn't change do."""
    word_windows: Mapping[str, Window] = field(default_factory=dict)
    """Windows of their own for some words of the target prompt, as in {"jeep": 0.4}."""
    emphasize: Mapping[str, float] = field(default_factory=dict)
    """How much more (above 1) or less attention words of the target get: 2 to 10 strengthens a weak style."""
    alignment: Kind = "auto"
    """How target words find their source words: one for one (`replace`, for prompts of equally many words),
    by what the prompts have in common (`refine`), or one for one where that is possible (`auto`)."""
    mask_words: tuple[str, ...] = ()
    """Words of the source prompt whose place may change; elsewhere the source's self-attention is kept. Use
    them when the edit leaks into the background."""
    target_mask_words: tuple[str, ...] = ()
    """Words of the target prompt whose place may change too, for new shapes; only with `keep_background`."""
    mask_threshold: float = 0.3
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
        FrameKeys(self.frame_keys)
        if self.motion and self.frame_keys != FRAME_KEYS:
            raise ValueError("frame_keys are those of the tuning where there is a motion; leave them out")
        for name, known in (("alignment", get_args(Kind)), ("store", get_args(Place))):
            if getattr(self, name) not in known:
                raise ValueError(f"{name} is {getattr(self, name)!r}; it must be one of {', '.join(known)}")
        if not 0 <= self.mask_threshold <= 1:
            raise ValueError(
                f"mask_threshold is {self.mask_threshold}; it must be between 0 and 1, 0.3 is usual"
            )
        if (self.keep_background or self.target_mask_words) and not self.mask_words:
            raise ValueError("keep_background and target_mask_words need mask_words: which words may change?")
        if not (self.blend_attention or self.keep_background):
            raise ValueError("without blend_attention, mask_words are for keep_background; turn either on")

    def __call__(
        self, model: Backbone, video: Video, *, progress: Progress = quiet, notes: Notes | None = None
    ) -> Video:
        """Inverts the video and edits it; the result has its rate and sound."""
        # Mistakes in words, windows and prompts surface before the network runs.
        control = self.control(model)
        for prompt in (self.source, self.target, self.negative_prompt):
            model.embed(prompt)
        schedule, clean = model.schedule(self.num_inference_steps), model.encode(video)
        source = self.source_branch(model, Inversion(video, clean[None]).size)

        def replay(step: int) -> Attention:
            return source.attend(inversion.at(step), schedule[step])[1]

        with tuned(model, self.motion), open_store(self.store, replay, len(schedule)) as store:

            def predict(z: Latents, step: Step) -> Latents:
                if not (store.keeps and control.needs_source(step.index)):
                    return source.predict(z, step)
                prediction, attention = source.attend(z, step)
                store.save(step.index, attention)
                return prediction

            inversion = Inversion(video, invert(source, clean, schedule, predict=predict, progress=progress))
            if notes:
                notes.reconstructed(source.reconstruct(inversion, progress))
            edited = self.edit(model, inversion, store.load, notes)
            *_, z = progress(edited, description="Editing", total=len(schedule))
        return model.decode(z, like=video)

    def edit(
        self,
        model: Backbone,
        inversion: Inversion,
        attention: Callable[[int], Attention],
        notes: Notes | None = None,
    ) -> Iterator[Latents]:
        """Yields the latents after each step from the inverted noise towards the target.

        Args:
            model: The backbone that inverted the video.
            inversion: The source's trajectory.
            attention: The source's attention by step.
            notes: Takes heat maps and masks, if given.
        """
        control, size = self.control(model), inversion.size
        target, negative = model.embed(self.target), model.embed(self.negative_prompt)
        watch = WatchWords(self.word_layers(model, size))
        # The target's maps are written out for those who read them, and for nobody else.
        watching = [watch] if notes or control.background_steps else []
        z = inversion.noise.to(target.device)

        def denoise(z: Latents, step: Step) -> Latents:
            without, towards = model.predict(step, (z, negative), (z, target))
            return classifier_free(without, towards, self.guidance_scale)

        for step in model.schedule(self.num_inference_steps):
            # Denoise, attending as the source did at this step as far as the windows say.
            source = attention(step.index) if notes or control.needs_source(step.index) else {}
            follow = control.hooks(step.index, source, self.layers(size))
            with model.clip_norms(), model.hooked(*watching, *follow, self.frame_hook(size)):
                (z,) = model.sample(denoise, z, [step])

            # Outside the words' place, put the source back.
            if step.index in control.background_steps:
                foreground = control.foreground(source["heat"], watch.heat(), size)
                z = torch.where(foreground[:, None], z, self.background(inversion, step.index).to(z))
            if notes:
                notes.step(source["heat"], watch.heat(), control.source_mask(source["heat"]))
            del source, follow  # Or two steps' attention would be held while the next is computed.
            yield z

    def control(self, model: Backbone) -> Control:
        """Works the settings out for `model`'s tokens.

        Raises:
            ValueError: If a word isn't in its prompt, a window is out of range, or a prompt is too long.
        """
        source, target = tokenize(model.tokenizer, self.source), tokenize(model.tokenizer, self.target)
        steps = self.num_inference_steps
        held = steps_within(self.background_window, steps)
        return Control(
            self_steps=steps_within(self.self_replace, steps),
            alignment=self.align(source, target),
            word_weights=word_windows(target, self.cross_replace, self.word_windows, steps=steps),
            equalizer=equalizer(target, self.emphasize),
            mask_tokens=tuple(token for word in self.mask_words for token in source.find(word)),
            target_mask_tokens=tuple(token for word in self.target_mask_words for token in target.find(word)),
            mask_threshold=self.mask_threshold,
            blends_attention=self.blend_attention,
            # One step short of the window, as published, unless it lasts to the end.
            background_steps=(held if held.stop == steps else held[:-1])
            if self.keep_background
            else range(0),
        )

    def align(self, source: Prompt, target: Prompt) -> Alignment:
        """Which source tokens the target's tokens follow."""
        return align(source, target, kind=self.alignment)

    def source_branch(self, model: Backbone, size: tuple[int, int]) -> SourceBranch:
        """The source as the network sees it, for latents of `size`."""
        return SourceBranch(
            model,
            model.embed(self.source),
            self.frame_hook(size),
            self.layers(size),
            self.word_layers(model, size),
        )

    def frame_hook(self, size: tuple[int, int]) -> AttentionHook:
        """How frames attend to each other; at full resolution each attends to itself, as published."""
        if self.motion:
            return FrameKeys(read_about(self.motion).frame_keys)
        return FrameKeys(self.frame_keys, self.layers(size))

    def layers(self, size: tuple[int, int]) -> LayerPredicate:
        """The layers that follow the source, for latents of `size`."""
        return FromLevel(layout_level(*size))

    def word_layers(self, model: Backbone, size: tuple[int, int]) -> LayerPredicate:
        """The layers whose cross-attention makes the masks."""
        return AtLevel(word_level(*size, list(model.hooks.layers)))

    def background(self, inversion: Inversion, step: int) -> Latents:
        """The source's latents at the level that the edit has reached after `step`."""
        return inversion.at(step)
