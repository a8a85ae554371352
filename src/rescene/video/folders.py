"""Folders of images as clips, and clips as folders of PNGs."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8
from PIL import Image, ImageOps, UnidentifiedImageError

from ..typing import Frames
from .colour import opacity_of, over_white
from .metadata import Metadata, png_chunks

IMAGES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"})
_RATE = "FrameRate"
"""The PNG text chunk that keeps the frame rate of a folder."""


@dataclass(frozen=True, eq=False)
class ImageClip:
    """Image files as frames, opened when read."""

    paths: list[Path]
    height: int
    width: int
    opacity: bool = False
    """Whether images of which something is transparent show how opaque they are, instead of white behind."""

    def __len__(self) -> int:
        return len(self.paths)

    def read(self, start: int, stop: int) -> Frames:
        frames = torch.empty(stop - start, 3, self.height, self.width)
        for frame, path in zip(frames, self.paths[start:stop], strict=True):
            frame.copy_(torch.from_numpy(_rgb(path, self.opacity)).permute(2, 0, 1))
        return frames.div_(255)


def open_images(path: Path, *, opacity: bool = False) -> ImageClip:
    """The images in a folder in natural order (2 before 10), or a single image; `opacity` is `ImageClip`'s.

    Raises:
        ValueError: if there is none, or they differ in size.
    """
    paths = [path]
    if path.is_dir():
        files = (file for file in path.iterdir() if file.suffix.lower() in IMAGES)
        paths = sorted((file for file in files if not file.name.startswith(".")), key=_natural)
    if not paths:
        raise ValueError(f"{path} has no images in it; a folder of frames holds {', '.join(sorted(IMAGES))}")
    sizes = [_size(file) for file in paths]
    for file, size in zip(paths, sizes, strict=True):
        if size != sizes[0]:
            raise ValueError(
                f"{file} is {size[0]}x{size[1]} but {paths[0].name} is {sizes[0][0]}x{sizes[0][1]}; "
                "make all frames the same size"
            )
    width, height = sizes[0]
    return ImageClip(paths, height, width, opacity)


def write_images(
    folder: Path, frames: Iterable[UInt8[np.ndarray, "H W 3"]], fps: Fraction, metadata: Metadata
) -> None:
    """Writes 00000.png, 00001.png and so on into an existing folder; the first notes rate and settings."""
    for number, pixels in enumerate(frames):
        chunks = png_chunks(metadata, first=number == 0)
        if number == 0:
            chunks.add_text(_RATE, str(fps))
        Image.fromarray(pixels).save(folder / f"{number:05d}.png", pnginfo=chunks, compress_level=3)


def noted_rate(path: Path) -> Fraction | None:
    """The frame rate that `write_images` noted in the first frame."""
    with _opened(path) as image:
        noted = str(image.info.get(_RATE, ""))
    return Fraction(noted) if re.fullmatch(r"[1-9]\d*(/[1-9]\d*)?", noted) else None


def _rgb(path: Path, opacity: bool) -> UInt8[np.ndarray, "H W 3"]:
    with _opened(path) as image:
        upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith("I"):
        grey = (np.asarray(upright).astype(np.float32) / 257).round().clip(0, 255).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    if upright.has_transparency_data:
        pixels = np.asarray(upright.convert("RGBA"))
        return opacity_of(pixels) if opacity else over_white(pixels)
    return np.array(upright.convert("RGB"))


def _size(path: Path) -> tuple[int, int]:
    with _opened(path) as image:
        turned = image.getexif().get(0x0112, 1) >= 5  # Orientation
        return (image.height, image.width) if turned else image.size


def _opened(path: Path) -> Image.Image:
    try:
        return Image.open(path)
    except UnidentifiedImageError as error:
        raise ValueError(f"{path} cannot be read as an image; replace it or remove it") from error


def _natural(path: Path) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", path.name)]
