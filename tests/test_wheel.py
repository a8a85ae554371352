"""The package installs from a wheel, with the weights of `mini` and without a network."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DRAWS = """
import rescene
from rescene.world import Scene
assert rescene.__file__.startswith({site!r}), rescene.__file__
model = rescene.load("mini")
scene = Scene.random(3)
video = rescene.Video.of(scene.render(frames=2).frames, 8)
edit = rescene.FateZero(source=scene.caption, target=scene.caption, num_inference_steps=1)
assert len(edit(model, video)) == 2
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """An otherwise empty folder with the installed wheel; the libraries are those of this environment."""
    folder = tmp_path_factory.mktemp("wheel")
    python = [sys.executable, "-m"]
    subprocess.run([*python, "hatchling", "build", "-t", "wheel", "-d", folder], cwd=ROOT, check=True)
    (wheel,) = folder.glob("rescene-*.whl")
    target = ["--target", folder / "site", "--no-deps", "--no-index", "--quiet"]
    subprocess.run([*python, "pip", "install", *target, wheel], check=True)
    return folder / "site"


def rescene(site: Path, *command: str, cwd: Path) -> str:
    """Runs Python away from the sources and without a network."""
    offline = {"PYTHONPATH": str(site), "HF_HUB_OFFLINE": "1", "HF_HOME": str(cwd / "hub")}
    ran = subprocess.run(
        [sys.executable, *command],
        cwd=cwd,
        env=os.environ | offline,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return ran.stdout


def test_the_installed_package_edits_with_its_own_model(site, tmp_path):
    rescene(site, "-c", DRAWS.format(site=str(site)), cwd=tmp_path)


def test_the_installed_command_finds_the_installed_package(site, tmp_path):
    start = "import sys; from rescene.cli import main; sys.exit(main())"
    assert "fatezero" in rescene(site, "-c", start, "methods", cwd=tmp_path)


def test_the_wheel_holds_no_bytecode_and_stays_small(site):
    files = [path for path in (site / "rescene").rglob("*") if "__pycache__" not in path.parts]
    assert sum(path.stat().st_size for path in files if path.is_file()) < 60e6
    assert (site / "rescene" / "py.typed").exists()
