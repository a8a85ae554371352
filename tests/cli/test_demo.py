from dataclasses import replace

import pytest
import torch

from rescene import Video
from rescene.backbones import ALIASES, outline
from rescene.demo import CLIP, EXAMPLES
from rescene.demo.render import FRAMES, melody


def test_the_clip_is_small_and_sounds():
    video = Video.read(CLIP)
    assert (len(video), video.width, video.height, float(video.fps)) == (24, 128, 128, 8)
    assert video.audio
    assert CLIP.stat().st_size < 100_000
    assert abs(melody()).max() <= 0.2


def test_the_clip_is_what_the_scene_renders():
    from rescene.demo.render import SCENE

    rendered = SCENE.render(FRAMES).frames
    error = (Video.read(CLIP).frames - rendered).square().mean()
    assert error < 1e-3
    assert SCENE.caption == EXAMPLES["colour"].source


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_are_sound(name):
    assert EXAMPLES[name].cost(outline("mini", dtype=torch.float32), Video.read(CLIP))


def test_the_demo_edits_and_says_where(run, tiny_folder, tmp_path, monkeypatch):
    # A tiny model is enough to see where everything goes.
    monkeypatch.setitem(ALIASES, "mini", replace(ALIASES["mini"], place=tiny_folder))
    quick = {"colour": replace(EXAMPLES["colour"], num_inference_steps=1)}
    monkeypatch.setattr("rescene.cli.demo.EXAMPLES", quick)
    monkeypatch.chdir(tmp_path)
    first, ran = run("demo"), run("demo")  # A second one replaces the first.
    assert (first.status, ran.status) == (0, 0), ran.err
    result, comparison = (line.split()[-1] for line in ran.out.splitlines()[-2:])
    assert len(Video.read(result)) == len(Video.read(comparison)) == 24
    assert Video.read(result).audio
