"""FiVE-Bench (Li et al., ICCV 2025): 420 edits of six types, with masks; brackets mark the changed words.

The lists `edit_prompt/edit1_FiVE.json` to `edit6_FiVE.json` lie in a folder beside `images`, `videos` and
`bmasks`.
"""

from pathlib import Path
from re import findall
from typing import Any

from ...fields import plain_name
from ..row import FileRow, named, replaced_words

LOOKS = "JSON list with video_name, source_prompt and target_prompt (edit1_FiVE.json)"
KEYS = frozenset({"video_name", "source_prompt", "target_prompt"})
TYPES = {
    "1": "rigid object",
    "2": "non-rigid object",
    "3": "colour",
    "4": "material",
    "5": "addition",
    "6": "removal",
}


def fits(content: Any) -> bool:
    """Whether it lists videos with two prompts each."""
    return (
        isinstance(content, list)
        and bool(content)
        and isinstance(content[0], dict)
        and content[0].keys() >= KEYS
    )


def rows(path: Path, content: list[dict[str, Any]]) -> list[FileRow]:
    """One row for each entry."""
    return [_row(path.absolute().parents[1], path.stem, entry) for entry in content]


def _row(root: Path, stem: str, entry: dict[str, Any]) -> FileRow:
    video, (source, target) = (
        plain_name(entry["video_name"], what="video_name"),
        (entry[f"{which}_prompt"] for which in ("source", "target")),
    )
    marked = tuple(
        word for words in findall(r"\[([^\]]*)\]", source) for word in findall(r"[\w'-]+", words.lower())
    )
    source, target = (prompt.replace("[", "").replace("]", "") for prompt in (source, target))
    mask, frames = root / "bmasks" / video, root / "images" / video
    number = str(entry.get("editing_type_id", ""))
    return FileRow(
        name=named(video, str(entry.get("save_dir", stem))),
        clip=frames if frames.exists() else root / "videos" / f"{video}.mp4",
        source=source,
        target=target,
        kind=TYPES.get(number, number),
        mask=mask if mask.exists() else None,
        mask_level=0.1,
        subject=marked or replaced_words(source, target),
    )
