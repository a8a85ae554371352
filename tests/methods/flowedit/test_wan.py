"""FlowEdit by a video transformer: clips longer than its own, and masks on its latents."""

from dataclasses import replace

import pytest
import torch

from rescene import Video, Wan
from rescene.inputs import Inputs
from tests.methods.edits import moving
from tests.methods.flowedit.test_edit import ROAD, half
from tests.tiny_wan import TINY_WANS, loaded_wan

CAR = replace(ROAD, source="a red car", target="a blue boat", num_inference_steps=2, strength=1)


@pytest.fixture(scope="module")
def wan(tmp_path_factory: pytest.TempPathFactory) -> Wan:
    return loaded_wan(TINY_WANS["wan"](tmp_path_factory.mktemp("models") / "wan"))


def test_a_clip_longer_than_the_models_is_seen_in_windows(wan, monkeypatch):
    video, seen = moving(33), list[int]()
    predict = wan.predict

    def counted(*branches):
        seen.extend(len(branch.z) for branch in branches)
        return predict(*branches)

    monkeypatch.setattr(wan, "predict", counted)
    cost = CAR.cost(wan, video)
    assert cost.remarks == ("2 windows of 5 latents, blended",)
    edited = CAR(wan, video)
    assert (len(edited), edited.height, edited.width) == (33, 64, 64)
    assert edited.frames.std() > 0
    assert set(seen) == {5}
    assert cost.evaluations == 8 * round(33 * 10 / 9)


def test_two_prompts_that_are_one_return_the_latents_exactly(wan):
    video = moving(9)
    same = replace(CAR, target=CAR.source, source_guidance_scale=CAR.guidance_scale)
    assert torch.equal(same(wan, video).frames, wan.decode(wan.encode(video), like=video).frames)


def test_the_scales_are_the_published_ones_unless_they_are_given(wan, model):
    free = replace(CAR, guidance_scale=None, source_guidance_scale=None)
    assert free.on(wan).scales == (5, 10)
    assert free.on(model).scales == (2.5, 5)
    assert CAR.on(wan).scales == (2, 4)


def test_a_mask_holds_on_latents_of_several_frames(wan):
    video = moving(9)
    mask = half(video)
    late = replace(mask, video=Video.of(mask.video.frames * (torch.arange(9) > 7)[:, None, None, None], 8))
    work, clean = CAR.on(wan), wan.encode(video)
    where = work.mask(Inputs(video=video, mask=late))
    assert where is not None
    assert where.shape == (3, 1, 8, 8)
    assert where.flatten(1).amax(1).tolist() == [0, 0, 1]
    edited = CAR(wan, Inputs(video=video, mask=late))
    kept = wan.decode(clean, like=video).frames
    assert torch.allclose(edited.frames[:5], kept[:5], atol=1e-5)
    assert not torch.allclose(edited.frames[5:], kept[5:], atol=1e-3)


def test_words_are_kept_to_a_mask_in_clips_of_the_models_length(wan):
    words = replace(CAR, anchor_words=("boat",))
    video = moving(9)
    given = Inputs(video=video, mask=half(video))
    assert not torch.allclose(words(wan, given).frames, CAR(wan, given).frames, atol=1e-4)
    long = moving(33)
    with pytest.raises(ValueError, match="clips of up to 17 frames with this model, not 33"):
        words.check(wan, Inputs(video=long, mask=half(long)))
