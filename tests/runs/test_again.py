"""Results made again: from the formats of before, and in another process."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rescene import Video, load
from rescene.methods import FateZero
from rescene.runs import InputRefs, ModelRef, Recipe, Trim, VideoRef
from rescene.runs.local import LocalHost
from rescene.runs.result import read_recipe
from rescene.runs.run import prepare, run

OLD = Path(__file__).parent / "old"
MODELS = {"propagated": "svd_folder", "tuned": "tiny_folder"}
"""The fixtures with the models of results that weren't made by `mini`."""


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """The results of before, in a folder where they can be changed."""
    return Path(shutil.copytree(OLD, tmp_path / "old"))


@pytest.mark.parametrize("name", ["edit", "generated", "propagated", "controlled", "tuned"])
def test_results_of_before_are_made_again(old, name, request):
    settings = json.loads((old / f"{name}.json").read_text())
    if name in MODELS:
        settings["model"]["name"] = str(request.getfixturevalue(MODELS[name]))
    # Random weights may differ in the last bit from machine to machine.
    settings["model"]["fingerprint"] = load(settings["model"]["name"], device="cpu").identity()
    (old / f"{name}.json").write_text(json.dumps(settings))
    host = LocalHost()
    work = prepare(read_recipe(old / f"{name}.json"), host, base=old, result=f"{name}.mkv")
    run(work, str(old / "again.mkv"), host)
    before, after = Video.read(old / f"{name}.mkv").frames, Video.read(old / "again.mkv").frames
    assert before.shape == after.shape
    assert float((before - after).abs().max()) <= 1.001 / 255


def test_a_recipe_runs_in_another_process(tiny_folder, clip, tmp_path):
    clip.write(tmp_path / "source.mkv")
    recipe = Recipe(
        method=FateZero(source="a car", target="a jeep", num_inference_steps=1),
        model=ModelRef(name=str(tiny_folder), device="cpu"),
        inputs=InputRefs(video=VideoRef(path="source.mkv", trim=Trim(frames=2))),
    )
    run(recipe, str(tmp_path / "here.mkv"), LocalHost())
    (tmp_path / "there").mkdir()
    shutil.copy(tmp_path / "source.mkv", tmp_path / "there")
    code = (
        "import sys, torch; torch.set_num_threads(1)\n"
        "from rescene.runs.recipe import Recipe\n"
        "from rescene.runs.local import LocalHost\n"
        "from rescene.runs.run import run\n"
        "run(Recipe.from_json(sys.stdin.read()), sys.argv[1], LocalHost())\n"
    )
    output = str(tmp_path / "there" / "sent.mkv")
    sent = read_recipe(tmp_path / "here.mkv").to_json()
    subprocess.run([sys.executable, "-c", code, output], input=sent, text=True, check=True)
    assert (tmp_path / "here.mkv").read_bytes() == Path(output).read_bytes()
    assert (tmp_path / "here.json").read_text() == Path(output).with_suffix(".json").read_text()
