"""Generate's galleries, from a click to the clip, with a ControlNet."""

import pytest

pytest.importorskip("gradio", reason="pip install 'rescene[app]'")

from rescene import Video
from rescene.app import AppOptions, serving
from rescene.app.generate import ALONG, GenerateTab
from rescene.app.workshop import Workshop
from rescene.backbones import StableDiffusion
from rescene.demo import CONTROLS
from rescene.methods.text2video_zero import redraw
from rescene.runs.result import read_settings
from tests.app.test_tabs import finished, values
from tests.tiny import tiny_controlnet

FEW = {"num_inference_steps": 2}


@pytest.fixture
def nets(monkeypatch, tmp_path, tiny_folder):
    """Tiny ControlNets in the place of those that are published."""
    from rescene import load

    model = load(tiny_folder)
    assert isinstance(model, StableDiffusion)
    place = tiny_controlnet(tmp_path / "net", model.unet)
    monkeypatch.setattr(redraw, "controlnet_for", lambda control, model: str(place))
    return place


def test_what_a_model_cant_follow_is_told_with_a_way_out(tmp_path, tiny_folder):
    shop = Workshop(tmp_path / "out", tmp_path / "private", models=(str(tiny_folder),))
    tab = GenerateTab(shop)
    with pytest.raises(
        ValueError, match=r"tiny-sd can't follow .* \(pose\); choose another clip, or another model"
    ):
        tab._start("walk", tuple(values(tab.form, ALONG, prompt="a person")))
    shop.close()


@pytest.mark.parametrize("name", ["walk", "car", "balloon"])
def test_a_clip_of_the_gallery_is_followed(nets, tmp_path, tiny_folder, name):
    shop = Workshop(tmp_path / "out", tmp_path / "private", models=(str(tiny_folder),))
    tab = GenerateTab(shop)
    files = finished(tab._start(name, tuple(values(tab.form, ALONG, prompt="a car", **FEW))))
    assert len(Video.read(files["result"])) == len(Video.read(CONTROLS[name].path))
    settings = read_settings(files["result"])
    assert f'"{CONTROLS[name].control}"' in settings
    assert str(tmp_path) not in settings
    shop.close()


@pytest.mark.browser
def test_from_a_click_to_a_clip(nets, tmp_path, tiny_folder, browser):
    options = AppOptions(port=0, output=tmp_path / "out", model=(str(tiny_folder),))
    with serving(options) as address:
        tab = browser.new_context().new_page()
        tab.goto(address)
        tab.get_by_role("tab", name="Generate").click()
        tab.locator("#generate-method input").click()
        tab.get_by_role("option", name="Along poses, edges or depth").click()
        tab.locator("#generate-prompt textarea").fill("a red car")
        tab.locator("#generate-advanced > button").click()
        tab.locator("#generate-along-num_inference_steps input").fill("2")
        tab.locator("#generate-run").click()
        tab.get_by_role("alert").get_by_text("choose a clip to follow first").wait_for()
        tab.locator("[data-clip=car]").click()
        tab.locator("#generate-run").click()
        tab.locator(".rs-done").wait_for(timeout=120_000)
        tab.wait_for_function("document.querySelector('.rs-result').readyState >= 2")
        assert tab.locator(".rs-done h3").inner_text() == "a red car"
    (made,) = (tmp_path / "out").glob("*.mp4")
    assert len(Video.read(made)) == len(Video.read(CONTROLS["car"].path))
