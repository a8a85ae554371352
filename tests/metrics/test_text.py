"""The metrics of prompts, with cosines worked out by hand."""

import math

import pytest

from rescene.metrics import Prompts, Tools, evaluate
from rescene.video import Video

RED, GREEN, BLUE, YELLOW = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (0.5, 0.5, 0.0)


def test_frame_accuracy_is_the_share_of_frames_nearer_to_the_target(only, plain, tools, red_to_green):
    # Yellow is as near to red as to green, and a tie counts.
    report = only(
        "frame_accuracy", plain(*[RED] * 4), plain(RED, GREEN, YELLOW, RED), prompts=red_to_green, tools=tools
    )
    assert report["frame_accuracy"] == 0.5


def test_clip_text_is_a_hundred_cosines(only, plain, tools, red_to_green):
    report = only("clip_text", plain(RED, RED), plain(GREEN, YELLOW), prompts=red_to_green, tools=tools)
    assert report["clip_text"] == pytest.approx(100 * (1 + math.sqrt(0.5)) / 2, rel=1e-5)


def test_clip_score_has_its_own_scale(only, plain, tools, red_to_green):
    report = only("clip_score", plain(RED, RED), plain(GREEN, RED), prompts=red_to_green, tools=tools)
    assert report["clip_score"] == pytest.approx(2.5 / 2)


def test_directional_similarity_compares_changes(only, plain, tools, red_to_green):
    report = only("clip_directional", plain(RED, RED), plain(GREEN, BLUE), prompts=red_to_green, tools=tools)
    assert report["clip_directional"] == pytest.approx((1 + 0.5) / 2, rel=1e-5)


def test_no_change_has_no_direction(only, plain, tools, red_to_green):
    report = only("clip_directional", plain(RED), plain(RED), prompts=red_to_green, tools=tools)
    assert report["clip_directional"] == 0


def test_prompts_that_say_the_same_have_no_direction(plain, tools):
    prompts = Prompts(source="red", target="red")
    report = evaluate(plain(RED), plain(GREEN), prompts=prompts, tools=tools, metrics=["clip_directional"])
    assert "the same" in report.left_out["clip_directional"]


def test_metrics_of_fatezero_see_the_bottom_of_tall_frames(only, plain, tools, red_to_green):
    frames = plain(GREEN, GREEN, height=48).frames.clone()
    frames[:, :, :24] = 0
    frames[:, 0, :24] = 1  # Red above, green below.
    tall = Video.of(frames, 8)
    given = {"prompts": red_to_green, "tools": tools}
    assert only("frame_accuracy", tall, tall, **given)["frame_accuracy"] == 1
    assert only("clip_text", tall, tall, **given)["clip_text"] == pytest.approx(
        100 * math.sqrt(0.5), rel=1e-5
    )


def test_without_prompts_or_scorer_the_reason_is_told(plain, tools, red_to_green):
    red = plain(RED, RED)
    assert "prompt" in evaluate(red, red, tools=tools, metrics=["clip_text"]).left_out["clip_text"]
    missing = Tools(missing="no such model")
    report = evaluate(
        red, red, prompts=red_to_green, tools=missing, metrics=["q_edit", "temporal_consistency"]
    )
    assert report.left_out == {"q_edit": "it needs the source prompt and the target prompt"} | dict.fromkeys(
        ("q_edit", "temporal_consistency"), "no such model"
    )


def test_q_edit_is_the_product(only, plain, red_to_green, tools, still):
    result = plain((0.0, 0.8, 0.0), (0.0, 0.8, 0.0))
    tools = Tools(scorer=tools.scorer, flow=still(result))
    report = only("q_edit", plain((1, 0, 0), (1, 0, 0)), result, prompts=red_to_green, tools=tools)
    assert report["q_edit"] == pytest.approx(100, rel=1e-5)
    assert "by colour" in report.scores[0].how
