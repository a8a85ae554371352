"""A form for several methods: prompts of one name share their box, all else is under "Advanced"."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from secrets import randbelow
from typing import Any

import gradio as gr

from ..fields import encode
from ..methods import Method
from . import fields
from .fields import Input
from .widgets import component


@dataclass(frozen=True)
class Form:
    """The inputs for some methods; of `values`, those of `inputs` in their order."""

    name: str
    """What ids on the page begin with."""
    kinds: Mapping[str, type]
    models: Sequence[str]
    titles: Mapping[str, str]
    """What each of them is for, in few words."""
    adapters: Callable[[], list[str]] = list
    """The names of the motions that were learnt."""
    parts: dict[str, Any] = field(default_factory=dict)
    """The components by what they are."""

    @cached_property
    def fields(self) -> dict[str, list[Input]]:
        """The fields of each method."""
        return {name: fields.inputs(kind) for name, kind in self.kinds.items()}

    @cached_property
    def prompts(self) -> dict[str, Input]:
        """The prompts of all methods, as the first of them explains each."""
        found: dict[str, Input] = {}
        for form in self.fields.values():
            for each in form:
                if each.kind == "prompt":
                    found.setdefault(each.name, each)
        return found

    @cached_property
    def advanced(self) -> dict[tuple[str, str], Input]:
        """All other fields, but for the seed, by method and name."""
        return {
            (method, field.name): field
            for method, form in self.fields.items()
            for field in form
            if field.kind != "prompt" and field.name != "seed"
        }

    @property
    def first(self) -> str:
        """The method that is chosen at first."""
        return next(iter(self.kinds))

    def build_head(self) -> None:
        """The choice of a method, if there is one, and of a model."""
        choices = [(self.titles[name], name) for name in self.kinds]
        self.parts["method"] = gr.Dropdown(
            choices, value=self.first, label="Method", visible=len(choices) > 1, elem_id=f"{self.name}-method"
        )
        self.parts["model"] = gr.Dropdown(list(self.models), label="Model", elem_id=f"{self.name}-model")

    def build_prompts(self) -> None:
        """The boxes for prompts."""
        for name, each in self.prompts.items():
            shown = name in {other.name for other in self.fields[self.first]}
            self.parts[name] = component(each, visible=shown, elem_id=f"{self.name}-{name}")

    def build_rest(self) -> None:
        """The seed, and what is advanced."""
        self.parts["seed"] = gr.Textbox(
            "",
            label="Seed",
            info="The same seed gives the same result; empty draws one.",
            visible=self.draws(self.first),
            elem_id=f"{self.name}-seed",
        )
        with gr.Accordion("Advanced", open=False, elem_id=f"{self.name}-advanced"):
            for method in self.kinds:
                with gr.Column(visible=method == self.first, elem_classes="rs-advanced") as group:
                    for (owner, name), each in self.advanced.items():
                        if owner == method:
                            self.parts[f"{method} {name}"] = self._component(method, each)
                self.parts[f"group {method}"] = group

    @property
    def inputs(self) -> list[Any]:
        """All components that decide a method's fields."""
        advanced = (f"{method} {name}" for method, name in self.advanced)
        return [self.parts[name] for name in ("method", "model", "seed", *self.prompts, *advanced)]

    @property
    def learnt(self) -> dict[Any, Callable[[], list[str]]]:
        """The lists of what was learnt, and what they are to hold now."""
        own = (f"{method} {name}" for (method, name), each in self.advanced.items() if each.kind == "adapter")
        return {self.parts[name]: self.adapters for name in own}

    @property
    def shown(self) -> list[Any]:
        """What changes with the method."""
        names = ("seed", *self.prompts, *(f"group {name}" for name in self.kinds))
        return [self.parts[name] for name in names]

    def chosen(self, method: str) -> list[Any]:
        """Updates of `shown` for a method that was chosen."""
        names = {each.name for each in self.fields[method]}
        prompts = [gr.update(visible=name in names) for name in self.prompts]
        return [
            gr.update(visible=self.draws(method)),
            *prompts,
            *(gr.update(visible=name == method) for name in self.kinds),
        ]

    def filled(self, method: str, given: Mapping[str, Any]) -> list[Any]:
        """Updates of `inputs` for a method with its fields as JSON; the model stays."""
        prompts = [given.get(name, gr.skip()) for name in self.prompts]
        advanced = [
            field.shown(given[name]) if owner == method and name in given else gr.skip()
            for (owner, name), field in self.advanced.items()
        ]
        return [method, gr.skip(), str(given.get("seed", "")), *prompts, *advanced]

    def read(self, values: Sequence[Any]) -> tuple[str, str, dict[str, Any]]:
        """The method, the model, and the fields as JSON.

        Raises:
            ValueError: If a value can't be one of its field.
        """
        method, model, seed, *rest = values
        if method not in self.kinds:
            raise ValueError(f"there is no method {str(method)[:60]!r}; choose from {', '.join(self.kinds)}")
        names = [*((None, name) for name in self.prompts), *self.advanced]
        given = {
            name: value for (owner, name), value in zip(names, rest, strict=True) if owner in (None, method)
        }
        chosen = {
            each.name: encode(each.read(given[each.name]))
            for each in self.fields[method]
            if each.name != "seed"
        }
        if self.draws(method):
            chosen["seed"] = seed_of(seed)
        return method, model, chosen

    def draws(self, method: str) -> bool:
        """Whether a method draws at random."""
        return any(each.name == "seed" for each in self.fields[method])

    def defaults(self, method: str) -> dict[str, Any]:
        """The fields' defaults, as JSON."""
        return {each.name: each.default for each in self.fields[method]}

    def _component(self, method: str, each: Input) -> Any:
        name = f"{method}-{each.name}" if self.name == "edit" else f"{self.name}-{method}-{each.name}"
        if each.kind == "adapter":
            return component(each, elem_id=name, choices=self.adapters())
        return component(each, elem_id=name)


def titles_of(kinds: Mapping[str, type[Method]]) -> dict[str, str]:
    """The titles of methods, as they tell them."""
    return {name: kind.title for name, kind in kinds.items()}


def seed_of(text: object) -> int:
    """The seed that was filled in, or one drawn.

    Raises:
        ValueError: If it is no whole number.
    """
    if text in (None, ""):
        return randbelow(2**31)
    if not str(text).strip().isdecimal():
        raise ValueError(f"the seed is {str(text)[:20]!r}; it must be a whole number, or empty to draw one")
    return int(str(text))
