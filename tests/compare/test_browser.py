"""The page where it is used: in a browser."""

import time

import pytest

pytestmark = pytest.mark.browser

READY = "[...document.querySelectorAll('video.{}')].every((v) => v.readyState >= 2 && !v.seeking)"
TIMES = "[...document.querySelectorAll('video.picture')].map((video) => video.currentTime)"
GREYS = """[...document.querySelectorAll('video.picture')].map((video) => {
    const canvas = document.createElement('canvas');
    canvas.width = canvas.height = 1;
    const pen = canvas.getContext('2d');
    pen.drawImage(video, 0, 0, 1, 1);
    return pen.getImageData(0, 0, 1, 1).data[0] / 255;
})"""
SCRUB = """(number) => {
    const scrubber = document.getElementById('scrubber');
    scrubber.value = number;
    scrubber.dispatchEvent(new Event('input'));
}"""
CORNERS = """[...document.querySelectorAll('canvas')].map(
    (canvas) => canvas.getContext('2d').getImageData(9, 9, 1, 1).data[0] / 255
)"""
STARTS, ENDS = (0.1, 0.15, 0.3), (0.8, 0.85, 0.95)


def wait(tab, condition):
    """Waits until a condition holds; Playwright's own waiting is forbidden by the page's security policy."""
    end = time.monotonic() + 20
    while not tab.evaluate(condition):
        assert time.monotonic() < end, f"waited in vain for {condition}"
        tab.wait_for_timeout(20)


def scrub(tab, number):
    tab.evaluate(SCRUB, number)
    wait(tab, READY.format("picture"))


@pytest.mark.parametrize("number", [0, 7, 15])
def test_the_scrubber_moves_all_videos_to_the_same_frame(opened, number):
    wait(opened, READY.format("picture"))
    scrub(opened, number)
    assert opened.evaluate(TIMES) == pytest.approx([(number + 0.5) / 8] * 3, abs=0.01)
    expected = [low + (high - low) * number / 15 for low, high in zip(STARTS, ENDS, strict=True)]
    assert opened.evaluate(GREYS) == pytest.approx(expected, abs=0.025)
    assert opened.locator("#place").text_content() == f"{number + 1} / 16"


def test_videos_play_in_step_and_stop_on_one_frame(opened):
    wait(opened, READY.format("picture"))
    opened.click("#play")
    wait(opened, "Number(document.body.dataset.frame) >= 4")
    times = opened.evaluate(TIMES)
    assert max(times) - min(times) < 1 / 8
    opened.click("#play")
    wait(opened, READY.format("picture"))
    times = opened.evaluate(TIMES)
    assert max(times) - min(times) < 0.01
    assert not opened.evaluate("[...document.querySelectorAll('video')].some((video) => !video.paused)")


def test_arrow_keys_step_by_one_frame(opened):
    wait(opened, READY.format("picture"))
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft"):
        opened.keyboard.press(key)
    assert opened.evaluate("document.body.dataset.frame") == "1"


def test_the_difference_view_shows_the_difference(opened):
    wait(opened, READY.format("picture"))
    opened.locator(".views label", has_text="Difference").click()
    scrub(opened, 5)
    wait(opened, "document.querySelectorAll('canvas')[2].width > 2")
    levels = opened.evaluate(CORNERS)
    assert levels[1:] == pytest.approx([0.05, 0.2 - 0.05 * 5 / 15], abs=0.025)


def test_the_motion_view_follows_the_scrubber_too(opened):
    wait(opened, READY.format("picture"))
    opened.locator(".views label", has_text="Motion").click()
    scrub(opened, 9)
    wait(opened, READY.format("flow"))
    times = opened.evaluate("[...document.querySelectorAll('video.flow')].map((video) => video.currentTime)")
    assert times == pytest.approx([9.5 / 8] * 3, abs=0.01)


@pytest.mark.parametrize("width", [360, 1400])
def test_nothing_is_wider_than_the_screen(opened, width):
    opened.set_viewport_size({"width": width, "height": 700})
    assert opened.evaluate("document.documentElement.scrollWidth") <= width
