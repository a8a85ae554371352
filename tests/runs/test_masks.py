"""Masks out of what a recipe names."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from rescene.runs import FileRef, InputRefs, MaskRef, Recipe, Trim, VideoRef
from rescene.runs.inputs import opened
from rescene.video import Video


def refs(source: Path, *files: Path, trim: Trim | None = None, **more: Any) -> InputRefs:
    mask = MaskRef(files=tuple(FileRef(path=str(file)) for file in files), **more)
    return InputRefs(video=VideoRef(path=str(source), trim=trim or Trim()), mask=mask)


def white(refs: InputRefs) -> torch.Tensor:
    mask = opened(refs).mask
    assert mask
    return mask.video.frames[:, 0]


@pytest.fixture
def moving(tmp_path) -> Path:
    """A mask of four frames: a column that goes right."""
    frames = torch.zeros(4, 3, 64, 128)
    for number, frame in enumerate(frames):
        frame[..., 30 * number : 30 * number + 10] = 1
    Video.of(frames, 8).write(tmp_path / "moving.mkv")
    return tmp_path / "moving.mkv"


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", "/"])
def test_a_video_or_a_folder_is_a_mask_frame_by_frame(source, moving, tmp_path, suffix):
    Video.read(moving).write(f"{tmp_path}/copy{suffix}")
    found = white(refs(source, tmp_path / f"copy{suffix.rstrip('/')}"))
    for number, frame in enumerate(found):
        assert frame[:, 30 * number + 2 : 30 * number + 8].eq(1).all()
        assert frame[:, 30 * number + 20 :].eq(0).all()


def test_one_picture_is_held(source, white, tmp_path):
    white.write(tmp_path / "one")
    mask = opened(refs(source, tmp_path / "one" / "00000.png")).mask
    assert mask
    found = mask.video.frames[:, 0]
    assert found.shape == (4, 64, 128)
    assert found[..., :64].eq(1).all()
    assert found[..., 64:].eq(0).all()


@pytest.mark.parametrize("suffix", ["png", "webp"])
def test_opacity_counts_where_something_is_transparent(source, tmp_path, suffix):
    pixels = np.zeros((64, 128, 4), np.uint8)
    pixels[:, :40, 3] = 255
    Image.fromarray(pixels).save(tmp_path / f"cut.{suffix}", lossless=True)
    found = white(refs(source, tmp_path / f"cut.{suffix}"))
    assert found[..., :40].eq(1).all()
    assert found[..., 40:].eq(0).all()


def test_a_mask_of_another_size_is_scaled(source, tmp_path):
    half = torch.zeros(1, 3, 32, 64)
    half[..., :32] = 1
    Video.of(half, 8).write(tmp_path / "half.mkv")
    found = white(refs(source, tmp_path / "half.mkv"))
    assert found[..., :62].eq(1).all()
    assert found[..., 67:].eq(0).all()


def test_a_mask_of_the_whole_clip_is_cut_like_it(source, moving):
    trim = Trim(start="0.25s", every=2)
    found = white(refs(source, moving, trim=trim))
    assert torch.equal(found, white(refs(source, moving))[[2]])


@pytest.mark.parametrize(
    ("shape", "more", "says"),
    [
        ((3, 64, 128), {}, "has 3 frames and the video 4; give one picture"),
        ((6, 64, 128), {"trim": Trim(start=1)}, "has 6 frames and the video 3; give one picture"),
        ((1, 64, 64), {}, "is 64x64, of another shape than the video's 128x64; crop it"),
        ((1, 64, 128), {"invert": True}, "the mask is empty: nothing in it is white"),
        ((1, 64, 128), {"minus": True}, "the mask is empty"),
    ],
)
def test_what_doesnt_belong_is_told_in_a_line(source, tmp_path, shape, more, says):
    frames, height, width = shape
    Video.of(torch.ones(frames, 3, height, width), 8).write(tmp_path / "mask.mkv")
    options: dict[str, Any] = dict(more)
    if "minus" in options:
        options["minus"] = (FileRef(path=str(tmp_path / "mask.mkv")),)
    with pytest.raises(ValueError, match=says):
        opened(refs(source, tmp_path / "mask.mkv", **options))


def test_a_mask_that_isnt_there_is_told(source, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none.png: no such file"):
        opened(refs(source, tmp_path / "none.png"))


@pytest.mark.parametrize("field", [{"grow": 501}, {"feather": -1}, {"grow": -1000}])
def test_lengths_are_bounded(field):
    with pytest.raises(ValueError, match="it must be between"):
        MaskRef(**field)


def test_a_mask_that_was_a_file_by_itself_is_read(recipe):
    text = recipe.to_json().replace('"mask": null', '"mask": {"path": "a.png", "sha256": null}')
    assert Recipe.from_json(text).inputs.mask == MaskRef(files=(FileRef(path="a.png"),))
