import numpy as np
import pytest
import torch

from rescene import Video
from rescene.attention import WordMask
from rescene.pictures import CAPTION_HEIGHT, GAP, contact_sheet, masks, origins, side_by_side, words


@pytest.fixture
def heat(clip) -> torch.Tensor:
    """Three tokens: everywhere, nowhere, and on the left half."""
    heat = torch.zeros(len(clip), 3, 8, 16)
    heat[:, 0] = 1
    heat[:, 2, :, :8] = 0.2
    return heat


def test_words_glow_where_they_are_attended_to(clip, heat):
    picture = words(clip, heat, ["all", "none", "left"])
    tile = picture.width // 3
    everywhere, nowhere, left = (
        picture.frames[..., : picture.height - CAPTION_HEIGHT - 1, k * tile : (k + 1) * tile]
        for k in range(3)
    )
    assert everywhere.mean() > nowhere.mean() + 0.2
    half = left.shape[-1] // 2
    assert left[..., : half - 8].mean() > left[..., half + 8 :].mean() + 0.2


def test_tokens_without_a_name_are_left_out(clip, heat):
    assert words(clip, heat, ["", "a", ""]).width < words(clip, heat, ["", "a", "b"]).width


def test_there_is_a_picture_for_each_frame(clip, heat):
    for video in (words(clip, heat, ["a"]), side_by_side({"a": clip, "b": clip})):
        assert (len(video), video.fps) == (len(clip), clip.fps)
        assert video.width % 2 == video.height % 2 == 0


def test_masks_are_bright_where_edits_may_change(clip):
    place = torch.zeros(len(clip), 8, 16)
    place[:, :, 8:] = 1
    white = Video.of(torch.ones(len(clip), 3, 64, 128), 8)
    picture = masks(white, [WordMask(place, 0.5), WordMask(place, 0.5)]).frames
    assert picture[..., 70:120].mean() > 0.9
    assert picture[..., 5:60].mean() < 0.3


def test_masks_show_the_share_of_the_steps(clip):
    everywhere = WordMask(torch.ones(len(clip), 8, 16), 0.5)
    left = torch.zeros(len(clip), 8, 16)
    left[..., :4] = 1
    white = Video.of(torch.ones(len(clip), 3, 64, 128), 8)
    picture = masks(white, [everywhere, WordMask(left, 0.5)]).frames
    assert picture[..., 50:120].mean() == pytest.approx(0.2 + 0.8 / 2, abs=0.02)


def test_side_by_side_shows_the_frames_themselves(clip):
    dark = Video.of(torch.zeros_like(clip.frames), 8)
    picture = side_by_side({"source": clip, "a name that is far too long for its tile": dark}).frames
    assert torch.allclose(picture[:, :, :64, :128], clip.frames, atol=1 / 255)
    assert picture[:, :, :64, 130:258].max() == 0


def test_a_contact_sheet_has_some_frames_first_and_last_among_them():
    shades = torch.linspace(0, 1, 20)[:, None, None, None].expand(-1, 3, 4, 6)
    sheet = np.asarray(contact_sheet(Video.of(shades, 8), most=5))
    assert sheet.shape == (20, 6, 3)
    rows = sheet[::4, 0, 0]
    assert rows[0] == 0
    assert rows[-1] == 255
    assert (np.diff(rows.astype(int)) > 0).all()
    assert contact_sheet(Video.of(shades[:1], 8)).size == (6, 4)


def origin_tiles(clip: Video, pivot: int, positions: torch.Tensor) -> list[torch.Tensor]:
    """The four tiles of every frame, where all frames copied from the same places of one."""
    drawn = origins(clip, [pivot] * len(clip), [positions] * len(clip)).frames[..., : clip.height, :]
    return [drawn[..., at * (clip.width + GAP) :][..., : clip.width] for at in range(4)]


def test_frames_are_put_together_from_the_places_that_they_copied(clip):
    places = torch.arange(8 * 16).view(8, 16)
    itself, found, key, rebuilt = origin_tiles(clip, 2, places)
    assert torch.equal(itself, (clip.frames * 255).round() / 255)
    assert torch.equal(found, key)
    assert torch.equal(rebuilt, itself[2].expand_as(rebuilt))
    *_, found, key, shifted = origin_tiles(clip, 2, places.roll(3, dims=1))
    assert torch.equal(shifted, itself[2].roll(3 * 8, dims=-1).expand_as(shifted))
    assert torch.equal(found, key.roll(3 * 8, dims=-1))
