"""One timeline for videos of any rate and length."""

import torch

from rescene.compare import in_step
from rescene.video import Video


def numbered(count: int, fps: float) -> Video:
    levels = torch.arange(count) / 100
    return Video.of(levels[:, None, None, None].expand(-1, 3, 4, 6).contiguous(), fps)


def test_all_take_the_slowest_rate_and_the_shortest_duration():
    videos = in_step([numbered(24, 24), numbered(8, 8), numbered(6, 8)])
    assert {(len(video), video.fps) for video in videos} == {(6, 8)}
    assert (videos[0].frames[:, 0, 0, 0] * 100).round().int().tolist() == [1, 4, 7, 10, 13, 16]


def test_equal_videos_keep_their_frames():
    video = numbered(5, 8)
    assert all(each.clip is video.clip for each in in_step([video, video]))
