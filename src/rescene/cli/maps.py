"""`--keep maps flow`: pictures of an edit in a folder beside its result."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from .. import pictures
from ..backbones import Backbone
from ..methods.notes import Notes
from ..runs.run import Prepared
from ..video import DigitalSourceType, Metadata, Video
from ..video.files import replacing
from ..video.metadata import png_chunks

NAMES = ("source-words", "target-words", "masks", "comparison", "flow")
_FILES = {f"{name}{suffix}" for name in NAMES for suffix in (".png", ".mp4")}
_ROOM = 8 << 20


@dataclass(frozen=True, kw_only=True)
class Drawable:
    """What there is to draw."""

    work: Prepared
    edited: Video | None
    """At the size of work; None if only the flow is wanted."""
    notes: Notes
    flow: bool
    """Whether to draw from where frames copied."""


def maps_folder(output: str) -> Path:
    """Where the pictures of a result go: OUT-maps."""
    path = Path(output)
    return path.with_name(f"{path.stem}-maps")


def check_maps(output: str, *, overwrite: bool) -> None:
    """Fails where `write_maps` would.

    Raises:
        FileExistsError: If its folder exists and may not be replaced.
    """
    folder = maps_folder(output)
    if folder.exists() and not folder.is_dir():
        raise FileExistsError(f"{folder} is a file, and the maps need a folder of that name; move it")
    there = {file.name for file in folder.iterdir()} if folder.exists() else set[str]()
    if there and not overwrite:
        raise FileExistsError(
            f"{folder} exists already; choose another result, or replace it with --overwrite"
        )
    if foreign := sorted(there - _FILES):
        raise FileExistsError(f"{folder} holds more than maps ({foreign[0]}), so it is not replaced")


def write_maps(drawable: Drawable, model: Backbone, output: str) -> Path:
    """Writes the pictures, all or none, each as PNG and as mp4; returns their folder."""
    folder = maps_folder(output)
    with replacing(folder, folder=True, room=_ROOM) as temporary:
        for name, video in _drawings(drawable, model):
            video.write(temporary / f"{name}.mp4")
            still, chunks = pictures.contact_sheet(video), Metadata(source_type=DigitalSourceType.EDITED)
            still.save(temporary / f"{name}.png", pnginfo=png_chunks(chunks, first=True))
    return folder


def _drawings(drawable: Drawable, model: Backbone) -> Iterator[tuple[str, Video]]:
    notes, source, method = drawable.notes, drawable.work.inputs.video, drawable.work.recipe.method
    assert source
    if drawable.flow and notes.copies:
        copies = [notes.copies[frame] for frame in range(len(source))]
        pivots, positions = [each.pivot for each in copies], [each.positions for each in copies]
        yield "flow", pictures.origins(source, pivots, positions)
    if drawable.edited is None:
        return
    for name, heat in (("source", notes.source_words), ("target", notes.target_words)):
        if heat is not None:
            tokens = token_names(model, getattr(method, name))
            yield f"{name}-words", pictures.words(source, heat, tokens)
    if notes.masks:
        yield "masks", pictures.masks(source, notes.masks)
    videos = {"source": source, "reconstruction": notes.reconstruction, "edit": drawable.edited}
    yield "comparison", pictures.side_by_side({name: video for name, video in videos.items() if video})


def token_names(model: Backbone, prompt: str) -> list[str]:
    """A prompt's tokens as text; the marks at its begin and end have none."""
    assert model.text
    ids, tokenizer = model.text.tokenize(prompt).ids, cast(Any, model.text.tokenizer)
    return ["", *(tokenizer.decode([token]).strip() for token in ids[1:-1]), ""]
