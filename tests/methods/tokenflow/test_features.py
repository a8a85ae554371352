"""Putting the first branch's features and attention into the others."""

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from rescene import Layer, StableDiffusion
from rescene.attention import FeatureHook, Features, Record
from rescene.backbones import Branch, Condition
from rescene.methods.tokenflow.features import RecordFeatures, ShareAttention, UseFeatures, injection_sites
from tests.attention.explicit import CROSS, FRAMES, SELF, attend, call, maps, queries

CONVOLUTION = "up_blocks.1.resnets.1.conv2"


def predict(model: StableDiffusion, *prompts: str) -> tuple[Tensor, ...]:
    z = torch.randn(3, 4, 8, 16, generator=torch.Generator().manual_seed(0))
    step = model.schedule(4)[1]
    return model.predict(*(Branch(z, step, Condition(text=model.text(prompt))) for prompt in prompts))


def test_all_branches_attend_by_the_sources_maps_to_their_own_values() -> None:
    q, k, v = (queries(2, seed=seed) for seed in range(3))
    source = {f"{SELF.name}.q": queries(1, seed=8), f"{SELF.name}.k": queries(1, seed=9)}
    seen: list[int] = []

    def proceed(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        seen.append(len(q))
        return attend(q, k, v)

    out = ShareAttention(source).around_attention(call(), q, k, v, proceed)
    for ours, values in zip(out.split(FRAMES), v.split(FRAMES), strict=True):
        torch.testing.assert_close(ours, maps(*source.values()) @ values)
    assert seen == [FRAMES], "the map is made once for all branches"


def test_layers_without_recorded_attention_stay_as_they_are() -> None:
    assert not ShareAttention({f"{SELF.name}.q": queries(1)}).applies(CROSS)


def test_what_the_source_puts_in_is_what_it_has_when_it_runs_along(model: StableDiffusion) -> None:
    sites = injection_sites(list(model.control.layers))
    features: list[Tensor] = []
    attention: dict[str, Tensor] = {}
    with model.changed(
        RecordFeatures(sites.features, features), Record(sites.attention.__contains__, attention)
    ):
        (source,) = predict(model, "a cat")
    with model.changed(UseFeatures(sites.features, *features), ShareAttention(attention)):
        same, other = predict(model, "a cat", "a dog")
    torch.testing.assert_close(same, source)
    assert not torch.allclose(other, predict(model, "a dog")[0])
    with model.changed(UseFeatures(sites.features, *features)):
        assert not torch.allclose(predict(model, "a cat", "a dog")[1], other)


@dataclass(frozen=True)
class Plus(FeatureHook):
    module: str
    number: float
    seen: list[float]

    def after(self, frames: int, features: Features) -> Features:
        self.seen.append(float(features.mean()))
        return torch.full_like(features, self.number)


def test_hooks_of_the_outer_block_see_what_the_inner_ones_made(model: StableDiffusion) -> None:
    outer, inner = Plus(CONVOLUTION, 2, []), Plus(CONVOLUTION, 5, [])
    with model.changed(outer), model.changed(inner):
        predict(model, "a cat")
    assert outer.seen == [5]
    assert inner.seen != [2]


def test_an_unknown_module_is_an_error_that_leaves_nothing_behind(model: StableDiffusion) -> None:
    with (
        pytest.raises(ValueError, match="no such module"),
        model.changed(RecordFeatures(CONVOLUTION), RecordFeatures("up_blocks.9")),
    ):
        pass


def test_the_sites_are_those_of_the_paper_in_a_network_of_stable_diffusions_layout() -> None:
    names = [
        *(f"down_blocks.{block}.attentions.{index}" for block in range(3) for index in range(2)),
        *(f"up_blocks.{block}.attentions.{index}" for block in (1, 2, 3) for index in range(3)),
        "mid_block.attentions.0",
    ]
    layers = [
        Layer(
            f"{name}.transformer_blocks.0.{kind}",
            name.split("_")[0],  # pyright: ignore[reportArgumentType]
            0,
            0.0,
            attends,  # pyright: ignore[reportArgumentType]
            "frames",
        )
        for name in names
        for kind, attends in (("attn1", "frame"), ("attn2", "words"))
    ]
    features, attention = injection_sites(layers)
    assert features == "up_blocks.1.resnets.1.conv2"
    assert sorted(layer.name.split(".transformer")[0] for layer in attention) == [
        *(f"up_blocks.1.attentions.{index}" for index in (1, 2)),
        *(f"up_blocks.{block}.attentions.{index}" for block in (2, 3) for index in range(3)),
    ]


def test_a_network_without_attention_in_its_decoder_is_an_error() -> None:
    with pytest.raises(ValueError, match="decoder"):
        injection_sites([SELF])
