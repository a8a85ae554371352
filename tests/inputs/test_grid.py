import pytest

from rescene.inputs import Grid


@pytest.mark.parametrize("time", [1, 4, 8])
@pytest.mark.parametrize("frames", range(1, 34))
def test_latents_cover_all_frames_once_after_padding(time, frames):
    grid = Grid(8, time)
    longer = grid.longer(frames)
    covered = [frame for latent in range(grid.latents(longer)) for frame in grid.frames_of(latent)]
    assert covered == list(range(longer))
    assert frames <= longer < frames + time
    assert grid.longer(longer) == longer


def test_frames_are_latents_where_time_is_not_compressed():
    grid = Grid(8)
    assert [grid.latents(frames) for frames in (1, 2, 7)] == [1, 2, 7]
    assert grid.longer(7) == 7
