"""Pictures of what an edit did: where words attend, where it could change, and what came of it.

Each is a video that is drawn when it is read, and `contact_sheet` makes a still of it, a row a frame.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from .attention import WordMask
from .typing import Frames, Heat
from .video import Video

Picture = UInt8[np.ndarray, "_ _ 3"]

STRIP_WIDTH = 1600
"""Pixels that a row of tiles should have; tiles are never narrower than 48 pixels or wider than 160."""
CAPTION_HEIGHT = 18
GAP = 2


@dataclass(frozen=True, eq=False)
class Drawn:
    """A clip whose frames are drawn when they are read."""

    draw: Callable[[int], Picture]
    count: int
    height: int
    width: int

    def __len__(self) -> int:
        return self.count

    def read(self, start: int, stop: int) -> Frames:
        pictures = np.stack([self.draw(number) for number in range(start, stop)])
        return torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255


def words(video: Video, heat: Heat, names: Sequence[str]) -> Video:
    """For each frame a row of tiles: where a token attends, brighter for more, on the frame in grey.

    Args:
        video: The frames at work.
        heat: How much positions attend to each token.
        names: The tokens, from the first on; empty ones are left out.
    """
    shown = [(position, name) for position, name in enumerate(names) if name]
    tile = _tile(video, len(shown))
    strongest = heat.amax((0, 2, 3)).clamp_min(1e-9)[:, None, None]

    def draw(number: int) -> Picture:
        frame = _resized(_picture(video, number), tile)
        levels = (heat[number] / strongest).cpu().float().numpy()
        return _row([_captioned(_glowing(frame, levels[position]), name) for position, name in shown])

    return _drawn(video, draw)


def masks(video: Video, by_step: Sequence[WordMask]) -> Video:
    """Each frame as bright as the share of the steps at which a place could change, with its outline."""
    shares = (
        torch.stack([mask.at((mask.heat.shape[-2], mask.heat.shape[-1])) for mask in by_step]).float().mean(0)
    )

    def draw(number: int) -> Picture:
        frame = _picture(video, number)
        share = cv2.resize(shares[number].cpu().numpy(), frame.shape[1::-1], interpolation=cv2.INTER_NEAREST)
        shaded = (frame * (0.2 + 0.8 * share[..., None])).round().astype(np.uint8)
        outlines, _ = cv2.findContours((share > 0.5).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
        return np.asarray(cv2.drawContours(shaded, outlines, -1, (255, 220, 0), 1), dtype=np.uint8)

    return _drawn(video, draw)


def masked(video: Video, mask: Video) -> Video:
    """Each frame, darker outside a mask, with the mask's outline.

    Args:
        video: The frames.
        mask: Grey ones of the same size and length, white inside.
    """

    def draw(number: int) -> Picture:
        frame, share = _picture(video, number), _picture(mask, number)[..., :1].astype(np.float32) / 255
        shaded = (frame * (0.35 + 0.65 * share)).round().astype(np.uint8)
        inside = (share[..., 0] > 0.5).astype(np.uint8)
        outlines, _ = cv2.findContours(inside, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        width = max(1, min(frame.shape[:2]) // 200)
        return np.asarray(cv2.drawContours(shaded, outlines, -1, (255, 220, 0), width), dtype=np.uint8)

    return _drawn(video, draw)


def origins(video: Video, pivots: Sequence[int], positions: Sequence[Int[Tensor, "h w"]]) -> Video:
    """For each frame: itself, the places that it copied from as colours, their key, and what they show.

    Args:
        video: The frames at work.
        pivots: For each, the frame that it copied from.
        positions: For each of its places, which place of that frame, counted row by row.
    """

    def draw(number: int) -> Picture:
        frame, pivot = _picture(video, number), _picture(video, pivots[number])
        found = positions[number].cpu().numpy()
        key = _compass(*found.shape)
        tiles = {
            f"frame {number}": frame,
            f"places in frame {pivots[number]}": _enlarged(key.reshape(-1, 3)[found], frame),
            "their colours": _enlarged(key, frame),
            f"made of frame {pivots[number]}": _rearranged(pivot, found),
        }
        return _row([_captioned(picture, name) for name, picture in tiles.items()])

    return _drawn(video, draw)


def side_by_side(videos: Mapping[str, Video]) -> Video:
    """Videos of one size and length in a row, each under its name."""
    first = next(iter(videos.values()))

    def draw(number: int) -> Picture:
        return _row([_captioned(_picture(video, number), name) for name, video in videos.items()])

    return _drawn(first, draw)


def contact_sheet(video: Video, most: int = 8) -> Image.Image:
    """A still of a video: up to `most` of its frames, evenly spread, one under the other."""
    count = min(most, len(video))
    numbers = [round(at * (len(video) - 1) / max(count - 1, 1)) for at in range(count)]
    return Image.fromarray(np.concatenate([_picture(video, number) for number in numbers]))


def _drawn(like: Video, draw: Callable[[int], Picture]) -> Video:
    height, width = draw(0).shape[:2]
    return replace(like, clip=Drawn(draw, len(like), height, width))


def _picture(video: Video, number: int) -> Picture:
    frame = video.clip.read(number, number + 1)[0]
    return (frame.clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).contiguous().cpu().numpy()


def _tile(video: Video, count: int) -> tuple[int, int]:
    """Width and height of one of `count` tiles."""
    width = min(160, max(48, STRIP_WIDTH // max(count, 1)))
    return width, max(1, round(video.height * width / video.width))


def _resized(picture: Picture, size: tuple[int, int]) -> Picture:
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _glowing(frame: Picture, level: Float[np.ndarray, "h w"]) -> Picture:
    """A level between 0 and 1 in colours over a frame in grey."""
    smooth = cv2.resize(level, frame.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    coloured = cv2.applyColorMap((smooth * 255).round().astype(np.uint8), cv2.COLORMAP_INFERNO)[..., ::-1]
    grey = frame.mean(-1, keepdims=True)
    return (0.3 * grey + 0.7 * coloured).round().astype(np.uint8)


def _compass(rows: int, columns: int) -> Picture:
    """A colour for each place: red grows to the right and green downwards."""
    down, right = np.meshgrid(np.linspace(0, 255, rows), np.linspace(0, 255, columns), indexing="ij")
    return np.stack([right, down, 255 - right], axis=-1).astype(np.uint8)


def _enlarged(picture: Picture, like: Picture) -> Picture:
    size = like.shape[1], like.shape[0]
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_NEAREST), dtype=np.uint8)


def _rearranged(picture: Picture, places: Int[np.ndarray, "h w"]) -> Picture:
    """A picture put together from parts of another: those of a grid of as many places."""
    (rows, columns), (height, width) = places.shape, picture.shape[:2]
    parts = picture.reshape(rows, height // rows, columns, width // columns, 3).swapaxes(1, 2)
    return parts.reshape(-1, *parts.shape[2:])[places].swapaxes(1, 2).reshape(picture.shape)


def _captioned(picture: Picture, text: str) -> Picture:
    """A picture with its name under it; a name that is too long is cut."""
    strip = Image.new("RGB", (picture.shape[1], CAPTION_HEIGHT), "white")
    pen, font = ImageDraw.Draw(strip), ImageFont.load_default(12)
    while len(text) > 1 and pen.textlength(text, font=font) > strip.width:
        text = text[:-1]
    pen.text((strip.width / 2, CAPTION_HEIGHT / 2), text, fill="black", anchor="mm", font=font)
    return np.concatenate([picture, np.asarray(strip)])


def _row(pictures: Sequence[Picture]) -> Picture:
    """Pictures side by side with gaps; sides are even, as video wants them."""
    gap = np.full((pictures[0].shape[0], GAP, 3), 255, np.uint8)
    row = np.concatenate([part for picture in pictures for part in (picture, gap)][:-1], axis=1)
    return np.pad(row, ((0, row.shape[0] % 2), (0, row.shape[1] % 2), (0, 0)), constant_values=255)
