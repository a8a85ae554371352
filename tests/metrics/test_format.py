"""Equality of the containers' numbers."""

from rescene.metrics import evaluate


def test_each_property_is_compared_before_anything_is_scaled_or_cut(plain):
    source = plain(*[(0.5,) * 3] * 8)
    result = plain(*[(0.5,) * 3] * 4, height=32, width=48, fps=4)
    report = evaluate(source, result, metrics=["same_format"])
    values = {score.part: score.text for score in report.scores}
    assert values == {"frame rate": "no", "duration": "yes", "frames": "no", "size": "no"}
    assert report.scores[0].how == "source 8 fps, result 4 fps"


def test_a_video_has_its_own_format(clip):
    assert {score.text for score in evaluate(clip, clip, metrics=["same_format"]).scores} == {"yes"}
