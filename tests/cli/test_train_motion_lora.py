"""`rescene train motion-lora` from file to file."""

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from rescene import Video
from rescene.training import MotionTuning
from tests.tiny_video import tiny_svd


def weights(path: Path) -> list[Tensor]:
    return [tensor for _, tensor in sorted(load_file(path).items())]


def test_each_clip_gets_a_lora_that_propagate_takes(run, svd_folder, monkeypatch, tmp_path):
    film, picture = tmp_path / "film.mkv", tmp_path / "first"
    video = Video.of(torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(0)), 8)
    video.write(film)
    video[:1].write(f"{picture}/")
    shared = ("--model", svd_folder, "--size", "64x64", "--clip-length", 2)
    ran = run("train", "motion-lora", film, tmp_path / "lora.safetensors", *shared, "--steps", 1, "--rank", 2)
    assert ran.status == 0, ran.err
    loras = [tmp_path / "lora.safetensors", tmp_path / "lora-2.safetensors"]
    assert all(path.is_file() for path in loras)
    assert (tmp_path / "lora-2-training" / "losses.svg").is_file()
    first = ("--first-frame", *picture.glob("*.png"), "--num-inference-steps", 2)
    ran = run("propagate", film, tmp_path / "out.mkv", *shared, *first, "--motion-lora", *loras)
    assert ran.status == 0, ran.err
    ran = run("redo", tmp_path / "out.mkv")
    assert ran.status == 0, ran.err
    again = Video.read(tmp_path / "out-redo.mkv").frames
    assert torch.equal(again, Video.read(tmp_path / "out.mkv").frames)
    other = tiny_svd(tmp_path / "other", seed=1)
    ran = run(
        "propagate", film, tmp_path / "b.mkv", *shared, *first, "--motion-lora", *loras, "--model", other
    )
    assert ran.status == 2
    assert "trained for another model of this shape" in ran.err
    same = ("train", "motion-lora", film, tmp_path / "same.safetensors", *shared, "--steps", 1, "--rank", 2)
    with monkeypatch.context() as patch:
        patch.setattr(MotionTuning, "__call__", None)
        ran = run(*same)
    assert ran.status == 0, ran.err
    assert ran.out.count("learnt before") == 2
    for ours, theirs in zip(("same", "same-2"), loras, strict=True):
        assert all(map(torch.equal, weights(tmp_path / f"{ours}.safetensors"), weights(theirs)))
    ran = run(*same, "--overwrite", "--seed", 1)
    assert ran.status == 0, ran.err
    assert not all(map(torch.equal, weights(tmp_path / "same.safetensors"), weights(loras[0])))
    ran = run("train", "motion-lora", film, tmp_path / "lora.pt", *shared)
    assert ran.status == 2
    assert "must end with .safetensors" in ran.err
