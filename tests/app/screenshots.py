"""Takes the pictures of docs/app.md: `python -m tests.app.screenshots docs/images`."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from playwright.sync_api import sync_playwright

from rescene.mini import FOLDER
from tests.app.conftest import running
from tests.browser import CHROMIUM

CLIP_FRAMES, FRAMES, STEPS = 24, 6, 8
TOP = "window.scrollTo({ top: 0, behavior: 'instant' })"
DESKTOP, PHONE = (1360, 1000), (390, 844)


def main(folder: Path) -> None:
    """Takes all of them."""
    with TemporaryDirectory() as private, sync_playwright() as playwright:
        options = ("--port", "0", "--output", f"{private}/out")
        with running(*options, cache=Path(private) / "cache") as address:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            context = browser.new_context(viewport=size(DESKTOP), device_scale_factor=1)
            tab = context.new_page()
            tab.goto(address)
            edit(tab, folder)
            others(tab, folder)
            tab.set_viewport_size(size(PHONE))
            tab.goto(address)
            phone(tab, folder)


def size(sides: tuple[int, int]) -> Any:
    """As Playwright wants it."""
    return {"width": sides[0], "height": sides[1]}


def edit(tab: Any, folder: Path) -> None:
    """An edit at work, and done."""
    tab.locator("[data-example=colour]").click()
    tab.locator(".rs-strip").wait_for()
    handle = tab.get_by_label("Last frame").locator("visible=true")
    for _ in range(CLIP_FRAMES - FRAMES):
        handle.press("ArrowLeft")
    tab.locator("#edit-advanced > button").click()
    tab.locator("#fatezero-num_inference_steps input").fill(str(STEPS))
    tab.locator("#edit-advanced > button").click()
    tab.wait_for_timeout(1500)
    tab.locator("#edit-run").click()
    tab.locator(".rs-status", has_text=f"Editing {STEPS // 2} of").wait_for(timeout=600_000)
    tab.evaluate(TOP)
    tab.screenshot(path=folder / "app-running.png")
    tab.locator(".rs-done").wait_for(timeout=600_000)
    tab.evaluate(TOP)
    tab.wait_for_timeout(1200)
    tab.screenshot(path=folder / "app-desktop.png")


def others(tab: Any, folder: Path) -> None:
    """The other tabs."""
    generate(tab, folder)
    tab.get_by_role("tab", name="Compare").click()
    tab.locator(".rs-chooser .rs-card").first.click()
    tab.locator(".rs-chooser .rs-strong").click()
    tab.locator(".rs-frame").wait_for(timeout=200_000)
    tab.wait_for_timeout(2500)
    tab.screenshot(path=folder / "app-compare.png")


def generate(tab: Any, folder: Path) -> None:
    """A clip along another one, if `mini` has learnt to follow; else the form."""
    tab.get_by_role("tab", name="Generate").click()
    tab.locator("#generate-method input").click()
    tab.get_by_role("option", name="Along poses, edges or depth").click()
    tab.locator("[data-clip=car]").click()
    tab.locator("#generate-prompt textarea").fill("a green car on the road")
    if (FOLDER / "controlnet_canny").is_dir():
        tab.locator("#generate-advanced > button").click()
        tab.locator("#generate-along-num_inference_steps input").fill(str(STEPS))
        tab.locator("#generate-advanced > button").click()
        tab.locator("#generate-run").click()
        tab.locator(".rs-done").locator("visible=true").wait_for(timeout=600_000)
    tab.evaluate(TOP)
    tab.wait_for_timeout(1500)
    tab.screenshot(path=folder / "app-generate.png")


def phone(tab: Any, folder: Path) -> None:
    """An earlier result on a phone."""
    tab.locator("[data-example=colour]").click()
    tab.locator(".rs-strip").wait_for()
    tab.wait_for_timeout(2000)
    tab.screenshot(path=folder / "app-phone.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
