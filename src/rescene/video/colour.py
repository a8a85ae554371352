"""From a decoder's pixels to RGB and from RGB to an encoder's pixels, without a shift of colour."""

from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
from av.filter import Graph
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter
from jaxtyping import UInt8

_PRECISE = (
    Interpolation.BICUBIC
    | Interpolation.ACCURATE_RND
    | Interpolation.FULL_CHR_H_INT
    | Interpolation.FULL_CHR_H_INP
)
_PRECISE_FLAGS = "bicubic+accurate_rnd+full_chroma_int+full_chroma_inp"
# ITU-T H.273 matrix coefficients → the matrix that swscale should use.
_MATRICES = {
    1: Colorspace.ITU709,
    4: Colorspace.FCC,
    5: Colorspace.ITU601,
    6: Colorspace.ITU601,
    7: Colorspace.SMPTE240M,
    9: Colorspace.BT2020,
    10: Colorspace.BT2020,
}
_NAMES = {
    Colorspace.ITU709: "bt709",
    Colorspace.FCC: "fcc",
    Colorspace.ITU601: "bt601",
    Colorspace.SMPTE240M: "smpte240m",
    Colorspace.BT2020: "bt2020",
}
"""As the filter calls them."""
_UNSPECIFIED = 2
_BT709 = 1


@dataclass(frozen=True, kw_only=True)
class Colour:
    """What the numbers of an RGB pixel mean, as ITU-T H.273 codes; they pass through an edit unchanged."""

    primaries: int = _BT709
    transfer: int = _BT709

    @classmethod
    def of(cls, frame: av.VideoFrame) -> "Colour":
        """The tags of a decoded frame; missing ones are taken for BT.709."""
        primaries, transfer = frame.color_primaries, frame.color_trc
        return cls(
            primaries=_BT709 if primaries in (0, _UNSPECIFIED) else primaries,
            transfer=_BT709 if transfer in (0, _UNSPECIFIED) else transfer,
        )


class RGBReader:
    """Turns decoded frames into RGB of one size; transparent pixels show white, as on a web page.

    With `opacity`, frames of which something is transparent show how opaque they are, as greys.
    """

    def __init__(self, height: int, width: int, *, opacity: bool = False, sited_left: bool = False) -> None:
        """Makes one.

        Args:
            height: Of the pixels to give.
            width: Likewise.
            opacity: Whether frames show how opaque they are.
            sited_left: Whether subsampled colours are at the left pixels where frames don't say.
        """
        self._size, self._sited_left = {"height": height, "width": width}, sited_left
        self._flattened = opacity_of if opacity else over_white
        self._reformatter, self._scaler = VideoReformatter(), _Scaler("rgb24")

    def __call__(self, frame: av.VideoFrame) -> UInt8[np.ndarray, "H W 3"]:
        if self._sited_left and frame.format.name == "yuv420p":
            height, width = self._size.values()
            spans = f"in_range={'pc' if frame.color_range == ColorRange.JPEG else 'tv'}:out_range=pc"
            matrix = _NAMES[_matrix(frame)]
            options = f"{width}:{height}:in_chroma_loc=left:in_color_matrix={matrix}:{spans}"
            return self._scaler(frame, options).to_ndarray()
        transparent = frame.format.has_palette or any(part.is_alpha for part in frame.format.components)
        pixels = self._reformatter.reformat(
            frame,
            **self._size,
            format="rgba" if transparent else "rgb24",
            src_colorspace=_matrix(frame),
            src_color_range=frame.color_range,
            dst_color_range=ColorRange.JPEG,
            interpolation=_PRECISE,
        ).to_ndarray()
        return self._flattened(pixels) if transparent else pixels


class RGBWriter:
    """Turns RGB into an encoder's pixel format: BT.709, limited range, colours at the left pixels."""

    def __init__(self, pixel_format: str) -> None:
        self._format = pixel_format
        self._reformatter = VideoReformatter()
        self._scaler = _Scaler(pixel_format)

    def __call__(self, pixels: UInt8[np.ndarray, "H W 3"]) -> av.VideoFrame:
        if self._format == "yuv420p":
            options = "out_chroma_loc=left:out_color_matrix=bt709:out_range=tv"
            return self._scaler(av.VideoFrame.from_ndarray(pixels, format="rgb24"), options)
        return self._reformatter.reformat(
            av.VideoFrame.from_ndarray(pixels, format="rgb24"),
            format=self._format,
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
            interpolation=_PRECISE,
        )


class _Scaler:
    """FFmpeg's `scale`, which knows where between pixels a colour is; PyAV's reformatter doesn't."""

    def __init__(self, pixel_format: str) -> None:
        self._format = pixel_format
        self._graph: Graph | None = None
        self._made_for: tuple[int, int, str, str] | None = None

    def __call__(self, frame: av.VideoFrame, options: str) -> av.VideoFrame:
        kind = frame.width, frame.height, frame.format.name, options
        if self._graph is None or self._made_for != kind:
            self._graph, self._made_for = Graph(), kind
            self._graph.link_nodes(
                self._graph.add_buffer(
                    width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1)
                ),
                self._graph.add("scale", f"{options}:flags={_PRECISE_FLAGS}"),
                self._graph.add("format", self._format),
                self._graph.add("buffersink"),
            ).configure()
        frame.pts = 0
        self._graph.push(frame)
        made = self._graph.pull()
        assert isinstance(made, av.VideoFrame)
        return made


def over_white(pixels: UInt8[np.ndarray, "H W 4"]) -> UInt8[np.ndarray, "H W 3"]:
    """Composites RGBA over white."""
    rgb, alpha = pixels[..., :3].astype(np.uint16), pixels[..., 3:].astype(np.uint16)
    return ((rgb * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)


def opacity_of(pixels: UInt8[np.ndarray, "H W 4"]) -> UInt8[np.ndarray, "H W 3"]:
    """The opacity of RGBA as greys; the colours themselves where nothing is transparent."""
    rgb, alpha = pixels[..., :3], pixels[..., 3:]
    return np.ascontiguousarray(rgb) if alpha.min() == 255 else np.repeat(alpha, 3, axis=2)


def _matrix(frame: av.VideoFrame) -> Colorspace:
    """The matrix that made the frame's chroma; where the file is silent, players go by its size."""
    high_definition = frame.width >= 1280 or frame.height > 576
    return _MATRICES.get(frame.colorspace, Colorspace.ITU709 if high_definition else Colorspace.ITU601)
