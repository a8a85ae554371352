"""Cutting videos into clips."""

import itertools

import pytest

from rescene.methods.i2vedit.spans import segments


def frames(count: int, length: int, key_frames: tuple[int, ...] = (0,)) -> list[list[tuple[int, int, int]]]:
    return [
        [(span.frames.start, span.frames.stop, span.overlap) for span in segment.spans]
        for segment in segments(count, length, key_frames)
    ]


def test_forty_frames_are_three_clips_of_fourteen() -> None:
    assert frames(40, 14) == [[(0, 14, 0), (13, 27, 1), (26, 40, 1)]]


def test_a_short_rest_reaches_back() -> None:
    assert frames(42, 14) == [[(0, 14, 0), (13, 27, 1), (26, 40, 1), (28, 42, 12)]]
    assert frames(15, 14) == [[(0, 14, 0), (1, 15, 13)]]


def test_a_short_video_is_one_short_clip() -> None:
    assert frames(5, 14) == [[(0, 5, 0)]]


def test_key_frames_begin_clips() -> None:
    assert frames(20, 8, (0, 10)) == [[(0, 8, 0), (2, 10, 6)], [(10, 18, 0), (12, 20, 6)]]


@pytest.mark.parametrize("count", range(2, 45))
@pytest.mark.parametrize("length", [2, 3, 14])
def test_every_frame_is_made_once_and_clips_hang_together(count: int, length: int) -> None:
    ((*spans,),) = (segment.spans for segment in segments(count, length))
    assert [frame for span in spans for frame in range(span.fresh, span.frames.stop)] == list(range(count))
    for before, span in itertools.pairwise(spans):
        assert span.frames.start in before.frames
        assert len(span.frames) == length


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1, 14), "the video has 1 frame"),
        ((20, 14, (0, 19)), "the key frame at 19 leads 1 frame"),
        ((20, 14, (0, 5, 6)), "the key frame at 5 leads 1 frame"),
        ((20, 14, (0, 20)), "no frame 20"),
        ((20, 14, (3,)), "must be the video's first"),
        ((20, 1), "clip_length is 1"),
    ],
)
def test_wrong_places_are_named(arguments: tuple, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        segments(*arguments)
