"""Where attention layers sit, and how they are chosen."""

import pytest

from rescene import StableDiffusion
from rescene.attention import AtLevel, FromLevel, Layer, layout_level, word_level

SELF = "transformer_blocks.0.attn1"
CROSS = "transformer_blocks.0.attn2"
PUBLISHED = [
    Layer(f"{stage}_blocks.{level}.attentions.0.{kind}", stage, level)
    for stage in ("down", "up")
    for level in range(3)
    for kind in (SELF, CROSS)
] + [Layer(f"mid_block.attentions.0.{kind}", "mid", 3) for kind in (SELF, CROSS)]
"""The layers of Stable Diffusion, by stage and level."""


def test_every_attention_layer_is_found_with_its_stage_and_level(model: StableDiffusion) -> None:
    places = {layer.name.removesuffix(f".{SELF}"): layer for layer in model.hooks.layers if layer.is_self}
    assert {name: (layer.stage, layer.level) for name, layer in places.items()} == {
        "down_blocks.0.attentions.0": ("down", 0),
        "down_blocks.1.attentions.0": ("down", 1),
        "down_blocks.2.attentions.0": ("down", 2),
        "mid_block.attentions.0": ("mid", 3),
        **{f"up_blocks.{i}.attentions.{j}": ("up", 3 - i) for i in (1, 2, 3) for j in (0, 1)},
    }
    assert len(model.hooks.layers) == 2 * len(places) == len(model.unet.attn_processors)


def test_kinds_of_layers_exclude_each_other() -> None:
    for name, kind in ((SELF, "is_self"), (CROSS, "is_cross"), (f"temporal_{SELF}", "is_temporal")):
        layer = Layer(f"down_blocks.0.attentions.0.{name}", "down", 0)
        assert [k for k in ("is_self", "is_cross", "is_temporal") if getattr(layer, k)] == [kind]


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
    assert [Layer("", "down", level).grid(90, 160) for level in range(4)] == [
        (90, 160),
        (45, 80),
        (23, 40),
        (12, 20),
    ]


def test_predicates_choose_by_level_and_print() -> None:
    assert [layer.level for layer in PUBLISHED if AtLevel(1)(layer)] == [1, 1, 1, 1]
    assert {layer.level for layer in PUBLISHED if FromLevel(2)(layer)} == {2, 3}
    assert repr(FromLevel(1)) == "FromLevel(finest=1)"
