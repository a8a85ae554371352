"""What the page, its routes and its API share: sources, models, jobs and the folder of results."""

import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..fields import encode
from ..inputs import Fit
from ..methods import GENERATORS, METHODS, Generator
from ..methods.plan import plan
from ..settings import (
    GeneratedSettings,
    Settings,
    SourceSettings,
    Trim,
    file_hash,
    sidecar,
    with_seed,
    write_result,
)
from ..video import Video
from ..video.watch import watching
from . import fields
from .jobs import Job, Jobs, Outcome
from .models import Models
from .order import Order, facts, noted, reseeded
from .pace import Pace
from .showing import latent_preview, write_playable
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

    def order(
        self,
        source: object,
        trim: Trim,
        method: str,
        values: Mapping[str, Any],
        model: str,
        *,
        trusted: Mapping[str, Any] | None = None,
    ) -> Order:
        """Looks for every mistake that shows without computing.

        Args:
            source: A source's id.
            trim: Which of its frames.
            method: A name in `METHODS`.
            values: The method's fields, as JSON.
            model: A name in `models.offered`.
            trusted: Fields that no stranger filled in; they may name files.

        Raises:
            ValueError: For what is wrong.
        """
        found, kind = self.sources.get(source), _known(method, METHODS)
        edit = with_seed(fields.read(kind, values, name=method, adapters=self.adapters()))
        edit = replace(edit, **(trusted or {}))  # pyright: ignore
        shape = self.models.outline(model)
        video = Video.read(found.path, start=trim.start, end=trim.end, frames=trim.frames, every=trim.every)
        fit = Fit.to(video, area=shape.native_area, grid=shape.grid)
        cost = plan(edit, shape, frames=len(video), size=fit.size)
        return Order(
            source=found, trim=trim, method=method, edit=edit, model=model, video=video, fit=fit, plan=cost
        )

    def edit(self, order: Order) -> Job:
        """Puts an edit into its model's queue."""
        job = Job(
            title=fields.prompt_of(order.edit),
            lane=order.model,
            work=lambda job: self._edit(order, job),
            settings={
                "source": order.source.id,
                "name": order.source.name,
                "method": order.method,
                "model": order.model,
                "fields": self.shown(order.edit),
                "trim": encode(order.trim),
            },
        )
        if hasattr(order.edit, "seed"):
            job.again = lambda seed: self.edit(replace(order, edit=reseeded(order.edit, seed)))
        job.expected = self.pace.expected(order.work)
        return self.jobs.submit(job)

    def generate(self, method: str, values: Mapping[str, Any], model: str) -> Job:
        """Puts a clip to be generated into its model's queue.

        Raises:
            ValueError: For what is wrong with the order.
        """
        made = fields.read(_known(method, GENERATORS), values, name=method, adapters=self.adapters())
        made.check(self.models.outline(model))
        return self._queue_clip(made, method, model)

    def _queue_clip(self, made: Generator, method: str, model: str) -> Job:
        asked = {"method": method, "model": model, "fields": self.shown(made)}
        job = Job(
            title=fields.prompt_of(made),
            lane=model,
            settings=asked,
            work=lambda job: self._generate(made, job),
        )
        if hasattr(made, "seed"):
            job.again = lambda seed: self._queue_clip(reseeded(made, seed), method, model)
        return self.jobs.submit(job)

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

    def shown(self, made: Any) -> dict[str, Any]:
        """A method's fields as JSON, with what was trained by its name."""
        values = encode(made)
        if any(each.kind == "adapter" for each in fields.inputs(type(made))) and values[fields.ADAPTER]:
            values[fields.ADAPTER] = Path(values[fields.ADAPTER]).stem
        return values

    def free(self, stem: str, suffix: str = ".mp4") -> Path:
        """A name in the output folder that no result has."""
        self.output.mkdir(parents=True, exist_ok=True)
        with self._names:
            number = 1
            while (path := self.output / f"{stem}-{number}{suffix}") in self._taken or path.exists():
                number += 1
            self._taken.add(path)
        return path

    def _edit(self, order: Order, job: Job) -> Outcome:
        job.begin("Loading the model")
        model, used = self.models.load(order.model)
        video = order.fit.apply(order.video)
        middle = video[len(video) // 2 : len(video) // 2 + 1]
        job.look = latent_preview(model.encode(middle), middle.frames)
        edited = order.edit(model, video, progress=job.progress)
        source = SourceSettings(path=order.source.name, sha256=file_hash(order.source.path), trim=order.trim)
        settings = Settings(edit=noted(order.edit), model=used, source=source, fit=order.fit)
        path = self.free(f"{Path(order.source.name).stem}-{order.method}")
        with watching(order.fit.restore(edited), job.progress, "Writing") as result:
            write_result(result, str(path), settings)
        shown = self.folder_of(job) / "source.mp4"
        write_playable(replace(order.video, audio=None), shown)
        self.pace.learn(order.work, job.seconds())
        files = {"result": path, "settings": sidecar(path), "source": shown}
        return Outcome(files=files, facts=facts(Video.read(path)))

    def _generate(self, made: Generator, job: Job) -> Outcome:
        job.begin("Loading the model")
        model, used = self.models.load(job.lane)
        settings = GeneratedSettings(generator=noted(made), model=used)
        path = self.free(job.settings["method"])
        with watching(made(model, progress=job.progress), job.progress, "Writing") as result:
            write_result(result, str(path), settings)
        files = {"result": path, "settings": sidecar(path)}
        return Outcome(files=files, facts=facts(Video.read(path)))

    def folder_of(self, job: Job) -> Path:
        """Where a job keeps what only the page needs; it is deleted with the page."""
        folder = self.private / "jobs" / job.id
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    def _sources_in_use(self) -> set[str]:
        return {job.settings["source"] for job in self.jobs.active() if "source" in job.settings}


def _known(name: str, kinds: Mapping[str, Any]) -> Any:
    if name not in kinds:
        raise ValueError(f"there is no method {name[:60]!r}; choose from {', '.join(kinds)}")
    return kinds[name]
