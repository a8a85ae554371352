"""What the tabs' buttons do, without a browser: orders are taken, refused and carried out."""

import json

import pytest
import torch
from PIL import Image

pytest.importorskip("gradio", reason="pip install 'rescene[app]'")

from rescene import Video
from rescene.app.comparison import CompareTab
from rescene.app.edit import EditTab
from rescene.app.first_frame import covering, first_frame, frames_of
from rescene.app.generate import ALONG, GenerateTab
from rescene.app.propagate import PropagateTab
from rescene.app.training import TrainTab
from rescene.app.trims import trim_of
from rescene.app.workshop import Workshop
from rescene.demo import CLIP, CONTROLS, EXAMPLES
from rescene.runs import Trim
from tests.tiny_video import tiny_svd

PROMPTS = {"source": "a red car on the road", "target": "a green car on the road"}


@pytest.fixture(scope="module")
def svd(tmp_path_factory):
    return tiny_svd(tmp_path_factory.mktemp("models") / "tiny-svd")


@pytest.fixture
def shop(tmp_path, tiny_folder, svd):
    made = Workshop(tmp_path / "out", tmp_path / "private", models=(str(tiny_folder), str(svd)))
    yield made
    made.close()


@pytest.fixture
def stage(shop):
    """A clip of four frames, chosen."""
    return {"source": shop.sources.shipped(CLIP).facts(), "trim": {"start": 2, "end": 6}}


def values(form, method, **given):
    """What the inputs of a form hold when a person has changed some."""
    prompts = [given.get(name, "") for name in form.prompts]
    rest = [
        given.get(name, each.shown(each.default)) if owner == method else each.shown(each.default)
        for (owner, name), each in form.advanced.items()
    ]
    return [method, form.models[0], given.get("seed"), *prompts, *rest]


def finished(job):
    assert job.ended.wait(200)
    assert job.state == "done", job.error
    return job.outcome.files


def edited(shop, stage, method="fatezero", **given):
    tab = EditTab(shop)
    filled = values(tab.form, method, num_inference_steps=2, **PROMPTS, **given)
    return shop.start(tab.ordered((stage, *filled)))


def test_an_edit_leaves_a_result_its_settings_and_the_source_to_play(shop, stage):
    files = finished(edited(shop, stage))
    result = Video.read(files["result"])
    assert (len(result), result.width, result.height) == (4, 128, 128)
    assert len(Video.read(files["source"])) == 4
    assert json.loads(files["settings"].read_text())["inputs"]["video"]["trim"]["start"] == 2
    assert files["result"].parent == shop.output


def test_the_same_again_with_another_seed(shop, stage):
    job = edited(shop, stage, "tokenflow", seed=3)
    finished(job)
    assert job.settings["fields"]["seed"] == 3
    assert job.again is not None
    other = job.again(4)
    files = finished(other)
    assert json.loads(files["settings"].read_text())["seed"] == 4
    assert not torch.equal(Video.read(files["result"]).frames, Video.read(job.outcome.files["result"]).frames)


def test_a_method_that_draws_nothing_has_no_again(shop, stage):
    assert edited(shop, stage).again is None


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_fill_the_form_in(shop, name):
    tab = EditTab(shop)
    stage, method, _, *rest, position, words = tab.picked({"example": name})
    assert stage["source"]["frames"] == 24
    assert method == "fatezero"
    assert 0 <= position <= 100
    assert words == {"source": EXAMPLES[name].source, "target": EXAMPLES[name].target}
    assert EXAMPLES[name].target in rest


def test_the_timeline_cuts(stage):
    assert trim_of(stage) == Trim(start=2, end=6)
    assert trim_of({"source": stage["source"]}) == Trim(start=0)
    assert trim_of({}) == Trim(start=0)


def test_a_clip_is_generated(shop):
    tab = GenerateTab(shop)
    few = {"num_frames": 2, "num_inference_steps": 2, "t0": 0.2, "t1": 0.6}
    files = finished(tab._start(None, tuple(values(tab.form, "text2video-zero", prompt="a car", **few))))
    assert len(Video.read(files["result"])) == 2
    assert "digitalsourcetype" not in files["settings"].read_text()


def test_the_gallery_follows_what_it_shows(shop):
    tab = GenerateTab(shop)
    filled = tuple(values(tab.form, ALONG, prompt="a car"))
    with pytest.raises(ValueError, match="choose a clip to follow"):
        tab._start(None, filled)
    with pytest.raises(ValueError, match="choose a clip to follow"):
        tab._start("../../etc/passwd", filled)
    assert {each.control for each in CONTROLS.values()} == {"canny", "depth", "pose"}
    for each in CONTROLS.values():
        assert len(Video.read(each.path)) == 16


def test_a_motion_is_learnt_and_edited_with(shop, stage):
    tab = TrainTab(shop)
    filled = values(tab.form, "one-shot", prompt="a red car", steps=2, checkpoint_every=1)
    job = shop.jobs.submit(tab.job(stage, "a green car", None, tuple(filled)))
    files = finished(job)
    assert files["adapter"].suffix == ".safetensors"
    assert files["curve"].read_text().startswith("<svg")
    samples = [Video.read(files[f"sample-{step}"]) for step in (1, 2)]
    assert [len(each) for each in samples] == [4, 4]
    assert not torch.equal(samples[0].frames, samples[1].frames)
    assert files["result"] == files["sample-2"]
    assert list(shop.adapters()) == ["motion-1"]

    made = edited(shop, stage, "tune-a-video", motion="motion-1")
    settings = json.loads(finished(made)["settings"].read_text())
    assert settings["fields"]["motion"] == "motion-1.safetensors"
    assert made.settings["fields"]["motion"] == "motion-1"


def test_a_painted_first_frame_is_carried_through(shop, stage):
    tab = PropagateTab(shop)
    filled = tuple(values(tab.form, "i2vedit", num_inference_steps=2, clip_length=4))
    with pytest.raises(ValueError, match="edit the first frame first"):
        tab.ordered(stage, None, "", filled)
    painted = {"composite": Image.new("RGB", (128, 128), "green")}
    files = finished(shop.start(tab.ordered(stage, painted, "", filled)))
    assert len(Video.read(files["result"])) == 4
    (frame,) = json.loads(files["settings"].read_text())["inputs"]["key_frames"]
    assert frame["path"] == f"{files['result'].stem}-first-frame.png"


def test_a_video_model_learns_a_motion_and_propagates_with_it(shop, stage):
    train, propagate = TrainTab(shop), PropagateTab(shop)
    filled = values(train.form, "motion-lora", steps=2, checkpoint_every=1, rank=2)
    with pytest.raises(ValueError, match="choose one of"):
        train.job(stage, "", None, tuple(filled))
    filled[1] = "tiny-svd"
    painted = {"composite": Image.new("RGB", (128, 128), "green")}
    files = finished(shop.jobs.submit(train.job(stage, "", painted, tuple(filled))))
    assert files["curve"].is_file()
    first = [Video.read(files[f"sample-{step}"]).frames[0].mean((1, 2)) for step in (1, 2)]
    assert all(green > max(red, blue) for red, green, blue in first)
    assert list(shop.loras()) == ["lora-1"]
    assert not shop.adapters()

    rest = tuple(values(propagate.form, "i2vedit", num_inference_steps=2, clip_length=4))
    painted = {"composite": Image.new("RGB", (128, 128), "green")}
    with pytest.raises(ValueError, match="no motion"):
        propagate.ordered(stage, painted, "../lora-1", rest)
    made = finished(shop.start(propagate.ordered(stage, painted, "lora-1", rest)))
    settings = json.loads(made["settings"].read_text())
    assert settings["fields"]["motion_lora"] == ["lora-1.safetensors"]
    assert len(settings["files"]["motion_lora"][0]) == 64


def test_the_frame_to_paint_on_is_the_one_that_the_cut_clip_begins_with(shop, stage):
    update, shown = first_frame(shop.sources, stage, None)
    assert update["visible"]
    assert torch.allclose(frames_of(update["value"])[0], Video.read(CLIP).frames[2], atol=1 / 255)
    again, same = first_frame(shop.sources, {**stage, "job": "of it"}, shown)
    assert "value" not in again
    assert same == shown
    moved, _ = first_frame(shop.sources, {**stage, "trim": {"start": 3, "end": 6}}, shown)
    assert moved["value"] != update["value"]
    assert "value" not in first_frame(shop.sources, {}, None)[0]


def test_a_training_brings_its_models_and_what_it_can_be_tried_on(shop):
    tab = TrainTab(shop)
    for kind, model, shown in (
        ("one-shot", "tiny-sd", [True, False]),
        ("motion-lora", "tiny-svd", [False, True]),
    ):
        *_, models, sample, trying = tab.chosen(kind)
        assert models["value"] == model
        assert [sample["visible"], trying["visible"]] == shown


@pytest.mark.parametrize("size", [(128, 128), (64, 32), (300, 90)])
def test_a_first_frame_of_any_size_covers_the_video(size):
    video = Video.read(CLIP, frames=1)
    cover = covering(Image.new("RGB", size), video)
    assert (cover.width, cover.height, len(cover)) == (128, 128, 1)


def test_results_of_one_clip_are_compared(shop, stage):
    tab = CompareTab(shop)
    jobs = [edited(shop, stage), edited(shop, stage, self_replace=0.2)]
    other = edited(shop, {**stage, "trim": {"start": 0, "end": 2}})
    for job in (*jobs, other):
        finished(job)
    page = finished(shop.jobs.submit(tab.job([job.id for job in jobs])))["page"].read_text()
    assert page.count("<video") >= 3
    assert "PSNR" in page
    assert str(shop.output) not in page
    with pytest.raises(ValueError, match="different clips"):
        tab.job([jobs[0].id, other.id])
    with pytest.raises(ValueError, match="at least one"):
        tab.job(["unknown"])
