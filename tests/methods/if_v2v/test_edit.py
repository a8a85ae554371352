"""IF-V2V: its rule on toy networks, what it refuses, and how long clips are divided."""

import pytest
import torch

from rescene import IFV2V, Inputs
from rescene.methods.flowedit.edit import flowedit
from rescene.methods.if_v2v.edit import IFV2VWork, deviated
from tests.methods.flowedit.test_edit import STEPS, E, X, fixed, source, target


def edited(steps=STEPS, hold=1.0, of=source, to=target):
    *_, z = deviated(X, steps, of, to, noise=E, hold=hold)
    return z


@pytest.mark.parametrize("taken", [2, 4, 6])
def test_with_the_whole_correction_it_is_flowedit_with_one_draw(taken):
    *_, z = flowedit(X, STEPS[-taken:], source, target, draw=fixed)
    assert torch.allclose(edited(STEPS[-taken:]), z)


def test_two_networks_that_are_one_return_the_source():
    assert torch.allclose(edited(to=source), X)


def test_without_a_correction_the_target_is_sampled():
    y = E
    for step in STEPS:
        y = y + (step.end.noise - step.start.noise) * target(y, step)
    assert torch.allclose(edited(hold=0), y)
    assert (edited(hold=0.5) - y).norm() > 0.1


def work(model, **fields):
    return IFV2VWork(IFV2V(**fields), model)


def test_parts_share_a_frame_and_are_as_long_as_the_model_takes(svd):
    assert svd.native_frames == 14
    assert work(svd).parts(14) == [slice(0, 14)]
    assert work(svd).parts(30) == [slice(0, 14), slice(13, 27), slice(26, 30)]
    assert work(svd).parts(1) == [slice(0, 1)]


def test_frames_further_on_and_other_sizes_are_refused(svd, clip):
    first = clip[:1].frames
    with pytest.raises(ValueError, match=r"an edited first frame, and no other: .* without \[2\]"):
        work(svd).check(Inputs(video=clip, key_frames={0: first, 2: first}))
    with pytest.raises(ValueError, match="the edited frame is 64x64 and the video 128x64"):
        work(svd).check(Inputs(video=clip, key_frames={0: first[..., :64]}))


def test_the_target_is_the_source_unless_it_is_given():
    assert IFV2V(source="a car").prompts == ("a car", "a car", "")
    assert IFV2V(source="a car", target="a bus").prompts == ("a car", "a bus", "")
