"""Heat maps of words, and the masks made from them."""

import pytest
import torch

from rescene import Layer, StableDiffusion
from rescene.attention import WatchWords, WordMask
from tests.attention.explicit import CROSS, FRAMES, GRID, SELF, attend, call, maps, queries, text_keys
from tests.tiny import branch


def test_watching_adds_up_the_last_branchs_maps_averaged_over_heads() -> None:
    watch = WatchWords(lambda layer: True)
    expected = 0
    for seed in range(3):
        q, k, v = queries(seed=seed), text_keys(seed=seed + 10), text_keys(seed=seed + 20)
        assert torch.equal(watch.around_attention(call(CROSS), q, k, v, attend), attend(q, k, v))
        expected = expected + maps(q[FRAMES:], k[FRAMES:]).mean(1).mT.unflatten(-1, GRID)
    torch.testing.assert_close(watch.heat(), expected)


def test_two_watches_do_not_share_what_they_saw() -> None:
    one, other = (WatchWords(lambda layer: True) for _ in range(2))
    one.around_attention(call(CROSS), queries(), text_keys(), text_keys(), attend)
    with pytest.raises(IndexError):
        other.heat()


def test_words_are_watched_in_cross_attention_outside_the_middle_block() -> None:
    watch = WatchWords(lambda layer: True)
    middle = Layer("mid_block.attentions.0.transformer_blocks.0.attn2", "mid", 3, 0.5, "words", "frames")
    assert [watch.applies(layer) for layer in (CROSS, SELF, middle)] == [True, False, False]


def test_heat_of_the_network_sums_to_one_over_the_words_of_each_layer(model: StableDiffusion) -> None:
    watch = WatchWords(lambda layer: layer.level == 1)
    z = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    with model.changed(watch):
        model.predict(branch(z, model.schedule(2)[0], model.text("a cat")))
    layers = sum(layer.attends == "words" and layer.level == 1 for layer in model.control.layers)
    torch.testing.assert_close(watch.heat().sum(1), torch.full((2, 4, 4), float(layers)))


def dots(*places: tuple[int, int, float], size: tuple[int, int] = (6, 6)) -> torch.Tensor:
    heat = torch.zeros(1, 1, *size)
    for row, column, value in places:
        heat[0, 0, row, column] = value
    return heat


def test_a_word_spreads_to_its_neighbours() -> None:
    mask = WordMask.of(dots((2, 3, 1.0)), [0], threshold=0.3).at((6, 6))
    expected = torch.zeros(6, 6, dtype=torch.bool)
    expected[1:4, 2:5] = True
    assert torch.equal(mask[0], expected)


@pytest.mark.parametrize(("threshold", "kept"), [(0.3, True), (0.5, False), (0.7, False)])
def test_the_threshold_is_a_share_of_the_strongest_response_and_must_be_exceeded(
    threshold: float, kept: bool
) -> None:
    mask = WordMask.of(dots((0, 0, 8.0), (5, 5, 4.0)), [0], threshold).at((6, 6))
    assert mask[0, 0, 0]
    assert mask[0, 5, 5] == kept


def test_frames_are_measured_against_their_own_strongest_response() -> None:
    heat = torch.cat([dots((0, 0, 8.0)), dots((5, 5, 0.01))])
    mask = WordMask.of(heat, [0], 0.3).at((6, 6))
    assert mask[0, 0, 0]
    assert mask[1, 5, 5]


def test_the_tokens_of_all_words_are_summed_before_they_spread() -> None:
    heat = torch.cat([dots((0, 0, 1.0)), dots((0, 5, 1.0)), dots((5, 0, 9.0))], dim=1)
    mask = WordMask.of(heat, [0, 1], 0.5).at((6, 6))
    assert mask[0, 0, 0]
    assert mask[0, 0, 5]
    assert not mask[0, 5, 0]


def test_other_sizes_take_the_nearest_position() -> None:
    heat = torch.arange(4.0).view(1, 2, 2)
    finer = WordMask(heat, 0.5).at((4, 6))
    assert torch.equal(finer[0], (heat[0] > 1.5).repeat_interleave(2, 0).repeat_interleave(3, 1))
    assert torch.equal(WordMask(finer.float(), 0.5).at((2, 2)), WordMask(heat, 0.5).at((2, 2)))


def test_the_strongest_response_is_looked_up_after_resizing() -> None:
    heat = torch.tensor([[[1.0, 1.0, 1.0, 9.0], [1.0] * 4, [4.0, 1.0, 1.0, 1.0], [1.0] * 4]])
    # Halving takes rows and columns 0 and 2: the 9 is skipped, and 1 is no longer too weak beside 4 at 0.2.
    assert WordMask(heat, 0.2).at((2, 2)).all()
    assert WordMask(heat, 0.2).at((4, 4)).sum() == 2
