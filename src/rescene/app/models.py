"""The models that the page offers: known by a short name, loaded once, and let go when another is wanted."""

import gc
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import torch

from ..backbones import ALIASES, Backbone, best_device, load, outline
from ..fields import Kind
from ..methods import Needs
from ..runs import ModelRef
from ..runs.run import described

UNSEEN = frozenset[Kind](("text",))
"""What hub ids and files are taken to be led by that whoever runs the page adds: asking would read them."""


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
        self.offered: Mapping[str, str] = {**places, **{name: name for name in ALIASES}}
        self._busy = busy
        self._loaded: dict[str, Backbone] = {}
        self._outlines: dict[str, Backbone] = {}
        self._lock = threading.Lock()

    def names(self, *needs: Needs) -> list[str]:
        """The models that meet one of some needs, as far as it shows before they are there."""
        return [name for name in self.offered if any(self._meets(name, each) for each in needs)]

    def _meets(self, name: str, needs: Needs) -> bool:
        alias, conditions = ALIASES.get(self.offered[name]), self.conditions(name)
        attends = needs.attends if alias is None else alias.attends
        return needs.attends <= attends and needs.conditions <= conditions <= needs.conditions | needs.may

    def conditions(self, name: str) -> frozenset[Kind]:
        """What leads a model."""
        place = self.offered[name]
        if place in ALIASES:
            return ALIASES[place].conditions
        return self.outline(name).conditions if Path(place).expanduser().is_dir() else UNSEEN

    @cached_property
    def device(self) -> torch.device:
        """Where all of them compute."""
        return best_device()

    def outline(self, name: str) -> Backbone:
        """The model without its weights.

        Raises:
            ValueError: If it isn't offered.
        """
        place = self.place(name)
        with self._lock:
            if name not in self._outlines:
                self._outlines[name] = outline(place, device=self.device)
            return self._outlines[name]

    def load(self, name: str) -> Backbone:
        """The model.

        Raises:
            ValueError: If it isn't offered.
        """
        place = self.place(name)
        if name not in self._loaded:
            self._let_go()
            self._loaded[name] = load(place, device=self.device)
        return self._loaded[name]

    def described(self, ref: ModelRef, model: Backbone) -> ModelRef:
        """What results tell of a model: of one on this machine, only the name that people see."""
        place = self.offered[ref.name]
        told = described(replace(ref, name=place), model)
        return replace(told, name=ref.name) if Path(place).expanduser().exists() else told

    def place(self, name: object) -> str:
        """What a name stands for."""
        if not isinstance(name, str) or name not in self.offered:
            raise ValueError(
                f"there is no model {str(name)[:60]!r} here; choose from {', '.join(self.offered)}"
            )
        return self.offered[name]

    def _let_go(self) -> None:
        """Frees the memory of models that are idle."""
        for name in list(self._loaded):
            if not self._busy(name):
                del self._loaded[name]
        gc.collect()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
