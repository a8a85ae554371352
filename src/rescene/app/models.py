"""The models that the page offers: known by a short name, loaded once, and let go when another is wanted."""

import gc
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from ..backbones import (
    ALIASES,
    VIDEO_ALIASES,
    best_device,
    load,
    load_video_model,
    outline,
    outline_video_model,
    resolved_revision,
    usual_dtype,
)
from ..settings import ModelSettings


@dataclass(frozen=True, kw_only=True)
class Family:
    """Models of one kind."""

    short: tuple[str, ...]
    """Short names."""
    load: Callable[..., Any]
    outline: Callable[..., Any]


IMAGE = Family(short=tuple(name for name in ALIASES if "/" not in name), load=load, outline=outline)
VIDEO = Family(short=tuple(VIDEO_ALIASES), load=load_video_model, outline=outline_video_model)


class Models:
    """Models by the names that people see; what these stand for is known to whoever runs the page."""

    def __init__(
        self, names: Iterable[str] = (), *, busy: Callable[[str], bool] = lambda name: False
    ) -> None:
        """Offers some models.

        Args:
            names: Hub ids, folders or files to offer beside those that have short names; they come first.
            busy: Whether a model is at work, and mustn't be let go.
        """
        places = {Path(name).name: name for name in names}
        self.offered: Mapping[str, str] = {**places, **{name: name for name in (*IMAGE.short, *VIDEO.short)}}
        self._families = {name: _family(place) for name, place in self.offered.items()}
        self._busy = busy
        self._loaded: dict[str, tuple[Any, ModelSettings]] = {}
        self._outlines: dict[str, Any] = {}
        self._lock = threading.Lock()

    def names(self, family: Family) -> list[str]:
        """The models of one kind."""
        return [name for name, own in self._families.items() if own is family]

    @cached_property
    def device(self) -> torch.device:
        """Where all of them compute."""
        return best_device()

    def outline(self, name: str) -> Any:
        """The model without its weights.

        Raises:
            ValueError: If it isn't offered.
        """
        place = self.place(name)
        with self._lock:
            if name not in self._outlines:
                self._outlines[name] = self._families[name].outline(place, dtype=usual_dtype(self.device))
            return self._outlines[name]

    def load(self, name: str) -> tuple[Any, ModelSettings]:
        """The model, and what to note about it.

        Raises:
            ValueError: If it isn't offered.
        """
        place = self.place(name)
        if name not in self._loaded:
            self._let_go()
            model = self._families[name].load(place, device=self.device)
            self._loaded[name] = model, self._settings(name, model)
        return self._loaded[name]

    def place(self, name: object) -> str:
        """What a name stands for."""
        if not isinstance(name, str) or name not in self.offered:
            raise ValueError(
                f"there is no model {str(name)[:60]!r} here; choose from {', '.join(self.offered)}"
            )
        return self.offered[name]

    def _settings(self, name: str, model: Any) -> ModelSettings:
        place = self.offered[name]
        return ModelSettings(
            name=name if Path(place).exists() else place,
            revision=resolved_revision(VIDEO_ALIASES.get(place, place), None),
            fingerprint=model.fingerprint(),
            dtype=str(model.unet.dtype).removeprefix("torch."),  # pyright: ignore
            device=model.device.type,
        )

    def _let_go(self) -> None:
        """Frees the memory of models that are idle."""
        for name in list(self._loaded):
            if not self._busy(name):
                del self._loaded[name]
        gc.collect()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()


def _family(place: str) -> Family:
    """The kind of a model, by what its folder says; hub ids that whoever runs the page adds are of images."""
    index = Path(place) / "model_index.json"
    is_video = place in VIDEO.short or (index.is_file() and "image_encoder" in index.read_text())
    return VIDEO if is_video else IMAGE
