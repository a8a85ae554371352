"""What a written file says about itself: the settings that made it, and that AI had a part in it.

Where: mp4 and mov carry the settings as their comment and the source type as XMP in a `uuid` box;
webm and mkv carry both as tags; gif as a comment and an XMP block; PNGs as text chunks.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from PIL import PngImagePlugin

from .media import open_image, open_media

_XMP_BOX = bytes.fromhex("BE7ACFCB97A942E89C71999491E3AFAC")
_GIF_XMP = b"\x21\xff\x0bXMP DataXMP"
_PNG_XMP = "XML:com.adobe.xmp"
_SOURCE_TYPE_TAG = "digital_source_type"
_XMP = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
    Iptc4xmpExt:DigitalSourceType="{}"/>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>"""


class DigitalSourceType(StrEnum):
    """How media came about, in the IPTC's vocabulary; platforms and law ask for it."""

    EDITED = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
    """Recorded, then edited with a trained model."""
    GENERATED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
    """Made by a trained model."""


@dataclass(frozen=True, kw_only=True)
class Metadata:
    """What a file says about itself."""

    settings: str | None = None
    """The settings that made it, as JSON; in a file of someone else's, whatever its comment is."""
    source_type: DigitalSourceType | None = None


def read_metadata(path: str | Path) -> Metadata:
    """What a video, an image or a folder of frames says about itself.

    Raises:
        FileNotFoundError, ValueError: if it isn't there or cannot be read.
    """
    path = Path(path)
    if path.is_dir():
        frames = sorted(path.glob("*.png"))
        if not frames:
            raise ValueError(f"{path} has no PNG frames in it; give the folder that a result was written to")
        path = frames[0]
    if path.suffix.lower() in {".png", ".gif"} and path.is_file():
        return _from_image(path)
    with open_media(path) as container:
        tags = {key.lower(): value for key, value in container.metadata.items()}
    described = tags.get(_SOURCE_TYPE_TAG) or _xmp_box(path)
    return Metadata(settings=tags.get("comment"), source_type=_source_type(described))


def container_tags(metadata: Metadata) -> dict[str, str]:
    """The tags to give a muxer; mp4 keeps only those it knows."""
    tags = {"comment": metadata.settings, _SOURCE_TYPE_TAG: metadata.source_type}
    return {key: str(value) for key, value in tags.items() if value}


def append_xmp_box(path: Path, source_type: DigitalSourceType) -> None:
    """Adds XMP to the end of an mp4 or mov file, as the XMP specification (part 3, 1.1.4) places it."""
    body = _XMP_BOX + _XMP.format(source_type).encode()
    with path.open("ab") as file:
        file.write(struct.pack(">I4s", 8 + len(body), b"uuid") + body)


def gif_blocks(metadata: Metadata) -> bytes:
    """Extension blocks that carry the metadata, to go before a GIF's first frame."""
    blocks = b""
    if metadata.source_type:
        # XMP lies unblocked; the ramp after it leads a reader of blocks to the end wherever it is.
        ramp = b"\x01" + bytes(range(255, -1, -1)) + b"\0"
        blocks += _GIF_XMP + _XMP.format(metadata.source_type).encode() + ramp
    if metadata.settings:
        text = metadata.settings.encode()
        runs = [text[start : start + 255] for start in range(0, len(text), 255)]
        blocks += b"\x21\xfe" + b"".join(bytes([len(run)]) + run for run in runs) + b"\0"
    return blocks


def png_chunks(metadata: Metadata, *, first: bool) -> PngImagePlugin.PngInfo:
    """Text chunks for a frame: the source type in each, the settings in the first."""
    chunks = PngImagePlugin.PngInfo()
    if metadata.source_type:
        chunks.add_itxt(_PNG_XMP, _XMP.format(metadata.source_type))
    if metadata.settings and first:
        chunks.add_itxt("Comment", metadata.settings)
    return chunks


def _from_image(path: Path) -> Metadata:
    with open_image(path) as image:
        comment = image.info.get("Comment", image.info.get("comment"))
        xmp = image.info.get(_PNG_XMP) or _gif_xmp(path)
    return Metadata(settings=_text(comment) if comment else None, source_type=_source_type(_text(xmp)))


def _gif_xmp(path: Path) -> bytes:
    with path.open("rb") as file:
        _, _, xmp = file.read(1 << 16).partition(_GIF_XMP)
    return xmp


def _text(value: str | bytes) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _source_type(text: str | None) -> DigitalSourceType | None:
    named = re.search(r"digitalsourcetype/(\w+)", text or "")
    return next((kind for kind in DigitalSourceType if named and kind.endswith("/" + named[1])), None)


def _xmp_box(path: Path) -> str | None:
    with path.open("rb") as file:
        for kind, body in _boxes(file):
            if kind == b"uuid" and file.read(16) == _XMP_BOX:
                return file.read(body - 16).decode(errors="replace")
    return None


def _boxes(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """The top-level boxes of an mp4: kind and size of the body, at which the file then stands."""
    end, at = file.seek(0, 2), 0
    while at + 8 <= end:
        file.seek(at)
        size, kind = struct.unpack(">I4s", file.read(8))
        head = 8
        if size == 1:
            size, head = struct.unpack(">Q", file.read(8))[0], 16
        size = size or end - at
        if size < head:
            return
        yield kind, size - head
        at += size
