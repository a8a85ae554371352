"""Scenes render the same twice, change only what a changed word changes, and know their exact answers."""

from dataclasses import replace

import pytest
import torch

from rescene.world import BACKGROUNDS, COLOURS, OBJECTS, STYLES, Motion, Scene, warped

STILL = Motion(start=(0.5, 0.5), end=(0.5, 0.5), scale=(0.5, 0.5))
MOVING = Motion(start=(0.4, 0.6), end=(0.56, 0.52), scale=(0.5, 0.6), pan=0.2, flip=True)
CAR = Scene(object="car", colour="red", background="road", motion=MOVING, seed=3)


def test_renders_the_shapes_and_ranges_it_promises():
    clip = CAR.render(frames=4, size=64)
    assert clip.frames.shape == (4, 3, 64, 64)
    assert clip.mask.shape == (4, 1, 64, 64)
    assert clip.flow.shape == (3, 2, 64, 64)
    assert clip.visible.shape == (3, 1, 64, 64)
    for values in (clip.frames, clip.mask):
        assert values.min() >= 0 and values.max() <= 1


def test_one_frame_has_no_flow():
    assert CAR.render(frames=1, size=64).flow.shape == (0, 2, 64, 64)


@pytest.mark.parametrize("style", [None, *STYLES])
def test_rendering_twice_gives_the_same_pixels(style):
    scene = CAR.changed(style=style)
    assert torch.equal(scene.render(frames=2).frames, scene.render(frames=2).frames)


def test_random_scenes_depend_on_the_seed_alone():
    assert Scene.random(5) == Scene.random(5)
    assert Scene.random(5) != Scene.random(6)


@pytest.mark.parametrize("colour", [*COLOURS, None])
def test_colour_changes_nothing_outside_the_object(colour):
    before, after = CAR.render(frames=2), CAR.changed(colour=colour).render(frames=2)
    assert torch.equal(before.mask, after.mask)
    assert torch.equal(before.flow, after.flow)
    outside = (before.mask == 0).expand_as(before.frames)
    assert torch.equal(before.frames[outside], after.frames[outside])
    if colour != CAR.colour:
        assert not torch.equal(before.frames, after.frames)


def test_object_changes_nothing_outside_both_objects():
    before, after = CAR.render(frames=2), CAR.changed(object="cat").render(frames=2)
    outside = ((before.mask == 0) & (after.mask == 0)).expand_as(before.frames)
    assert torch.equal(before.frames[outside], after.frames[outside])


def test_background_changes_nothing_inside_the_object():
    before, after = CAR.render(frames=2), CAR.changed(background="snow").render(frames=2)
    assert torch.equal(before.mask, after.mask)
    inside = (before.mask == 1).expand_as(before.frames)
    assert torch.equal(before.frames[inside], after.frames[inside])


def test_style_keeps_the_answers():
    before, after = CAR.render(frames=2), CAR.changed(style="pencil sketch").render(frames=2)
    assert torch.equal(before.mask, after.mask)
    assert torch.equal(before.flow, after.flow)


@pytest.mark.parametrize("background", BACKGROUNDS)
def test_warping_by_the_flow_gives_the_earlier_frame(background):
    clip = CAR.changed(background=background).render(frames=4)
    error = (warped(clip.frames[1:], clip.flow) - clip.frames[:-1]).abs().mean(1, keepdim=True)
    still = (clip.frames[1:] - clip.frames[:-1]).abs().mean(1, keepdim=True)
    assert error[clip.visible].mean() < 0.005
    assert error[clip.visible].mean() < 0.2 * still[clip.visible].mean()


def test_background_moves_by_whole_pixels_so_its_flow_is_exact():
    clip = CAR.render(frames=4)
    settled = clip.visible & (clip.mask[:-1] == 0)
    error = (warped(clip.frames[1:], clip.flow) - clip.frames[:-1]).abs().amax(1, keepdim=True)
    assert error[settled].max() < 2e-3


def test_warping_moves_the_mask_too():
    clip = CAR.render(frames=4)
    object_flow = torch.where(clip.mask[:-1] > 0.5, clip.flow, torch.zeros_like(clip.flow))
    moved = warped(clip.mask[1:], object_flow)
    solid = clip.mask[:-1] > 0.5
    assert (moved - clip.mask[:-1])[solid].abs().mean() < 0.02


def test_nothing_moves_in_a_still_scene():
    clip = Scene(object="cat", background="sea", motion=STILL).render(frames=3)
    assert clip.flow.abs().max() == 0
    assert clip.visible.all()
    assert torch.equal(clip.frames[0], clip.frames[2])


def test_more_frames_follow_the_same_path():
    coarse, fine = CAR.render(frames=3, size=64), CAR.render(frames=5, size=64)
    assert torch.equal(coarse.frames, fine.frames[::2])


def test_a_flipped_object_is_the_mirror_image():
    left = Scene(object="dog", background="sea", motion=STILL)
    right = Scene(object="dog", background="sea", motion=replace(STILL, flip=True))
    assert torch.allclose(left.render(1).mask, right.render(1).mask.flip(-1), atol=1e-5)


@pytest.mark.parametrize(
    ("words", "caption"),
    [
        (("car", "red", "road", None), "a red car on the road"),
        (("elephant", None, "snow", "watercolor painting"), "an elephant in the snow, watercolor painting"),
        (("apple", "orange", "night sky", None), "an orange apple in the night sky"),
        (("cat", None, "sand", "oil painting"), "a cat on the sand, oil painting"),
    ],
)
def test_caption(words, caption):
    thing, colour, background, style = words
    scene = Scene(object=thing, colour=colour, background=background, style=style, motion=STILL)
    assert scene.caption == caption


@pytest.mark.parametrize(
    "words", [{"object": "porsche"}, {"colour": "beige"}, {"background": "moon"}, {"style": "fresco"}]
)
def test_an_unknown_word_is_refused_and_the_known_ones_listed(words):
    with pytest.raises(ValueError, match="choose one of"):
        CAR.changed(**words)


def test_a_pan_beyond_the_painted_background_is_refused():
    with pytest.raises(ValueError, match="stay within"):
        Motion(start=(0.5, 0.5), end=(0.5, 0.5), scale=(0.5, 0.5), pan=0.6)


def test_a_clip_needs_a_frame():
    with pytest.raises(ValueError, match="at least one frame"):
        CAR.render(frames=0)


def test_random_objects_stay_in_view():
    for seed in range(40):
        mask = Scene.random(seed).render(frames=2, size=32).mask
        assert mask.sum(dim=(1, 2, 3)).min() > 20


def test_every_object_is_drawn():
    for name in OBJECTS:
        assert Scene(object=name, background="sea", motion=STILL).render(1, 32).mask.max() > 0.9
