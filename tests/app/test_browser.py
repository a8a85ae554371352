"""The page as people use it: in a real browser."""

import pytest

from rescene import Video
from rescene.demo import CLIP, EXAMPLES

pytestmark = pytest.mark.browser

FRAMES = 24
PLAYS = "[...document.querySelectorAll('.rs-player video')].every((video) => video.readyState >= 2)"
APART = """Math.max(...[...document.querySelectorAll('.rs-player video')].map((video, _, all) =>
    Math.abs(video.currentTime - all[0].currentTime)))"""


def take_example(tab, name="colour"):
    tab.locator(f"[data-example={name}]").click()
    tab.locator(".rs-strip").wait_for()
    tab.wait_for_function("document.querySelector('#edit-target textarea').value != ''")


def choose(tab, field, option):
    tab.locator(f"#{field} input").click()
    tab.get_by_role("option", name=option, exact=True).click()


def keep_frames(tab, count):
    """Drags the end of the timeline, by keyboard."""
    handle = tab.get_by_label("Last frame").locator("visible=true")
    handle.focus()
    for _ in range(FRAMES - count):
        handle.press("ArrowLeft")
    tab.get_by_text(f"frames 1 to {count} of {FRAMES}").wait_for()


def set_steps(tab, count):
    if not tab.locator("#fatezero-num_inference_steps").is_visible():
        tab.locator("#edit-advanced > button").click()
    tab.locator("#fatezero-num_inference_steps input").fill(str(count))


def run(tab):
    tab.locator("#edit-run").click()


def done(tab):
    tab.locator(".rs-done").wait_for(timeout=120_000)


def test_a_first_edit_with_the_model_that_comes_along(visit, results):
    tab = visit()
    take_example(tab)
    choose(tab, "edit-model", "mini")
    keep_frames(tab, 3)
    set_steps(tab, 2)
    tab.locator(".rs-estimate p", has_text="3 frames at 128 × 128").wait_for()
    line = tab.locator(".rs-estimate p").locator("visible=true").inner_text()
    assert "memory" in line
    assert "about" in line

    run(tab)
    tab.locator(".rs-status", has_text="of 2").wait_for(timeout=60_000)
    tab.locator(".rs-preview[src^='data:image/webp']").wait_for(timeout=60_000)
    done(tab)

    tab.wait_for_function(PLAYS)
    tab.wait_for_function(f"{APART} < 0.15")
    assert tab.locator(".rs-done h3").inner_text() == "a green car on the road"
    made = sorted(results.glob("red-car-fatezero-*.mp4"))[-1]
    assert len(Video.read(made)) == 3
    assert made.with_suffix(".json").is_file()


def test_a_job_is_cancelled_midway_and_another_one_starts(visit):
    tab = visit()
    take_example(tab)
    set_steps(tab, 900)
    run(tab)
    tab.locator(".rs-status", has_text="of 900").wait_for(timeout=60_000)
    tab.get_by_role("button", name="Cancel").click()
    tab.get_by_text("The model is free for the next job").wait_for(timeout=60_000)
    tab.get_by_role("button", name="Back", exact=True).click()
    set_steps(tab, 1)
    run(tab)
    done(tab)


def test_two_people_at_once_wait_for_each_other_and_see_only_their_own(visit):
    first, second = visit(), visit()
    for tab in (first, second):
        take_example(tab, "colour" if tab is first else "object")
        set_steps(tab, 900 if tab is first else 1)
    run(first)
    first.locator(".rs-status", has_text="of 900").wait_for(timeout=60_000)
    run(second)
    second.locator(".rs-status", has_text="Waiting: 1 job before this one").wait_for()
    first.get_by_role("button", name="Cancel").click()
    done(second)
    assert second.locator(".rs-done h3").inner_text() == EXAMPLES["object"].target
    assert not first.locator(".rs-done").count()


def test_a_job_survives_its_tab(visit, address):
    tab = visit()
    take_example(tab)
    set_steps(tab, 900)
    run(tab)
    tab.locator(".rs-status", has_text="of 900").wait_for(timeout=60_000)
    context = tab.context
    tab.close()
    again = context.new_page()
    again.goto(address)
    again.locator(".rs-status", has_text="of 900").wait_for(timeout=60_000)
    again.get_by_role("button", name="Cancel").click()
    again.get_by_text("The model is free").wait_for(timeout=60_000)


def test_a_motion_is_learnt_with_its_curve_and_samples_and_then_offered(visit):
    tab = visit()
    tab.get_by_role("tab", name="Train").click()
    tab.locator("[data-example=clip]").locator("visible=true").click()
    tab.get_by_text(f"red-car.mp4 · all {FRAMES} frames").wait_for()
    tab.locator("#train-prompt textarea").fill("a red car on the road")
    tab.locator("#train-advanced > button").click()
    tab.locator("#train-one-shot-steps").locator("input, textarea").fill("2")
    tab.locator("#train-one-shot-checkpoint_every input").fill("1")
    tab.locator("#train-run").click()
    done(tab)
    tab.get_by_text("after step 2", exact=True).wait_for()
    assert tab.locator(".rs-learnt video").count() == 2
    tab.wait_for_function("document.querySelector('.rs-curve').naturalWidth > 0")
    tab.wait_for_function(PLAYS)
    learnt = tab.locator(".rs-done .rs-quiet").first.inner_text()
    tab.get_by_role("tab", name="Edit").click()
    choose(tab, "edit-method", "Tune-A-Video: with a motion learnt under Train")
    tab.locator("#edit-advanced > button").click()
    tab.locator("#tune-a-video-motion input").click()
    offered = tab.get_by_role("option").all_inner_texts()
    assert any(name.strip(" ✓\n") and name.strip(" ✓\n") in learnt for name in offered)


def test_a_motion_lora_is_tried_on_the_frame_that_the_clip_begins_with(visit):
    tab = visit()
    tab.get_by_role("tab", name="Train").click()
    tab.locator("[data-example=clip]").locator("visible=true").click()
    assert not tab.locator("#train-frame").is_visible()
    choose(tab, "train-method", "Motion LoRA: for Propagate")
    tab.locator("#train-frame canvas").first.wait_for()
    assert not tab.locator("#train-prompt").is_visible()
    assert not tab.locator("#train-sample").is_visible()


def test_the_words_that_change_are_marked_as_one_types(visit):
    tab = visit()
    take_example(tab)
    assert tab.locator(".rs-words ins").all_inner_texts() == ["green"]
    tab.locator("#edit-target textarea").fill("a red bus on the snow")
    tab.locator(".rs-words ins", has_text="snow").wait_for()
    assert tab.locator(".rs-words del").all_inner_texts() == ["car", "road"]
    assert tab.locator(".rs-words ins").all_inner_texts() == ["bus", "snow"]


def test_the_slider_moves_the_methods_fields(visit):
    tab = visit()
    take_example(tab)
    set_steps(tab, 2)
    tab.get_by_label("range slider for Keep the source").press("End")
    field = "#fatezero-self_replace input[type=number]"
    tab.wait_for_function(f"document.querySelector('{field}').value == '0.3'")


def test_a_method_brings_its_own_fields(visit):
    tab = visit()
    choose(tab, "edit-method", "Instruct-Pix2Pix: tell it what to do")
    tab.locator("#edit-instruction").wait_for()
    assert not tab.locator("#edit-source").is_visible()
    assert tab.locator("#edit-seed").is_visible()


def test_uploads_are_taken_and_refused_on_the_page(visit, tmp_path):
    tab, bad = visit(), tmp_path / "<b>bad.mp4"
    bad.write_text("no video")
    tab.locator(".rs-drop input").first.set_input_files(bad)
    tab.locator(".rs-refused", has_text="no video").wait_for(timeout=60_000)
    assert not tab.locator(".rs-drop b").count()
    tab.locator(".rs-drop input").first.set_input_files(CLIP)
    tab.get_by_text("red-car.mp4 · all 24 frames").wait_for(timeout=60_000)


def test_running_without_a_video_says_what_is_missing(visit):
    tab = visit()
    run(tab)
    tab.get_by_role("alert").get_by_text("choose a video first").wait_for()


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_wider_than_the_screen(visit, width):
    tab = visit(width)
    for name in ("Edit", "Generate", "Propagate", "Train", "Compare"):
        tab.get_by_role("tab", name=name).click()
        assert tab.evaluate("document.documentElement.scrollWidth") <= width, name
