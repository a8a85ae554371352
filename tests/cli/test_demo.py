from dataclasses import replace

import pytest
import torch

from rescene import Video
from rescene.backbones import ALIASES, outline
from rescene.demo import CLIP, CONTROLS, EXAMPLES
from training.demo import render, render_controls


def test_the_clip_is_small_and_sounds():
    video = Video.read(CLIP)
    assert (len(video), video.width, video.height, float(video.fps)) == (24, 128, 128, 8)
    assert video.audio
    assert CLIP.stat().st_size < 100_000
    assert abs(render.melody()).max() <= 0.2


def test_the_clip_is_what_its_script_makes(tmp_path):
    render.render(tmp_path / "clip.mp4")
    made, shipped = Video.read(tmp_path / "clip.mp4"), Video.read(CLIP)
    assert (made.audio is not None, made.fps) == (True, shipped.fps)
    for frames in (made.frames, render.SCENE.render(render.FRAMES).frames):
        assert (shipped.frames - frames).square().mean() < 1e-3
    assert render.SCENE.caption == EXAMPLES["colour"].source


def test_the_clips_to_follow_are_what_their_script_makes(tmp_path):
    render_controls.render(tmp_path)
    for clip in CONTROLS.values():
        made, shipped = Video.read(tmp_path / clip.path.name), Video.read(clip.path)
        assert (made.frames - shipped.frames).square().mean() < 1e-3


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_are_sound(name):
    assert EXAMPLES[name].cost(outline("mini", dtype=torch.float32), Video.read(CLIP))


def test_the_demo_edits_and_says_where(run, tiny_folder, tmp_path, monkeypatch):
    # A tiny model is enough to see where everything goes.
    monkeypatch.setitem(ALIASES, "mini", replace(ALIASES["mini"], place=tiny_folder))
    short, earlier = tmp_path / CLIP.name, tmp_path / "rescene-demo" / "colour.mp4"
    Video.read(CLIP)[:4].write(short, source_type=None)
    earlier.parent.mkdir()
    earlier.write_bytes(b"to be replaced")
    quick = {"colour": replace(EXAMPLES["colour"], num_inference_steps=1)}
    monkeypatch.setattr("rescene.cli.demo.EXAMPLES", quick)
    monkeypatch.setattr("rescene.cli.demo.CLIP", short)
    monkeypatch.chdir(tmp_path)
    ran = run("demo")
    assert ran.status == 0, ran.err
    result, comparison = (line.split()[-1] for line in ran.out.splitlines()[-2:])
    assert (tmp_path / result).samefile(earlier)
    assert len(Video.read(result)) == len(Video.read(comparison)) == 4
    assert Video.read(result).audio
