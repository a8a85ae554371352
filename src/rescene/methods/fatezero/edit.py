"""FateZero at work (Qi et al., ICCV 2023).

The source is inverted. The edit then denoises from the same noise towards the target prompt, and inside the
published windows it attends as the source did at the same step: to itself and other frames (self-attention),
and to the words that both prompts share (cross-attention). A mask, from where the source attended to some of
its words, can leave everything else alone.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import torch

from ...attention import (
    AtLevel,
    Attention,
    AttentionHook,
    FrameKeys,
    FromLevel,
    LayerPredicate,
    WatchWords,
    layout_level,
    word_level,
)
from ...backbones import Backbone, guided
from ...backbones.changes import Adapter, ClipNorms, check_adapter
from ...inputs import Inputs
from ...sampling import Keep, Step, sample
from ...typing import Latents
from ...video import Video
from ..held import Held
from ..method import Cost, Run
from ..notes import Notes
from . import FateZero
from .cost import cost
from .fusion import AttentionFusion
from .inversion import Inversion, SourceBranch, invert
from .stores import open_store


@dataclass(frozen=True)
class FateZeroEdit:
    """One edit on one model."""

    settings: FateZero
    model: Backbone

    def check(self, inputs: Inputs) -> None:
        """Makes sure that words are in their prompts, and that the adapter fits the model."""
        self.model.schedule(self.settings.num_inference_steps)  # First: so many steps are laid out then.
        _ = self.fusion
        if self.settings.motion:
            check_adapter(self.settings.motion, self.model)

    def cost(self, inputs: Inputs) -> Cost:
        """The cost, which depends on where attention is kept."""
        assert inputs.video
        return cost(self, inputs.video)

    def __call__(self, inputs: Inputs, run: Run) -> Video:
        """Inverts the video and edits it."""
        assert inputs.video
        video, schedule = inputs.video, self.model.schedule(self.settings.num_inference_steps)
        clean = self.model.encode(video)
        source = self.source_branch(Inversion(video, clean[None]).size)

        def replay(step: int) -> Attention:
            return source.attend(inversion.at(step), schedule[step])[1]

        kept = open_store(self.settings.store, replay, len(schedule))
        with self.model.changed(*self.tuning), kept as store:

            def predict(z: Latents, step: Step) -> Latents:
                if not (store.keeps and self.fusion.needs_source(step.index)):
                    return source.predict(z, step)
                prediction, attention = source.attend(z, step)
                store.save(step.index, attention)
                return prediction

            trajectory = invert(source, clean, schedule, predict=predict, progress=run.progress)
            inversion = Inversion(video, trajectory)
            if run.notes:
                run.notes.reconstructed(source.reconstruct(inversion, run.progress))
            held = Held.by(inputs, self.model, lambda step: inversion.at(step.index))
            edited = self.edit(inversion, store.load, run.notes, held)
            *_, z = run.progress(edited, description="Editing", total=len(schedule))
        return self.model.decode(z, like=video)

    def edit(
        self,
        inversion: Inversion,
        attention: Callable[[int], Attention],
        notes: Notes | None = None,
        keep: Keep | None = None,
    ) -> Iterator[Latents]:
        """Yields the latents after each step from the inverted noise towards the target.

        Args:
            inversion: The source's trajectory.
            attention: The source's attention by step.
            notes: Takes heat maps and masks, if given.
            keep: Changes the latents after each step, if given.
        """
        settings, model, size = self.settings, self.model, inversion.size
        assert model.text
        target, negative = model.text(settings.target), model.text(settings.negative_prompt)
        watch = WatchWords(self.word_layers(size))
        # The target's maps are written out for those who read them, and for nobody else.
        watching = [watch] if notes or self.fusion.background_steps else []
        denoise = guided(model, target, negative, settings.guidance_scale)
        z, schedule = inversion.noise.to(model.device), model.schedule(settings.num_inference_steps)

        for step in schedule:
            # Denoise, attending as the source did at this step as far as the windows say.
            source = attention(step.index) if notes or self.fusion.needs_source(step.index) else {}
            follow = self.fusion.hooks(step.index, source, self.layers(size))
            with model.changed(ClipNorms(), *watching, *follow, self.frame_hook(size)):
                (z,) = sample(denoise, z, schedule.alone(step))

            # Outside the words' place, put the source back.
            if step.index in self.fusion.background_steps:
                foreground = self.fusion.foreground(source["heat"], watch.heat(), size)
                z = torch.where(foreground[:, None], z, self.background(inversion, step.index).to(z))
            z = keep(z, step) if keep else z
            if notes:
                notes.step(source["heat"], watch.heat(), self.fusion.source_mask(source["heat"]))
            del source, follow  # Or two steps' attention would be held while the next is computed.
            yield z

    @cached_property
    def fusion(self) -> AttentionFusion:
        """The settings, worked out for the model's tokens.

        Raises:
            ValueError: If a word isn't in its prompt, a window is out of range, or a prompt is too long.
        """
        assert self.model.text
        source, target = map(self.model.text.tokenize, (self.settings.source, self.settings.target))
        return AttentionFusion.of(self.settings, source, target)

    def source_branch(self, size: tuple[int, int]) -> SourceBranch:
        """The source as the network sees it, for latents of `size`."""
        assert self.model.text
        text = self.model.text(self.settings.source)
        return SourceBranch(
            self.model, text, self.frame_hook(size), self.layers(size), self.word_layers(size)
        )

    @cached_property
    def tuning(self) -> tuple[Adapter, ...]:
        """The adapter, if there is one; its file is read once."""
        return (Adapter.load(self.settings.motion, self.model),) if self.settings.motion else ()

    def frame_hook(self, size: tuple[int, int]) -> AttentionHook:
        """How frames attend to each other; at full resolution each attends to itself, as published."""
        if self.tuning:
            return self.tuning[0].frame_hook
        return FrameKeys(self.settings.frame_keys, self.layers(size))

    def layers(self, size: tuple[int, int]) -> LayerPredicate:
        """The layers that follow the source, for latents of `size`."""
        return FromLevel(layout_level(*size))

    def word_layers(self, size: tuple[int, int]) -> LayerPredicate:
        """The layers whose cross-attention makes the masks."""
        return AtLevel(word_level(*size, list(self.model.control.layers)))

    def background(self, inversion: Inversion, step: int) -> Latents:
        """The source's latents at the level that the edit has reached after `step`."""
        return inversion.at(step)
