"""TGVE, the LOVEU challenge's text-guided video editing (Wu et al., 2023): 76 videos, four edits of each.

`LOVEU-TGVE-2023_Dataset.csv` lies beside the folders of the three collections, which hold a clip as frames
(`480p_frames/NAME`) and as a film (`480p_videos/NAME.mp4`).
"""

from pathlib import Path
from typing import Any

from ...fields import plain_name
from ..row import FileRow, named, replaced_words

LOOKS = 'CSV with "Video name", "Our GT caption" and "Style Change Caption" (LOVEU-TGVE-2023_Dataset.csv)'
NAME, SOURCE = "Video name", "Our GT caption"
EDITS = {
    "style": "Style Change Caption",
    "object": "Object Change Caption",
    "background": "Background Change Caption",
    "multiple": "Multiple Changes Caption",
}
COLLECTIONS = ("DAVIS_480p", "youtube_480p", "videvo_480p")


def fits(content: Any) -> bool:
    """Whether it is a table with the columns of TGVE."""
    return (
        isinstance(content, list)
        and bool(content)
        and isinstance(content[0], dict)
        and {
            NAME,
            SOURCE,
            *EDITS.values(),
        }
        <= content[0].keys()
    )


def rows(path: Path, content: list[dict[str, str]]) -> list[FileRow]:
    """Four rows for each video; lines that only head a collection are passed over."""
    return [
        FileRow(
            name=named(video[NAME], kind),
            clip=_clip(path.parent, plain_name(video[NAME].strip(), what=NAME)),
            source=video[SOURCE].strip(),
            target=target,
            kind=kind,
            subject=() if kind == "style" else replaced_words(video[SOURCE], target),
        )
        for video in content
        if (video[SOURCE] or "").strip()
        for kind, column in EDITS.items()
        if (target := (video[column] or "").strip())
    ]


def _clip(folder: Path, name: str) -> Path:
    """Where the clip is; if nowhere, where it should be."""
    places = [
        folder / collection / place
        for collection in COLLECTIONS
        for place in (f"480p_frames/{name}", f"480p_videos/{name}.mp4")
    ]
    return next((place for place in places if place.exists()), places[0])
