"""Putting the first branch's features and attention into the others."""

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from rescene import Layer, StableDiffusion
from rescene.attention import (
    FollowFeatures,
    FollowFirst,
    RecordFeatures,
    UseFeatures,
    injection_sites,
)
from rescene.attention.features import FeatureHook, Features
from tests.attention.explicit import FRAMES, SELF, attend, call, maps, queries

CONVOLUTION = "up_blocks.1.resnets.1.conv2"


def predict(model: StableDiffusion, *prompts: str) -> tuple[Tensor, ...]:
    z = torch.randn(3, 4, 8, 16, generator=torch.Generator().manual_seed(0))
    return model.predict(model.schedule(4)[1], *((z, model.embed(prompt)) for prompt in prompts))


def test_all_branches_attend_by_the_first_ones_maps_to_their_own_values() -> None:
    q, k, v = (queries(3, seed=seed) for seed in range(3))
    out = FollowFirst(frozenset([SELF])).around_attention(call(), q, k, v, attend)
    for branch in out.split(FRAMES), v.split(FRAMES):
        assert len(branch) == 3
    for ours, values in zip(out.split(FRAMES), v.split(FRAMES), strict=True):
        torch.testing.assert_close(ours, maps(q[:FRAMES], k[:FRAMES]) @ values)


def test_features_are_taken_over_and_the_first_branch_stays_as_it_is(model: StableDiffusion) -> None:
    plain = predict(model, "a cat", "a dog")
    with model.hooked(FollowFeatures(CONVOLUTION)):
        followed = predict(model, "a cat", "a dog")
    torch.testing.assert_close(followed[0], plain[0])
    assert not torch.allclose(followed[1], plain[1])
    torch.testing.assert_close(predict(model, "a cat", "a dog"), plain)


def test_features_of_an_earlier_pass_do_what_those_of_the_same_pass_do(model: StableDiffusion) -> None:
    with model.hooked(FollowFeatures(CONVOLUTION)):
        _, *together = predict(model, "a cat", "a dog", "a car")
    kept: list[Tensor] = []
    with model.hooked(RecordFeatures(CONVOLUTION, kept)):
        predict(model, "a cat")
    with model.hooked(UseFeatures(CONVOLUTION, *kept)):
        apart = predict(model, "a dog", "a car")
    torch.testing.assert_close(apart, tuple(together))


def test_equal_branches_stay_as_they_are(model: StableDiffusion) -> None:
    plain = predict(model, "a cat", "a cat")
    with model.hooked(FollowFeatures(CONVOLUTION), FollowFirst(injection_sites(list(model.hooks.layers))[1])):
        torch.testing.assert_close(predict(model, "a cat", "a cat"), plain)


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
    with model.hooked(outer), model.hooked(inner):
        predict(model, "a cat")
    assert outer.seen == [5]
    assert inner.seen != [2]


def test_an_unknown_module_is_an_error_that_leaves_nothing_behind(model: StableDiffusion) -> None:
    with (
        pytest.raises(ValueError, match="no such module"),
        model.hooked(FollowFeatures(CONVOLUTION), FollowFeatures("up_blocks.9")),
    ):
        pass


def test_the_sites_are_those_of_the_paper_in_a_network_of_stable_diffusions_layout() -> None:
    names = [
        *(f"down_blocks.{block}.attentions.{index}" for block in range(3) for index in range(2)),
        *(f"up_blocks.{block}.attentions.{index}" for block in (1, 2, 3) for index in range(3)),
        "mid_block.attentions.0",
    ]
    layers = [
        Layer(f"{name}.transformer_blocks.0.{kind}", name.split("_")[0], 0)  # pyright: ignore[reportArgumentType]
        for name in names
        for kind in ("attn1", "attn2")
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
