"""A method with its settings, as a file lists them; for each row it gives an edit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from re import fullmatch
from typing import Any

from ..fields import decode, field_docs, read_text, read_yaml, shown, unknown
from ..methods import METHODS, Method
from ..training.settings import OneShot
from .baselines import BASELINES
from .row import Row, replaced_words

KNOWN: dict[str, type[Method]] = BASELINES | METHODS["edit"]
"""The methods that can be run, baselines first."""
PROMPTS = {"source": "source", "target": "target", "prompt": "target", "instruction": "target"}
"""The fields of methods that a row fills, and what with."""
SUBJECT, NEW = "subject", "new"
"""As the value of a field: the row's words of what is to change; the target's words that the source lacks."""

TUNE = "tune"
"""The key of how the model is tuned to each clip: fields of `OneShot`, for methods that take a motion.
As the value of one, `source` and `target` are the row's prompts."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A method, and the values of its fields."""

    name: str
    """Of the setting, and of the folder of its results."""
    method: str
    values: Mapping[str, Any] = field(default_factory=dict)
    of_kinds: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Values that hold for rows of one kind only."""

    def edit(self, row: Row, motion: Path | None = None) -> Method:
        """The edit of a row.

        Args:
            row: The row.
            motion: The adapter that its clip was tuned to, if it is.

        Raises:
            ValueError: if a value is wrong.
        """
        kind = KNOWN[self.method]
        own = field_docs(kind)
        prompts = {name: getattr(row, which) for name, which in PROMPTS.items() if name in own}
        values = {**prompts, **self._values(row)}
        if values.pop(TUNE, None) is not None:
            values["motion"] = motion
        words = {SUBJECT: list(row.subject), NEW: list(replaced_words(row.target, row.source))}
        return decode(kind, _filled(values, words), name=self.name)

    def tuning(self, row: Row) -> OneShot | None:
        """How the model is tuned to a row's clip before the edit; None if it isn't.

        Raises:
            ValueError: if a value is wrong.
        """
        tune = self._values(row).get(TUNE)
        if tune is None:
            return None
        filled = _filled(tune, {"source": row.source, "target": row.target})
        return decode(OneShot, {"prompt": row.source, **filled}, name=f"{self.name}: {TUNE}")

    def _values(self, row: Row) -> dict[str, Any]:
        return {**self.values, **self.of_kinds.get(row.kind, {})}


def _filled(values: Mapping[str, Any], meanings: Mapping[str, Any]) -> dict[str, Any]:
    """Values with words of the row in the place of what stands for them."""
    return {
        name: meanings.get(value, value) if isinstance(value, str) else value
        for name, value in values.items()
    }


def settings_of(methods: Sequence[str]) -> list[Setting]:
    """Methods by name, as their authors or the rendered world's file have them.

    Raises:
        ValueError: if there is no such method.
    """
    for name in methods:
        if name not in KNOWN:
            raise ValueError(unknown(name, KNOWN, name="--methods"))
    return [Setting(name=name, method=name) for name in methods]


def world_settings() -> list[Setting]:
    """Those of the rendered world's file."""
    return parse(files("rescene.bench").joinpath("world.yaml").read_text(encoding="utf-8"), name="world.yaml")


def read_settings(path: Path) -> list[Setting]:
    """The settings of a YAML file.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is no list of settings; it names the place.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; check the path after --settings")
    return parse(read_text(path), name=str(path))


def parse(text: str, *, name: str) -> list[Setting]:
    """Settings as YAML: a list of method, name and values, and values of kinds of rows."""
    entries = read_yaml(text, name=name)
    if not isinstance(entries, list) or not entries:
        raise ValueError(
            f"{name} must be a list, with entries such as {{method: fatezero, self_replace: 0.5}}"
        )
    settings = [_setting(entry, name=f"{name}: entry {number}") for number, entry in enumerate(entries, 1)]
    names = [setting.name for setting in settings]
    if len(set(names)) < len(names):
        twice = next(each for each in names if names.count(each) > 1)
        raise ValueError(f"{name} has two settings named {twice!r}; give each a name of its own")
    return settings


def _setting(entry: Any, *, name: str) -> Setting:
    method = entry.get("method") if isinstance(entry, dict) else entry
    if not isinstance(entry, dict) or not isinstance(method, str) or method not in KNOWN:
        raise ValueError(unknown(method, KNOWN, name=f"{name}: method"))
    fields = field_docs(KNOWN[entry["method"]])
    values = {key: value for key, value in entry.items() if key not in ("name", "method")}
    known = [*fields, *([TUNE] if "motion" in fields else [])]
    # What isn't a field and holds fields is a kind of rows.
    kinds = {
        key: values.pop(key)
        for key in list(values)
        if key not in (*fields, TUNE) and isinstance(values[key], dict)
    }
    for group in (values, *kinds.values()):
        for key in group:
            if key not in known:
                raise ValueError(unknown(str(key), known, name=name))
        _check_tune(group.get(TUNE), name=f"{name}: {TUNE}")
    called = str(entry.get("name") or entry["method"])
    if not fullmatch(r"[\w-][\w.-]*", called) or len(called.encode()) > 200:
        raise ValueError(f"{name}: the name {called!r} also names a folder; use letters, digits and dashes")
    return Setting(name=called, method=entry["method"], values=values, of_kinds=kinds)


def _check_tune(tune: Any, *, name: str) -> None:
    if tune is None:
        return
    if not isinstance(tune, dict):
        raise ValueError(
            f"{name} must hold fields of one-shot tuning, such as {{steps: 100}}, not {shown(tune)}"
        )
    known = field_docs(OneShot)
    for key in tune:
        if key not in known:
            raise ValueError(unknown(str(key), known, name=name))
