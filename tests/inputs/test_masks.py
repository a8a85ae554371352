import pytest
import torch

from rescene.inputs import Fit, Grid
from rescene.inputs.masks import Mask
from rescene.video import Video


def video(frames=5, height=16, width=24, seed=0):
    return Video.of(torch.rand(frames, 3, height, width, generator=torch.Generator().manual_seed(seed)), 8)


def mask(frames=5, height=16, width=24):
    white = torch.zeros(frames, 3, height, width)
    white[:, :, 4:9, 6:11] = 1
    return Mask(Video.of(white, 8))


def test_outside_the_mask_are_the_sources_own_values():
    source, edited, where = video(), video(seed=1), mask()
    result = where.composite(source, edited).frames
    inside = where.video.frames > 0
    assert torch.equal(result[~inside], source.frames[~inside])
    assert torch.equal(result[inside], edited.frames[inside])


def test_an_empty_mask_gives_the_source_and_a_full_one_the_edit():
    source, edited = video(), video(seed=1)
    for level, expected in ((0.0, source), (1.0, edited)):
        whole = Mask(Video.of(torch.full((5, 3, 16, 24), level), 8))
        assert torch.equal(whole.composite(source, edited).frames, expected.frames)


def test_a_soft_mask_mixes():
    half = Mask(Video.of(torch.full((5, 3, 16, 24), 0.5), 8))
    mixed = half.composite(video(), video(seed=1)).frames
    torch.testing.assert_close(mixed, (video().frames + video(seed=1).frames) / 2)


@pytest.mark.parametrize("time", [1, 4])
def test_on_latents_no_masked_pixel_is_lost(time):
    single = torch.zeros(5, 3, 16, 24)
    single[3, :, 9, 17] = 1
    cells = Mask(Video.of(single, 8)).on(Grid(8, time))
    assert cells.shape == (Grid(8, time).latents(5), 2, 3)
    (place,) = cells.nonzero().tolist()
    assert place == [3 if time == 1 else 1, 1, 2]


def test_a_mask_of_another_size_is_refused():
    with pytest.raises(ValueError, match="they must have one size and length"):
        mask(frames=4).composite(video(), video(seed=1))


def test_a_mask_follows_the_fit():
    fit = Fit.to(video(), area=32 * 48, grid=Grid(8, 4, stride=8))
    assert len(mask().fitted(fit).video) == 5
    longer = Fit.to(video(6), area=32 * 48, grid=Grid(8, 4, stride=8))
    assert len(mask(6).fitted(longer).video) == 9
