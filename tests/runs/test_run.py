"""One run: from a recipe to a result that carries it."""

import ast
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from rescene import Video
from rescene.cache import Unfinished
from rescene.inputs import Fit, Inputs
from rescene.runs import FileRef, InputRefs, MaskRef, ModelRef, Recipe, Trim, VideoRef, file_hash
from rescene.runs.result import read_recipe, sidecar
from rescene.runs.run import assembled, compute, prepare, run

SOURCE = Path(__file__).parents[2] / "src" / "rescene"


def frames(path: object) -> torch.Tensor:
    return Video.read(Path(str(path))).frames


@pytest.mark.parametrize("size", [None, "source", "64x64", "128x128"])
def test_the_result_is_what_the_method_makes_of_the_fitted_source(recipe, host, source, tmp_path, size):
    work = prepare(replace(recipe, fit=size), host)
    fit = work.fit
    assert fit
    run(work, str(tmp_path / "out.mkv"), host)
    fit.restore(recipe.method(work.outline, fit.apply(Video.read(source)))).write(tmp_path / "wanted.mkv")
    assert torch.equal(frames(tmp_path / "out.mkv"), frames(tmp_path / "wanted.mkv"))


def test_the_result_tells_all_that_was_found_out(recipe, host, source, tmp_path):
    result = run(prepare(recipe, host), str(tmp_path / "results" / "out.mkv"), host)
    told = read_recipe(tmp_path / "results" / "out.mkv")
    assert told == result.recipe == Recipe.from_json(result.sidecar.read_text())
    assert told.inputs.video == VideoRef(path="../source.mkv", sha256=file_hash(source))
    assert isinstance(told.fit, Fit)
    assert (told.model.device, told.model.dtype) == ("cpu", "float32")
    assert told.model.fingerprint == host.load(recipe.model).identity()
    assert "out.mkv  (4 frames of 128x64 in " in str(result)


def test_a_result_is_a_recipe_for_itself(recipe, host, tmp_path):
    run(prepare(recipe, host), str(tmp_path / "out.mkv"), host)
    run(read_recipe(tmp_path / "out.mkv"), str(tmp_path / "again.mkv"), host)
    assert (tmp_path / "out.mkv").read_bytes() == (tmp_path / "again.mkv").read_bytes()
    assert sidecar(tmp_path / "out.mkv").read_text() == sidecar(tmp_path / "again.mkv").read_text()


def test_only_the_frames_that_were_asked_for_are_edited(recipe, host, clip, tmp_path):
    video = replace(recipe.inputs.video, trim=Trim(start=1, frames=2))
    run(prepare(replace(recipe, inputs=InputRefs(video=video)), host), str(tmp_path / "out.mkv"), host)
    assert len(frames(tmp_path / "out.mkv")) == 2


def test_outside_the_mask_the_source_stays_exactly(recipe, host, clip, white, tmp_path):
    white.write(tmp_path / "mask.mkv")
    inputs = replace(recipe.inputs, mask=MaskRef(files=(FileRef(path=str(tmp_path / "mask.mkv")),)))
    run(prepare(replace(recipe, inputs=inputs), host), str(tmp_path / "out.mkv"), host)
    run(prepare(recipe, host), str(tmp_path / "whole.mkv"), host)
    masked, source = frames(tmp_path / "out.mkv"), frames(recipe.inputs.video.path)
    assert torch.equal(masked[..., 64:], source[..., 64:])
    assert torch.equal(masked[..., :64], frames(tmp_path / "whole.mkv")[..., :64])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda recipe: replace(recipe, method=replace(recipe.method, strength=2)), "strength is 2"),
        (lambda recipe: replace(recipe, label=" "), "label"),
        (lambda recipe: replace(recipe, fit="big"), "'big'"),
        (lambda recipe: replace(recipe, fit="100x64"), "not a multiple of 64"),
        (lambda recipe: replace(recipe, model=ModelRef(name="nonsense")), "no model 'nonsense'"),
        (lambda recipe: replace(recipe, model=replace(recipe.model, device="abacus")), "no device 'abacus'"),
        (lambda recipe: replace(recipe, inputs=InputRefs()), "negative needs"),
        (lambda recipe: replace(recipe, inputs=InputRefs(video=VideoRef(path="no.mp4"))), "no such file"),
        (
            lambda recipe: replace(
                recipe, inputs=InputRefs(video=replace(recipe.inputs.video, sha256="0" * 64))
            ),
            "has changed since it was the source",
        ),
    ],
)
def test_mistakes_are_found_before_the_model_is_loaded(recipe, host, tmp_path, change, says):
    with pytest.raises((ValueError, OSError), match=says):
        prepare(change(recipe), host, output=str(tmp_path / "out.mkv"))
    assert not host.told


def test_a_result_that_exists_is_told_first(recipe, host, tmp_path):
    (tmp_path / "out.json").write_text("mine")
    with pytest.raises(FileExistsError, match=r"out\.json exists already"):
        prepare(recipe, host, output=str(tmp_path / "out.mkv"))
    host.overwrite = True
    assert prepare(recipe, host, output=str(tmp_path / "out.mkv"))


def test_other_weights_are_refused_before_anything_is_computed(recipe, host, tmp_path):
    other = replace(recipe, model=replace(recipe.model, fingerprint="0" * 64))
    with pytest.raises(ValueError, match=r"other weights .* than those that made before.mkv"):
        run(prepare(other, host, base=tmp_path, result="before.mkv"), str(tmp_path / "out.mkv"), host)
    assert host.told == ["load"]


def test_other_settings_share_what_was_opened(recipe, host):
    work = prepare(recipe, host)
    other = work.instead(replace(work.recipe.method, strength=0.5))
    assert other.given is work.given
    assert other.cost.evaluations == 4
    with pytest.raises(ValueError, match="strength is 3"):
        work.instead(replace(work.recipe.method, strength=3.0))


def test_models_are_loaded_once(recipe, host):
    assert host.load(recipe.model) is host.load(replace(recipe.model, fingerprint="0" * 64))
    assert host.outline(recipe.model) is host.outline(recipe.model)


def test_a_host_looks_on_and_may_hold_the_result(recipe, host, tmp_path):
    class Measuring(type(host)):
        @contextmanager
        def computing(self):
            self.told.append("computing")
            yield
            self.told.append("computed")

        def noted(self, recipe, result):
            video = replace(recipe.inputs.video, path=Path(recipe.inputs.video.path).name)
            return replace(recipe, inputs=replace(recipe.inputs, video=video))

    measuring = Measuring()
    result = run(prepare(recipe, measuring), str(tmp_path / "results" / "out.mkv"), measuring)
    assert measuring.told == ["load", "begins", "computing", "finished", "computed"]
    assert result.recipe.inputs.video and result.recipe.inputs.video.path == "source.mkv"
    assert len(result.video) == 4


def test_what_was_kept_for_a_stopped_run_goes_once_all_is_written(recipe, host, tmp_path):
    kept = Unfinished({"kind": "test"}, resume=True)
    kept.cached("a", lambda: torch.zeros(1))
    host.unfinished = lambda recipe: kept
    assert len(kept) == 1
    run(prepare(recipe, host), str(tmp_path / "out.mkv"), host)
    assert len(kept) == 0


def test_inputs_that_are_open_already_can_be_computed_on(recipe, host, clip):
    work = assembled(recipe, Inputs(video=clip), host.outline(recipe.model))
    video = compute(work, host.load(recipe.model), host)
    assert (len(video), video.height, video.width) == (4, 64, 128)


NOT_YET = {"app", "bench"}
"""Parts that still run methods themselves."""


@pytest.mark.parametrize("file", sorted(SOURCE.rglob("*.py")), ids=lambda file: str(file.relative_to(SOURCE)))
def test_only_runs_fits_restores_and_writes(file):
    part = file.relative_to(SOURCE).parts[0]
    calls = [node.func for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call)]
    methods = {call.attr for call in calls if isinstance(call, ast.Attribute)}
    functions = {call.id for call in calls if isinstance(call, ast.Name)}
    if part not in {"runs", "inputs", *NOT_YET}:
        assert not methods & {"apply", "restore", "fitted"}
        assert "write_result" not in functions
