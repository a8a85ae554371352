"""Styles are filters that act on each frame alone."""

import numpy as np
import pytest

from rescene.world.backgrounds import BACKGROUNDS, background
from rescene.world.styles import STYLES, stylised

IMAGE = background("forest", 1, 64)[:, 10:74]


@pytest.mark.parametrize("style", STYLES)
def test_a_style_keeps_shape_and_range_and_changes_the_picture(style):
    result = stylised(IMAGE, style)
    assert result.shape == IMAGE.shape
    assert result.min() >= 0 and result.max() <= 1
    assert np.abs(result - IMAGE).mean() > 0.01


@pytest.mark.parametrize("style", STYLES)
def test_a_style_does_not_write_into_its_input(style):
    before = IMAGE.copy()
    stylised(IMAGE, style)
    assert np.array_equal(before, IMAGE)


def test_no_style_leaves_the_picture():
    assert stylised(IMAGE, None) is IMAGE


def test_pixel_art_consists_of_blocks():
    blocks = stylised(IMAGE, "pixel art").reshape(32, 2, 32, 2, 3)
    assert np.array_equal(blocks[:, 0], blocks[:, 1])


@pytest.mark.parametrize("kind", BACKGROUNDS)
def test_backgrounds_differ_by_seed_and_repeat_with_it(kind):
    assert np.array_equal(background(kind, 1, 64), background(kind, 1, 64))
    assert not np.array_equal(background(kind, 1, 64), background(kind, 2, 64))


def test_unknown_words_are_refused():
    with pytest.raises(ValueError, match="choose one of"):
        stylised(IMAGE, "fresco")
    with pytest.raises(ValueError, match="choose one of"):
        background("moon", 0, 64)
