"""Attention fusion (FateZero, Qi et al., ICCV 2023, §3.2): the source's part in each step of an edit."""

from collections.abc import Mapping
from dataclasses import dataclass

from jaxtyping import Bool, Float
from torch import Tensor

from ...attention import AttentionHook, Follow, LayerPredicate, WordMask
from ...fields import steps_within
from ...prompts import Alignment, Prompt, align, equalizer, word_windows
from ...typing import Heat
from . import FateZero
from .words import FollowWords


@dataclass(frozen=True, kw_only=True)
class AttentionFusion:
    """The source's part in every step: FateZero's windows and masks, for two prompts."""

    self_steps: range
    """Steps that take the source's self-attention."""
    alignment: Alignment
    """Which source words the target's words follow."""
    word_weights: Float[Tensor, "S L"]
    """How far each target token follows the source at each step."""
    equalizer: Float[Tensor, " L"]
    """How strongly each target token is attended to."""
    mask_tokens: tuple[int, ...]
    """Source tokens whose place may change; every place may if there are none."""
    target_mask_tokens: tuple[int, ...]
    """Target tokens whose place may change too."""
    mask_threshold: float
    blends_attention: bool
    """Whether places in the mask keep their own self-attention."""
    background_steps: range
    """Steps after which the source's latents are put back outside the mask."""

    @classmethod
    def of(cls, settings: FateZero, source: Prompt, target: Prompt) -> "AttentionFusion":
        """Works the settings out for two prompts' tokens.

        Raises:
            ValueError: If a word isn't in its prompt, or a window is out of range.
        """
        steps = settings.num_inference_steps
        held = steps_within(settings.background_window, steps)
        return cls(
            self_steps=steps_within(settings.self_replace, steps),
            alignment=align(source, target, kind=settings.alignment),
            word_weights=word_windows(target, settings.cross_replace, settings.word_windows, steps=steps),
            equalizer=equalizer(target, settings.emphasize),
            mask_tokens=tuple(token for word in settings.mask_words for token in source.find(word)),
            target_mask_tokens=tuple(
                token for word in settings.target_mask_words for token in target.find(word)
            ),
            mask_threshold=settings.mask_threshold,
            blends_attention=settings.blend_attention,
            # One step short of the window, as published, unless it lasts to the end.
            background_steps=(held if held.stop == steps else held[:-1])
            if settings.keep_background
            else range(0),
        )

    def needs_source(self, step: int) -> bool:
        """Whether the step looks anything up in the source's attention."""
        return step in self.self_steps or step in self.background_steps or bool(self.word_weights[step].any())

    def source_mask(self, heat: Heat) -> WordMask | None:
        """Where the source attended to the words that may change; None if there are no such words."""
        return WordMask.of(heat, self.mask_tokens, self.mask_threshold) if self.mask_tokens else None

    def foreground(self, source: Heat, target: Heat, size: tuple[int, int]) -> Bool[Tensor, "F H W"]:
        """Where either prompt's words are, at the size of the latents."""
        mask = WordMask.of(source, self.mask_tokens, self.mask_threshold).at(size)
        if self.target_mask_tokens:
            mask = mask | WordMask.of(target, self.target_mask_tokens, self.mask_threshold).at(size)
        return mask

    def hooks(self, step: int, source: Mapping[str, Tensor], layers: LayerPredicate) -> list[AttentionHook]:
        """The hooks by which the last branch follows `source` at one step."""
        hooks: list[AttentionHook] = []
        if self.word_weights[step].any():
            fold, own = self.alignment.values(self.word_weights[step], self.equalizer)
            hooks.append(FollowWords(source, layers, fold, own))
        if step in self.self_steps:
            free = self.source_mask(source["heat"]) if self.blends_attention else None
            hooks.append(Follow(source, layers, free))
        return hooks
