"""One pass over the frames, all metrics at once."""

import json

import pytest
import torch

from rescene.metrics import METRICS, Tools, evaluate
from rescene.typing import Frames
from rescene.video import Video


class Once:
    """A clip that lets each frame be read once, in order, and keeps none."""

    height, width = 24, 32

    def __init__(self, count: int) -> None:
        self.count, self.next = count, 0

    def __len__(self) -> int:
        return self.count

    def read(self, start: int, stop: int) -> Frames:
        assert start == self.next, "frames were read again or out of order"
        assert stop - start <= 16, "too many frames at once"
        self.next = stop
        return torch.rand(stop - start, 3, self.height, self.width)


def test_frames_are_read_once_and_few_at_a_time(tools, red_to_green):
    videos = (Video.of(torch.zeros(1, 3, 24, 32), 8) for _ in range(2))
    source, result = (type(video)(Once(40), video.fps) for video in videos)
    report = evaluate(source, result, prompts=red_to_green, tools=tools)
    assert set(report.left_out) <= {"lpips"}
    assert {score.about.name for score in report.scores} == set(METRICS) - set(report.left_out)


def test_no_frame_is_kept(tools, red_to_green):
    import gc
    import weakref

    from rescene.metrics.comparison import Comparison, Moment

    video = Video.of(torch.rand(12, 3, 24, 32), 8)
    comparison = Comparison(
        source=video, result=video, given=(video, video), tools=tools, prompts=red_to_green
    )
    running = [kind(comparison) for name, kind in METRICS.items() if name != "lpips"]
    seen: list[weakref.ref[Moment]] = []

    def measure() -> None:
        for step in comparison.transitions():
            for metric in running:
                metric.update(step)
            seen.append(weakref.ref(step.now))

    measure()
    gc.collect()
    assert not [moment for moment in seen if moment()]


def test_an_unknown_metric_is_refused(clip):
    with pytest.raises(ValueError, match="fid"):
        evaluate(clip, clip, metrics=["fid"])


def test_the_report_is_json(clip):
    report = evaluate(clip, clip[:3], tools=Tools(missing="none here"))
    values = json.loads(json.dumps(report.as_dict()))
    assert values["left_out"]["temporal_consistency"] == "none here"
    assert values["scores"][0] == {
        "metric": "psnr",
        "part": "",
        "value": 100.0,
        "unit": "dB",
        "better": "higher",
        "how": "RGB, mean over frames, 100 dB at most",
    }
    assert values["notes"]
