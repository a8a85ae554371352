"""DAVIS-Edit (Liu et al., "StableV2V", 2024): an edit to a similar and one to another shape for each video.

`edited_video_caption_dict_text.json` lies beside `JPEGImages` and the masks of DAVIS, `Annotations`.
"""

from pathlib import Path
from typing import Any

from ...fields import plain_name
from ..row import FileRow, named, replaced_words

LOOKS = "JSON of names, each with original, similar and changing (edited_video_caption_dict_text.json)"
SOURCE, EDITS = "original", ("similar", "changing")


def fits(content: Any) -> bool:
    """Whether it maps names of videos to their captions."""
    return (
        isinstance(content, dict)
        and bool(content)
        and all(isinstance(captions, dict) and SOURCE in captions for captions in content.values())
    )


def rows(path: Path, content: dict[str, dict[str, str]]) -> list[FileRow]:
    """Two rows for each video; a mask is white wherever DAVIS marks any object."""
    for video in content:
        plain_name(video, what="the video")
    return [
        FileRow(
            name=named(video, kind),
            clip=_place(path.parent / "JPEGImages", video),
            source=captions[SOURCE],
            target=captions[kind],
            kind=kind,
            mask=mask if (mask := _place(path.parent / "Annotations", video)).exists() else None,
            mask_level=0.1,
            subject=replaced_words(captions[SOURCE], captions[kind]),
        )
        for video, captions in content.items()
        for kind in EDITS
        if captions.get(kind)
    ]


def _place(folder: Path, video: str) -> Path:
    """DAVIS itself has a folder more, for the resolution."""
    return place if (place := folder / "480p" / video).exists() else folder / video
