"""What the page, its routes and its API share: sources, models, jobs and the folder of results."""

import shutil
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from secrets import token_hex
from typing import Any

from PIL import Image

from ..fields import Verb, encode
from ..methods import METHODS, Method
from ..runs import InputRefs, KeyFrameRef, ModelRef, Recipe, Trim, VideoRef, with_seed
from ..runs.files import files_of, with_files
from ..runs.result import sidecar
from ..runs.run import Prepared, prepare, run
from ..video import Video
from . import fields
from .hosts import JobHost, PageHost
from .jobs import Job, Jobs, Outcome
from .models import Models
from .pace import Pace, estimate, workload
from .showing import facts, write_playable
from .sources import Limits, Source, Sources

LORA = "lora"
"""What names of files with LoRAs of motion begin with."""


class Workshop:
    """Takes orders."""

    def __init__(
        self, output: Path, private: Path, *, models: tuple[str, ...] = (), limits: Limits | None = None
    ) -> None:
        """Opens it.

        Args:
            output: Where results and their sidecars stay.
            private: A folder for uploads and for what the page shows, to be deleted afterwards.
            models: Names of models to offer beside those that have short names.
            limits: What uploads may be.
        """
        self.output, self.private = output, private
        self.jobs = Jobs()
        self.models = Models(models, busy=self.jobs.busy)
        self.sources = Sources(private / "sources", limits, in_use=self._sources_in_use)
        self.pace = Pace()
        self._names = threading.Lock()
        self._taken: set[Path] = set()

    def close(self) -> None:
        """Ends all jobs."""
        self.jobs.stop()

    def method(self, verb: Verb, name: str, values: Mapping[str, Any]) -> Method:
        """A method as people filled it in.

        Args:
            verb: The command whose methods are offered.
            name: The name of one of them.
            values: Its fields, as JSON.

        Raises:
            ValueError: For what is wrong.
        """
        kinds = METHODS[verb]
        if name not in kinds:
            raise ValueError(f"there is no method {name[:60]!r}; choose from {', '.join(kinds)}")
        return fields.read(kinds[name], values, name=name, adapters=self.adapters())

    def order(self, method: Method, model: str, inputs: InputRefs | None = None) -> Prepared:
        """Looks for every mistake that shows without computing.

        Raises:
            ValueError, OSError: For what is wrong.
        """
        recipe = Recipe(method=with_seed(method), model=ModelRef(name=model), inputs=inputs or InputRefs())
        return prepare(recipe, PageHost(models=self.models))

    def video(self, source: object, trim: Trim) -> VideoRef:
        """Some frames of a source that is known by its id.

        Raises:
            ValueError: If there is no such source.
        """
        return VideoRef(path=str(self.sources.get(source).path), trim=trim)

    def keep(self, picture: Image.Image) -> Path:
        """A picture as a file of the private folder."""
        folder = self.private / "pictures"
        folder.mkdir(mode=0o700, exist_ok=True)
        path = folder / f"{token_hex(16)}.png"
        picture.save(path)
        return path

    def start(self, work: Prepared) -> Job:
        """Puts a run into its model's queue.

        Raises:
            ValueError: If too many wait already, or the source has gone.
        """
        recipe = work.recipe
        source = recipe.inputs.video and self.sources.at(Path(recipe.inputs.video.path))
        job = Job(
            title=fields.prompt_of(recipe.method) or f"{source and source.name}, carried through",
            lane=recipe.model.name,
            work=lambda job: self._run(work, source, job),
            settings=self._asked(recipe, source),
        )
        if hasattr(recipe.method, "seed") and recipe.verb != "propagate":
            # From the recipe alone: a job that has ended keeps no frames.
            job.again = lambda seed: self.start(
                prepare(replace(recipe, method=reseeded(recipe.method, seed)), PageHost(models=self.models))
            )
        amount = workload(work)
        job.expected = amount and self.pace.expected(amount)
        return self.jobs.submit(job)

    def estimate(self, work: Prepared) -> str:
        """A line that says what a run will cost."""
        waiting = sum(job.lane == work.recipe.model.name for job in self.jobs.active())
        return estimate(work, self.pace, self.models.device, waiting=waiting)

    def example(self, clip: Path) -> list[dict[str, str]]:
        """A clip that comes along, as the only example of a picker."""
        return [{"name": "clip", "title": clip.name, "source": self.sources.shipped(clip).id}]

    def chosen(self, value: Mapping[str, Any], example: Path) -> Source:
        """What was picked: a video that was sent, or the example.

        Raises:
            ValueError: If neither is there.
        """
        if value.get("example"):
            return self.sources.shipped(example)
        return self.sources.get((value.get("source") or {}).get("id"))

    def adapters(self) -> dict[str, Path]:
        """The motions that image models were taught, by name."""
        loras = self.loras()
        found = {path.stem: path for path in sorted(self.output.glob("*.safetensors"))}
        return {name: path for name, path in found.items() if name not in loras}

    def loras(self) -> dict[str, Path]:
        """The motions that video models were taught, by name."""
        return {path.stem: path for path in sorted(self.output.glob(f"{LORA}-*.safetensors"))}

    def free(self, stem: str, suffix: str = ".mp4") -> Path:
        """A name in the output folder that no result has."""
        self.output.mkdir(parents=True, exist_ok=True)
        with self._names:
            number = 1
            while (path := self.output / f"{stem}-{number}{suffix}") in self._taken or path.exists():
                number += 1
            self._taken.add(path)
        return path

    def folder_of(self, job: Job) -> Path:
        """Where a job keeps what only the page needs; it is deleted with the page."""
        folder = self.private / "jobs" / job.id
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    def _run(self, work: Prepared, source: Source | None, job: Job) -> Outcome:
        """Leaves a result, and the frames that it was led by, in the folder of results."""
        method = work.recipe.method
        path = self.free(f"{Path(source.name).stem}-{method.name}" if source else method.name)
        host = JobHost(models=self.models, job=job, source=source and source.name)
        run(beside(work, path), str(path), host)
        files = {"result": path, "settings": sidecar(path)}
        if work.given.video is not None:
            files["source"] = self.folder_of(job) / "source.mp4"
            write_playable(replace(work.given.video, audio=None), files["source"])
        if amount := workload(work):
            self.pace.learn(amount, job.seconds())
        return Outcome(files=files, facts=facts(Video.read(path)))

    def _asked(self, recipe: Recipe, source: Source | None) -> dict[str, Any]:
        """What was asked for, as the page may show it."""
        about = {"method": recipe.method.name, "model": recipe.model.name, "fields": shown(recipe.method)}
        if source is None or recipe.inputs.video is None:
            return about
        return {
            **about,
            "source": source.id,
            "name": source.name,
            "trim": encode(recipe.inputs.video.trim),
        }

    def _sources_in_use(self) -> set[str]:
        return {job.settings["source"] for job in self.jobs.active() if "source" in job.settings}


def beside(work: Prepared, result: Path) -> Prepared:
    """A run whose edited frames stay beside its result, as they are needed to make it again."""
    inputs, kept = work.recipe.inputs, list[KeyFrameRef]()
    for frame in inputs.key_frames:
        which = f"frame-{frame.at}" if frame.at else "first-frame"
        place = result.with_name(f"{result.stem}-{which}.png")
        shutil.copyfile(frame.path, place)
        kept.append(replace(frame, path=str(place)))
    return replace(work, recipe=replace(work.recipe, inputs=replace(inputs, key_frames=tuple(kept))))


def reseeded(method: Any, seed: int) -> Any:
    """The same method with another seed."""
    return replace(method, seed=seed)


def shown(method: Method) -> dict[str, Any]:
    """A method's fields as JSON, with what was trained by its name."""
    names = {name: tuple(Path(path.stem) for path in paths) for name, paths in files_of(method).items()}
    return encode(with_files(method, names))
