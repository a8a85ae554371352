"""Recoloured sprites keep their outline and take the colour that was asked for."""

import colorsys

import numpy as np
import pytest

from rescene.world.colours import GREYS, HUES, recoloured
from rescene.world.sprites import OBJECTS, sprite


@pytest.mark.parametrize("colour", [*HUES, *GREYS])
def test_the_outline_stays(colour):
    assert np.array_equal(recoloured("car", colour)[..., 3], sprite("car")[..., 3])


@pytest.mark.parametrize("colour", HUES)
def test_the_hue_is_the_one_asked_for(colour):
    picture = recoloured("elephant", colour)
    red, green, blue = picture[..., :3][picture[..., 3] > 0.9].mean(0)
    hue = 360 * colorsys.rgb_to_hsv(red, green, blue)[0]
    assert abs((hue - HUES[colour][0] + 180) % 360 - 180) < 5


def test_black_is_darker_than_silver_and_silver_than_white():
    for name in OBJECTS:
        solid = sprite(name)[..., 3] > 0.9
        greys = [recoloured(name, colour)[..., :3][solid].mean() for colour in ("black", "silver", "white")]
        assert greys == sorted(greys)


def test_no_colour_leaves_the_sprite():
    assert recoloured("car", None) is sprite("car")


def test_sprites_cannot_be_written_to():
    with pytest.raises(ValueError, match="read-only"):
        recoloured("car", "red")[0, 0] = 0


def test_unknown_words_are_refused():
    with pytest.raises(ValueError, match="choose one of"):
        sprite("porsche")
    with pytest.raises(ValueError, match="choose one of"):
        recoloured("car", "beige")
