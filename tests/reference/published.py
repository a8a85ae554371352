"""FateZero with the original's quirks; docs/differences.md lists them and what rescene does instead."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from torch import Tensor, nn

from rescene import Backbone, FateZero, FrameKeys, StableDiffusion
from rescene.attention import AttentionHook, Layer
from rescene.backbones.changes import TemporalLayers
from rescene.methods.fatezero.edit import FateZeroEdit
from rescene.methods.fatezero.fusion import AttentionFusion
from rescene.methods.fatezero.inversion import Inversion
from rescene.prompts import equalizer
from rescene.typing import Heat, Latents, Masks
from tests.reference.tokens import present, published_align


def scaled_queries(model: StableDiffusion) -> StableDiffusion:
    """The `q8` weights: sharper attention, so that a wrong map shows."""
    for name, weight in model.unet.named_parameters():
        if name.endswith(("attn1.to_q.weight", "attn2.to_q.weight")):
            weight.data.mul_(8)
    return model


def frame_keys(model: StableDiffusion, config: dict[str, Any]) -> AttentionHook:
    """`SparseCausalAttention_index`, where layers have at least `least_sc_channel` channels."""
    index: list[str | int] = config.get("SparseCausalAttention_index", [-1, "first"])
    frames = tuple("middle" if frame == "mid" else frame for frame in index)
    least = config.get("least_sc_channel", 0)
    channels = model.unet.config.block_out_channels

    def wide(layer: Layer) -> bool:
        return channels[layer.level] >= least

    return FrameKeys(frames, wide) if frames else AttentionHook()


class Bias(nn.Module):
    """What an untrained temporal attention of the original adds: the random bias of its last layer."""

    def __init__(self, bias: Tensor):
        super().__init__()
        self.bias = nn.Parameter(bias)

    def forward(self, x: Tensor, frames: int) -> Tensor:
        return x + self.bias


def temporal_biases(tensors: dict[str, Tensor], prefix: str) -> TemporalLayers:
    """The untrained temporal layers of a recorded case."""
    end = ".attn_temporal.to_out.0.bias"
    names = [name for name in tensors if name.startswith(prefix) and name.endswith(end)]
    return TemporalLayers(
        {name.removeprefix(prefix).removesuffix(end): Bias(tensors[name]) for name in names}
    )


@dataclass(frozen=True)
class SpyingFusion(AttentionFusion):
    """Keeps the masks that `foreground` made."""

    foregrounds: list[Masks] = field(default_factory=list, kw_only=True)

    def foreground(self, source: Heat, target: Heat, size: tuple[int, int]) -> Masks:
        self.foregrounds.append(super().foreground(source, target, size))
        return self.foregrounds[-1]


@dataclass(frozen=True, kw_only=True)
class Published(FateZeroEdit):
    """The original's behaviour where rescene's differs."""

    p2p: dict[str, Any]
    """One entry of the original's `p2p_config`."""
    frames: Callable[[], AttentionHook]
    """Makes the hook that the case's configuration asks for."""
    foregrounds: list[Masks] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        model: Backbone,
        prompts: tuple[str, str],
        p2p: dict[str, Any],
        editing: dict[str, Any],
        **rest: Any,
    ) -> "Published":
        """Reads the original's configuration."""
        cross = dict(p2p["cross_replace_steps"]) if isinstance(p2p["cross_replace_steps"], dict) else {}
        default = cross.pop("default_", 1.0 if cross else p2p["cross_replace_steps"])
        source, target = prompts
        settings = FateZero(
            source=source,
            target=target,
            negative_prompt=editing.get("negative_prompt", ""),
            num_inference_steps=editing["num_inference_steps"],
            guidance_scale=editing.get("guidance_scale", 7),
            self_replace=window(p2p["self_replace_steps"]),
            cross_replace=window(default),
            word_windows={word: window(value) for word, value in cross.items()},
        )
        return cls(settings, model, p2p=p2p, **rest)

    @cached_property
    def fusion(self) -> AttentionFusion:
        """Ignores words that aren't in their prompt; a mask of none leaves everything to the source."""
        settings, text = self.settings, self.model.text
        assert text
        source, target = text.tokenize(settings.source), text.tokenize(settings.target)
        known = replace(settings, word_windows=present(settings.word_windows, target))
        plain = AttentionFusion.of(known, source, target)
        eq = self.p2p.get("eq_params", {"words": (), "values": ()})
        weights = dict(zip(eq["words"], eq["values"], strict=False))
        blend = [list(words) for words in self.p2p.get("blend_words") or ()]
        blend += [[]] * (2 - len(blend))
        tokens = [
            tuple(t for word in words if word in prompt.words for t in prompt.find(word))
            for words, prompt in zip(blend, (source, target), strict=True)
        ]
        blends_self, blends_latents = (
            self.p2p.get(f"blend_{kind}") for kind in ("self_attention", "latents")
        )
        start, end = (int(share * settings.num_inference_steps) for share in (0.2, 0.8))
        fields = {name: getattr(plain, name) for name in AttentionFusion.__dataclass_fields__}
        replaces = self.p2p.get("is_replace_controller", True)
        fields |= {
            "alignment": published_align(source, target, is_replace=replaces),
            "equalizer": equalizer(target, present(weights, target)),
            "mask_tokens": tokens[0] if blends_self or blends_latents else (),
            "target_mask_tokens": tokens[1],
            "mask_threshold": self.p2p.get("blend_th", (0.3, 0.3))[0],
            "background_steps": range(start, end - 1) if blends_latents else range(0),
        }
        return SpyingFusion(**fields, foregrounds=self.foregrounds)

    def frame_hook(self, size: tuple[int, int]) -> AttentionHook:
        return self.frames()

    def background(self, inversion: Inversion, step: int) -> Latents:
        """One level noisier than the edit, as in the original."""
        return inversion.at(step - 1)


def window(value: float | list[float]) -> float | tuple[float, float]:
    """A window as rescene writes it."""
    return (value[0], value[1]) if isinstance(value, list) else float(value)
