"""Folders of images as clips, and clips as folders of PNGs."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image, ImageOps

from ..typing import Frames
from .colour import opacity_of, over_white
from .media import MOST_FRAMES, MOST_SECONDS, TooLargeError, check_size, open_image
from .metadata import Metadata, png_chunks

IMAGES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"})
_RATE = "FrameRate"
"""The PNG text chunk that keeps the frame rate of a folder."""
_SLOWEST, _FASTEST = Fraction(1, 86400), 1000
"""Frames a second that a folder may note."""
_MOST_PAGES = 10_000


@dataclass(frozen=True, eq=False)
class ImageClip:
    """Pictures as frames, opened when read: files, or the pages of one."""

    paths: list[Path]
    height: int
    width: int
    pages: int = 1
    """Of the only file; more than one for animations and the like."""
    opacity: bool = False
    """Whether images of which something is transparent show how opaque they are, instead of white behind."""

    def __len__(self) -> int:
        return len(self.paths) * self.pages

    def read(self, start: int, stop: int) -> Frames:
        frames = torch.empty(stop - start, 3, self.height, self.width)
        for frame, pixels in zip(frames, self._pixels(start, stop), strict=True):
            frame.copy_(torch.from_numpy(pixels).permute(2, 0, 1))
        return frames.div_(255)

    def _pixels(self, start: int, stop: int) -> Iterator[UInt8[np.ndarray, "H W 3"]]:
        if self.pages == 1:
            for path in self.paths[start:stop]:
                with open_image(path) as image:
                    yield _rgb(image, self.opacity)
            return
        with open_image(self.paths[0]) as image:
            for page in range(start, stop):
                image.seek(page)
                yield _rgb(image, self.opacity)


def open_images(path: Path, *, opacity: bool = False) -> ImageClip:
    """The images in a folder in natural order (2 before 10), a single image, or the pages of one.

    `opacity` is `ImageClip`'s.

    Raises:
        ValueError: if there is none, or they differ in size.
    """
    paths = [path]
    if path.is_dir():
        files = (file for file in path.iterdir() if file.suffix.lower() in IMAGES)
        paths = sorted((file for file in files if not file.name.startswith(".")), key=_natural)
    if not paths:
        raise ValueError(f"{path} has no images in it; a folder of frames holds {', '.join(sorted(IMAGES))}")
    if len(paths) > MOST_FRAMES:
        raise TooLargeError(f"{path} has more than {MOST_FRAMES} images; take some of them")
    if path.is_file() and (sizes := _page_sizes(path)):
        _check_same([(f"page {number} of {path}", size) for number, size in enumerate(sizes)])
        return ImageClip(paths, sizes[0][1], sizes[0][0], len(sizes), opacity)
    sizes = [_size(file) for file in paths]
    _check_same([(str(file), size) for file, size in zip(paths, sizes, strict=True)])
    return ImageClip(paths, sizes[0][1], sizes[0][0], opacity=opacity)


def is_animation(path: Path) -> bool:
    """Whether a file is an animation that a decoder of videos reads: of PNGs, or a GIF under another name."""
    with open_image(path) as image:
        return image.format in ("PNG", "GIF") and getattr(image, "n_frames", 1) > 1


def page_times(path: Path) -> tuple[list[int], int] | None:
    """When each page of a file is shown, and how long the last, in milliseconds; None if it doesn't say."""
    times, now, last = list[int](), 0, 0
    with open_image(path) as image:
        for page in range(getattr(image, "n_frames", 1)):
            image.seek(page)
            image.load()  # Only then a WebP knows.
            last = image.info.get("duration", 0)
            if not isinstance(last, int) or not 0 < last < 1000 * MOST_SECONDS:
                return None
            times.append(now)
            now += last
    return times, last


def _check_same(sizes: list[tuple[str, tuple[int, int]]]) -> None:
    first, wanted = sizes[0]
    for name, size in sizes:
        if size != wanted:
            raise ValueError(
                f"{name} is {size[0]}x{size[1]} but {Path(first).name} is {wanted[0]}x{wanted[1]}; "
                "make all frames the same size"
            )


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
    """The frame rate that `write_images` noted in the first frame.

    Raises:
        ValueError: If what is noted is none.
    """
    with open_image(path) as image:
        noted = str(image.info.get(_RATE, ""))
    if not noted:
        return None
    rate = Fraction(noted) if re.fullmatch(r"[1-9]\d{0,8}(/[1-9]\d{0,8})?", noted) else Fraction(0)
    if not _SLOWEST <= rate <= _FASTEST:
        raise ValueError(f"{path} notes a frame rate, {noted[:40]!r}, that is none; save it without {_RATE}")
    return rate


def _rgb(image: Image.Image, opacity: bool) -> UInt8[np.ndarray, "H W 3"]:
    upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith("I"):
        return _grey(np.asarray(upright).astype(np.float64) / 65535, "65535")
    if upright.mode == "F":
        return _grey(np.asarray(upright).astype(np.float64), "1.0")
    if upright.has_transparency_data:
        pixels = np.asarray(upright.convert("RGBA"))
        return opacity_of(pixels) if opacity else over_white(pixels)
    return np.array(upright.convert("RGB"))


def _grey(levels: Float[np.ndarray, "H W"], white: str) -> UInt8[np.ndarray, "H W 3"]:
    """Pixels of levels between 0 and 1.

    Raises:
        ValueError: If some are outside: nobody knows what is white then.
    """
    low, high = float(levels.min()), float(levels.max())
    if not (low >= 0 and high <= 1):
        raise ValueError(f"its levels aren't between black, 0, and white, {white}; scale them")
    return np.repeat((levels * 255).round().astype(np.uint8)[..., None], 3, axis=2)


def _size(path: Path) -> tuple[int, int]:
    with open_image(path) as image:
        if image.format != "MPO" and (pages := getattr(image, "n_frames", 1)) > 1:
            raise ValueError(f"it holds {pages} pictures, and a frame is one")
        return _upright_size(image)


def _page_sizes(path: Path) -> list[tuple[int, int]]:
    """The size of each page of a file that has several; a photo's second picture (MPO) is no frame."""
    with open_image(path) as image:
        pages = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
        if pages > _MOST_PAGES:
            raise TooLargeError(f"{path} has {pages} pages; {_MOST_PAGES} are the most")
        if pages == 1:
            return []
        sizes: list[tuple[int, int]] = []
        for page in range(pages):
            image.seek(page)
            check_size(path, *image.size)
            sizes.append(_upright_size(image))
        return sizes


def _upright_size(image: Image.Image) -> tuple[int, int]:
    turned = image.getexif().get(0x0112, 1) >= 5  # Orientation
    return (image.height, image.width) if turned else image.size


def _natural(path: Path) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", path.name)]
