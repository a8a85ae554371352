"""Where attention layers sit, and how they are chosen."""

from collections import Counter

import pytest
import torch
from torch import nn

from rescene import StableDiffusion, StableVideo
from rescene.attention import AtLevel, FromLevel, Layer, layout_level, word_level
from rescene.attention.layers import Stage
from rescene.backbones import Branch, Condition, Picture
from rescene.fields import Attends
from tests.tiny import branch

SELF = "transformer_blocks.0.attn1"
CROSS = "transformer_blocks.0.attn2"
KINDS: tuple[tuple[str, Attends], ...] = ((SELF, "frame"), (CROSS, "words"))
STAGES: tuple[Stage, ...] = ("down", "up")


def layer(name: str, stage: Stage, level: int, attends: Attends) -> Layer:
    return Layer(name, stage, level, 0.0, attends, "frames")


PUBLISHED = [
    layer(f"{stage}_blocks.{level}.attentions.0.{kind}", stage, level, attends)
    for stage in STAGES
    for level in range(3)
    for kind, attends in KINDS
] + [layer(f"mid_block.attentions.0.{kind}", "mid", 3, attends) for kind, attends in KINDS]
"""The layers of Stable Diffusion, by stage and level."""


def test_every_attention_layer_is_found_with_its_stage_and_level(model: StableDiffusion) -> None:
    layers = model.control.layers
    places = {layer.name.removesuffix(f".{SELF}"): layer for layer in layers if layer.attends == "frame"}
    assert {name: (layer.stage, layer.level) for name, layer in places.items()} == {
        "down_blocks.0.attentions.0": ("down", 0),
        "down_blocks.1.attentions.0": ("down", 1),
        "down_blocks.2.attentions.0": ("down", 2),
        "mid_block.attentions.0": ("mid", 3),
        **{f"up_blocks.{i}.attentions.{j}": ("up", 3 - i) for i in (1, 2, 3) for j in (0, 1)},
    }
    assert len(layers) == 2 * len(places) == len(model.unet.attn_processors)
    assert {(layer.attends, layer.rows) for layer in layers} == {("frame", "frames"), ("words", "frames")}


@pytest.mark.parametrize("video", [False, True])
def test_layers_are_in_the_order_of_computation(
    model: StableDiffusion, svd: StableVideo, video: bool
) -> None:
    chosen = svd if video else model
    seen: list[str] = []
    handles = [
        module.register_forward_pre_hook(lambda *_, name=layer.name: seen.append(name))
        for layer, module in chosen.control.layers.items()
        if isinstance(module, nn.Module)
    ]
    z = torch.randn(2, 4, 16, 16, generator=torch.Generator().manual_seed(0))
    if video:
        picture = Picture(torch.zeros(1, 1, 32), torch.zeros(1, 4, 16, 16), 7)
        svd.predict(Branch(z, svd.schedule(2)[0], Condition(picture=picture)))
    else:
        model.predict(branch(z, model.schedule(2)[0], model.text("a cat")))
    for handle in handles:
        handle.remove()
    assert seen == [layer.name for layer in chosen.control.layers]
    depths = [layer.depth for layer in chosen.control.layers]
    assert depths == sorted(set(depths))
    assert (depths[0], depths[-1]) == (0, 1)


def test_layers_of_video_networks_know_their_kind(svd: StableVideo) -> None:
    kinds = Counter((layer.attends, layer.rows) for layer in svd.control.layers)
    blocks = kinds["frame", "frames"]
    assert kinds == {
        ("frame", "frames"): blocks,
        ("picture", "frames"): blocks,
        ("time", "positions"): blocks,
        ("picture", "positions"): blocks,
    }


@pytest.mark.parametrize(
    ("height", "width", "layout", "words"),
    [
        (64, 64, 1, 2),  # 512 x 512, as published: 32 x 32 and 16 x 16
        (32, 32, 0, 1),  # 256 x 256
        (96, 64, 1, 2),  # 768 x 512
        (90, 160, 1, 2),  # 1280 x 720: words show at 23 x 40, as no finer block has them
        (16, 16, 0, 0),
        (128, 128, 1, 2),
        (24, 40, 0, 1),
    ],
)
def test_levels_follow_the_size_of_the_latents(height: int, width: int, layout: int, words: int) -> None:
    assert layout_level(height, width) == layout
    assert word_level(height, width, PUBLISHED) == words
    assert word_level(width, height, PUBLISHED) == words


def test_a_layers_grid_rounds_up_as_strided_convolutions_do() -> None:
    assert [layer("", "down", level, "frame").grid(90, 160) for level in range(4)] == [
        (90, 160),
        (45, 80),
        (23, 40),
        (12, 20),
    ]


def test_predicates_choose_by_level_and_print() -> None:
    assert [layer.level for layer in PUBLISHED if AtLevel(1)(layer)] == [1, 1, 1, 1]
    assert {layer.level for layer in PUBLISHED if FromLevel(2)(layer)} == {2, 3}
    assert repr(FromLevel(1)) == "FromLevel(finest=1)"
