"""IF-V2V: its rule on toy networks, what it refuses, and how long clips are divided."""

import pytest
import torch

from rescene import IFV2V, Inputs, Video, Wan
from rescene.methods.flowedit.edit import flowedit
from rescene.methods.if_v2v.edit import IFV2VWork, deviated
from tests.methods.edits import moving
from tests.methods.flowedit.test_edit import STEPS, E, X, fixed, source, target
from tests.tiny_wan import TINY_WANS, loaded_wan


@pytest.fixture(scope="module")
def ti2v(tmp_path_factory: pytest.TempPathFactory) -> Wan:
    return loaded_wan(TINY_WANS["wan-ti2v"](tmp_path_factory.mktemp("models") / "wan"))


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


def test_the_edited_frame_is_the_first_of_the_result_and_long_clips_go_on_from_it(ti2v):
    video, lead = moving(33), 1 - moving(1).frames
    edit = IFV2V(source="a red car", num_inference_steps=2)
    made = edit(ti2v, Inputs(video=video, key_frames={0: lead}))
    assert len(made) == 33
    alone = ti2v.decode(ti2v.encode(Video.of(lead, 8)), like=video[:1])
    assert torch.allclose(made.frames[:1], alone.frames, atol=1e-4)
    cost = edit.cost(ti2v, Inputs(video=video, key_frames={0: lead}))
    assert cost.remarks == ("2 parts, each led by the end of the one before",)
    assert cost.evaluations == 2 * 4 * (17 + 17)


def test_an_edited_frame_that_is_the_sources_gives_the_source(ti2v):
    video = moving(9)
    made = IFV2V(source="a red car", num_inference_steps=2)(
        ti2v, Inputs(video=video, key_frames={0: video[:1].frames})
    )
    clean = ti2v.decode(ti2v.encode(video), like=video)
    assert torch.allclose(made.frames, clean.frames, atol=1e-3)
