"""The training loop on a line through points: properties of any training."""

import csv
import json
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor, nn

from rescene.training import TrainingFolder, TrainingSettings, train
from rescene.training.loop import Trainer
from rescene.training.losses import Loss

SETTINGS = TrainingSettings(steps=6, learning_rate=0.05, checkpoint_every=2)


def line(dtype: torch.dtype = torch.float32) -> dict[str, nn.Parameter]:
    return {"slope.weight": nn.Parameter(torch.ones(3, dtype=dtype)), "bias": nn.Parameter(torch.zeros(1))}


def objective(weights: dict[str, nn.Parameter], wanted: float = 2.0) -> Any:
    @contextmanager
    def noisy(draw: torch.Generator) -> Iterator[Tensor]:
        x = torch.randn(8, 3, generator=draw)
        y = (x.to(weights["slope.weight"].dtype) @ weights["slope.weight"]).float() + weights["bias"]
        yield (y - wanted * x.sum(-1)).square().mean()

    return noisy


def run(
    weights: dict[str, nn.Parameter],
    settings: TrainingSettings = SETTINGS,
    folder: TrainingFolder | None = None,
) -> Any:
    return train(weights, {"line": objective(weights)}, settings, folder=folder)


def folder(path: Path, *, config: Any = None, **more: bool) -> TrainingFolder:
    return TrainingFolder(path=path, config=config or {"rate": 1}, **more)


def test_weights_move_towards_the_objective() -> None:
    weights = line()
    losses = run(weights, TrainingSettings(steps=60, learning_rate=0.05))
    assert losses[-1].loss < 0.01 * losses[0].loss
    torch.testing.assert_close(weights["slope.weight"], torch.full((3,), 2.0), atol=0.1, rtol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_a_resumed_training_ends_with_the_same_bits(tmp_path: Path, dtype: torch.dtype) -> None:
    whole, parted = line(dtype), line(dtype)
    wanted = run(whole)
    run(parted, TrainingSettings(steps=4, learning_rate=0.05, checkpoint_every=4), folder(tmp_path))
    parted = line(dtype)
    found = run(parted, SETTINGS, folder(tmp_path, resume=True))
    assert found == wanted
    assert all(torch.equal(whole[name], parted[name]) for name in whole)


def test_small_steps_arent_lost_in_half_precision() -> None:
    weights = line(torch.bfloat16)
    settings = TrainingSettings(steps=40, learning_rate=1e-3)  # Below bfloat16's resolution at 1.
    run(weights, settings)
    assert weights["slope.weight"].min() > 1.02


def test_objectives_take_turns_and_move_only_what_they_use() -> None:
    used, other = line(), nn.Parameter(torch.ones(2))
    names = {"line": objective(used), "again": objective(used)}
    losses = train({**used, "other": other}, names, SETTINGS)
    assert [loss.objective for loss in losses] == ["line", "again"] * SETTINGS.length
    assert [loss.step for loss in losses[::2]] == list(range(1, SETTINGS.length + 1))
    assert torch.equal(other, torch.ones(2))  # Nor by weight decay.


def test_what_is_drawn_depends_on_seed_step_and_objective() -> None:
    first, same = run(line()), run(line())
    other = run(line(), TrainingSettings(steps=6, learning_rate=0.05, seed=1))
    assert first == same
    assert first[0].loss != other[0].loss
    weights = line()
    pair = train(weights, {"line": objective(weights), "b": objective(weights)}, SETTINGS)
    assert pair[0].loss == first[0].loss != pair[1].loss


def test_the_backward_pass_runs_inside_the_block() -> None:
    weights, seen = line(), []

    @contextmanager
    def watched(draw: torch.Generator) -> Iterator[Tensor]:
        before = weights["bias"].clone()
        yield objective(weights)(draw).__enter__()
        seen.append(not torch.equal(before, weights["bias"]))

    train(weights, {"line": watched}, TrainingSettings(steps=1))
    assert seen == [True]


@pytest.mark.parametrize("where", ["loss", "gradient"])
def test_it_stops_at_nans_and_keeps_the_last_checkpoint(tmp_path: Path, where: str) -> None:
    weights, steps = line(), iter(range(10))

    @contextmanager
    def breaking(draw: torch.Generator) -> Iterator[Tensor]:
        loss = objective(weights)(draw).__enter__()
        if next(steps) == 3:
            zero = weights["bias"].square().sum() * 0
            loss = loss * torch.nan if where == "loss" else loss + torch.sqrt(zero)
        yield loss

    with pytest.raises(FloatingPointError, match=r"line, step 4.*lower learning rate"):
        train(weights, {"line": breaking}, SETTINGS, folder=folder(tmp_path))
    found = folder(tmp_path, resume=True).load()
    assert found
    assert found.step == 2
    assert not any(tensor.isnan().any() for tensor in found.tensors.values())


def test_losses_are_kept_as_a_table_and_a_picture(tmp_path: Path) -> None:
    losses = run(line(), SETTINGS, folder(tmp_path))
    with (tmp_path / "losses.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["loss"]) for row in rows] == [loss.loss for loss in losses]
    assert list(rows[0]) == ["step", "objective", "loss", "gradient"]
    drawn = ElementTree.parse(tmp_path / "losses.svg").getroot()
    assert len(drawn.findall("{*}circle")) == len(losses)


def test_checkpoints_come_when_due_and_at_the_end(tmp_path: Path) -> None:
    at: list[int] = []
    weights, settings = line(), TrainingSettings(steps=5, checkpoint_every=2)
    train(
        weights, {"line": objective(weights)}, settings,
        folder=folder(tmp_path), at_checkpoint=at.append,
    )  # fmt: skip
    assert at == [2, 4, 5]
    assert {file.name for file in tmp_path.iterdir()} == {
        "checkpoint.safetensors",
        "losses.csv",
        "losses.svg",
    }


def test_resuming_from_other_settings_is_refused_and_says_what_differs(tmp_path: Path) -> None:
    run(line(), SETTINGS, folder(tmp_path, config={"rate": 1, "prompt": "a car"}))
    other = folder(tmp_path, config={"rate": 2, "prompt": "a car"}, resume=True)
    with pytest.raises(ValueError, match="rate was 1 and is 2") as error:
        other.check()
    assert "prompt" not in str(error.value)


def test_a_resumed_training_isnt_shorter_than_what_is_done(tmp_path: Path) -> None:
    run(line(), SETTINGS, folder(tmp_path))
    fewer = TrainingSettings(steps=3, learning_rate=0.05)
    with pytest.raises(ValueError, match="6 steps are done, and 3 were asked for"):
        run(line(), fewer, folder(tmp_path, resume=True))
    again = line()
    run(again, SETTINGS, folder(tmp_path, resume=True))  # Nothing is left to do.
    assert not torch.equal(again["slope.weight"], torch.ones(3))


def test_a_checkpoint_is_neither_lost_nor_missed_by_accident(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nothing to resume"):
        folder(tmp_path, resume=True).check()
    run(line(), SETTINGS, folder(tmp_path))
    with pytest.raises(FileExistsError, match="resume"):
        folder(tmp_path).check()
    folder(tmp_path, overwrite=True).check()
    (tmp_path / "checkpoint.safetensors").write_bytes(b"no")
    with pytest.raises(ValueError, match="damaged"):
        folder(tmp_path, resume=True).check()


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"checkpoint_every": 0}, {"learning_rate": 0.0}])
def test_impossible_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        TrainingSettings(**wrong)


def test_the_8_bit_optimiser_is_used_or_missed_clearly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rescene.training.settings.find_spec", lambda name: None)
    with pytest.raises(ValueError, match="pip install"):
        TrainingSettings(eight_bit=True)
    monkeypatch.setattr("rescene.training.settings.find_spec", lambda name: types.ModuleType(name))

    class AdamW8bit(torch.optim.AdamW): ...

    optim: Any = types.ModuleType("bitsandbytes.optim")
    optim.AdamW8bit = AdamW8bit
    monkeypatch.setitem(sys.modules, "bitsandbytes", types.ModuleType("bitsandbytes"))
    monkeypatch.setitem(sys.modules, "bitsandbytes.optim", optim)
    assert isinstance(Trainer(line(), TrainingSettings(eight_bit=True)).optimiser, AdamW8bit)


@pytest.mark.parametrize("damage", ["cut", "empty", "gone", "a folder", "bytes"])
def test_a_damaged_log_keeps_nobody_from_going_on(tmp_path: Path, damage: str, caplog: Any) -> None:
    run(line(), SETTINGS, folder(tmp_path))
    log = tmp_path / "losses.csv"
    content = log.read_bytes()
    log.unlink()
    if damage == "a folder":
        log.mkdir()
    elif damage != "gone":
        log.write_bytes({"cut": content[:-6], "empty": b"", "bytes": b"\xff" * 40}[damage])
    found = folder(tmp_path, resume=True).load()
    assert found and all(loss.step <= found.step for loss in found.losses)
    assert damage != "cut" or "has a row that is cut" in caplog.text


def test_logs_are_whole_or_as_they_were(tmp_path: Path, monkeypatch: Any) -> None:
    run(line(), SETTINGS, folder(tmp_path))
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}

    def stop(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_text", stop)
    with pytest.raises(KeyboardInterrupt):
        folder(tmp_path).save({"a": torch.zeros(1)}, step=9, scaling={}, losses=[Loss(9, "line", 1.0, 1.0)])
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_a_full_disk_is_told_as_such(tmp_path: Path, monkeypatch: Any) -> None:
    def full(*_: Any) -> None:
        raise SafetensorError("I/O error: No space left on device")

    monkeypatch.setattr("rescene.backbones.tensors.save_file", full)
    with pytest.raises(OSError, match="can't be written"):
        run(line(), SETTINGS, folder(tmp_path))


@pytest.mark.parametrize("header", [{}, {"config": 5, "step": 1, "scaling": {}}, {"config": {}, "step": "x"}])
def test_a_header_of_another_shape_is_damage(tmp_path: Path, header: Any) -> None:
    save_file({"a": torch.zeros(1)}, tmp_path / "checkpoint.safetensors", {"training": json.dumps(header)})
    with pytest.raises(ValueError, match="no checkpoint of a training, or is damaged"):
        folder(tmp_path, resume=True).load()
