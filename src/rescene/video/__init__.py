"""Videos: read from almost anything, held as frames with rate and sound, written whole or not at all."""

from .audio import Audio
from .clip import Clip, TensorClip
from .files import DiskFullError
from .metadata import DigitalSourceType, Metadata, read_metadata
from .video import Video

__all__ = [
    "Audio",
    "Clip",
    "DigitalSourceType",
    "DiskFullError",
    "Metadata",
    "TensorClip",
    "Video",
    "read_metadata",
]
