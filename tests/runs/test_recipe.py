"""Recipes as values and as JSON, in today's format and in those of before."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from rescene.inputs import Fit
from rescene.methods import METHODS, FateZero, I2VEdit, Method, TuneAVideo
from rescene.runs import (
    FileRef,
    InputRefs,
    KeyFrameRef,
    MaskRef,
    ModelRef,
    Recipe,
    Trim,
    VideoRef,
    file_hash,
    parse,
    seen_from,
    with_seed,
)
from rescene.runs.files import Finder, noted
from tests.methods.examples import EXAMPLES, OTHERS

OLD = Path(__file__).parent / "old"
ALL = {("edit", name): method for name, method in EXAMPLES.items()} | OTHERS


@pytest.fixture
def recipe() -> Recipe:
    return Recipe(
        method=FateZero(
            source='a "silver" jeep, größer',
            target="a red jeep",
            self_replace=(0.1, 0.7),
            word_windows={"jeep": 0.4, "red": (0.2, 0.5)},
            frame_keys=("first", -1),
            mask_words=("jeep",),
        ),
        model=ModelRef(
            name="sd15",
            revision="abc",
            fingerprint="f" * 64,
            dtype="float16",
            device="cuda",
            loras={"a": 0.5},
        ),
        inputs=InputRefs(
            video=VideoRef(path="source.bin", sha256="a" * 64, trim=Trim(start="2s", frames=8)),
            mask=MaskRef(files=(FileRef(path="mask.png", sha256="b" * 64),), grow=2),
            control=FileRef(path="edges.mkv"),
        ),
        fit=Fit(source=(100, 200), content=(64, 128), size=(64, 128)),
        label="edited",
    )


def test_json_and_back_is_the_same_value(recipe):
    assert Recipe.from_json(recipe.to_json()) == recipe
    wanted = replace(recipe, fit="512x320", model=ModelRef(name="mini"))
    assert Recipe.from_json(wanted.to_json()) == wanted


@pytest.mark.parametrize(("verb", "name"), ALL)
def test_every_method_survives_json(recipe, verb, name):
    made = replace(recipe, method=ALL[verb, name])
    assert Recipe.from_json(made.to_json()) == made
    assert json.loads(made.to_json())["verb"] == verb


def test_every_method_has_an_example():
    assert set(ALL) == {(verb, name) for verb, kinds in METHODS.items() for name in kinds}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda values: values["fields"].update(guidance=3), "fatezero: unknown 'guidance'"),
        (lambda values: values["fields"].update(guidance_scale="3"), "guidance_scale must be a number"),
        (lambda values: values["fields"].pop("source"), "fatezero has no 'source'"),
        (lambda values: values.update(method="fatezer0"), "method: unknown.*did you mean 'fatezero'"),
        (
            lambda values: values.update(method="i2vedit"),
            "method: i2vedit isn't a method here; it is one of `rescene propagate`$",
        ),
        (lambda values: values.update(verb="edti"), "verb: unknown 'edti'; did you mean 'edit'"),
        (lambda values: values.update(surprise=1), "settings: unknown 'surprise'"),
        (lambda values: values.update(seed=4), "seed differs"),
        (lambda values: values.pop("versions"), "settings has no 'versions'"),
        (
            lambda values: values["model"].update(dtype="float8"),
            "settings: model: dtype: unknown 'float8'",
        ),
        (lambda values: values["fit"].update(size=[64]), "settings: fit: size must have 2 values"),
        (lambda values: values["inputs"]["video"].pop("path"), "settings: inputs: video has no 'path'"),
        (lambda values: values["inputs"]["video"]["trim"].update(every="2"), "video: trim: every must be"),
        (lambda values: values.update(files={"motion": "abc"}), "files"),
    ],
)
def test_mistakes_are_named(recipe, change, says):
    values = json.loads(recipe.to_json())
    change(values)
    with pytest.raises(ValueError, match=says):
        Recipe.from_json(json.dumps(values))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"a": 1}'])
def test_what_is_no_recipe_is_told(text):
    with pytest.raises(ValueError, match="no settings of rescene"):
        Recipe.from_json(text)


def test_each_file_of_a_method_has_a_hash(recipe):
    several = replace(
        recipe, method=I2VEdit(motion_lora=(Path("a"), Path("b"))), files={"motion_lora": ("c",)}
    )
    with pytest.raises(ValueError, match="SHA-256 for each file of motion_lora"):
        Recipe.from_json(several.to_json())


@pytest.mark.parametrize("name", ["edit", "generated", "propagated", "controlled", "tuned"])
def test_old_settings_are_read_and_stay_what_they_are(name):
    text = (OLD / f"{name}.json").read_text()
    recipe, old = Recipe.from_json(text), json.loads(text)
    assert Recipe.from_json(recipe.to_json()) == recipe
    new = json.loads(recipe.to_json())
    assert (new["method"], new["versions"], new["label"]) == (old["method"], old["versions"], old["label"])
    assert new["inputs"]["video"] == old.get("source")
    old["fields"].pop("control_video", None)
    since = new["fields"].keys() - old["fields"].keys()
    assert {name: new["fields"][name] for name in old["fields"]} == old["fields"]
    assert all(getattr(recipe.method, name) == getattr(type(recipe.method), name) for name in since)


def test_old_settings_keep_what_has_moved():
    controlled = Recipe.from_json((OLD / "controlled.json").read_text())
    assert controlled.inputs.control == FileRef(path="edges.mkv")
    propagated = Recipe.from_json((OLD / "propagated.json").read_text())
    assert [(each.at, each.path) for each in propagated.inputs.key_frames] == [
        (0, "first.png"),
        (2, "later.png"),
    ]
    assert propagated.inputs.cover
    tuned = Recipe.from_json((OLD / "tuned.json").read_text())
    assert tuned.files == {"motion": (file_hash(OLD / "motion.safetensors"),)}


@pytest.mark.parametrize(
    ("name", "change", "says"),
    [
        ("edit", lambda values: values.update(surprise=1), "unknown 'surprise'"),
        ("edit", lambda values: values["source"].pop("path"), "video has no 'path'"),
        ("edit", lambda values: values["fields"].update(self_replce=1), "did you mean 'self_replace'"),
        ("edit", lambda values: values.pop("versions"), "has no 'versions'"),
        ("generated", lambda values: values.update(seed=4), "seed differs"),
        ("propagated", lambda values: values["key_frames"][0].pop("at"), r"key_frames\[0\] has no 'at'"),
        ("propagated", lambda values: values.update(motion_loras=["a"]), "for each file of motion_lora"),
    ],
)
def test_old_settings_are_read_strictly(name, change, says):
    values = json.loads((OLD / f"{name}.json").read_text())
    change(values)
    with pytest.raises(ValueError, match=says):
        Recipe.from_json(json.dumps(values))


def test_settings_that_nobody_checks_have_todays_shape():
    values = parse((OLD / "edit.json").read_text())
    assert values["inputs"]["video"]["trim"]["frames"] == 2


def test_identity_is_of_contents_and_not_of_names(recipe):
    video, model = recipe.inputs.video, recipe.model
    same: list[Recipe] = [
        replace(recipe, inputs=replace(recipe.inputs, video=replace(video, path="other.bin"))),
        replace(recipe, model=replace(model, name="copy", revision=None, offload=True)),
        replace(recipe, label=None),
        replace(recipe, versions={}),
        Recipe.from_json(recipe.to_json()),
    ]
    assert {each.identity for each in same} == {recipe.identity}
    others: list[Recipe] = [
        replace(recipe, method=replace(recipe.method, guidance_scale=3.0)),
        replace(recipe, inputs=replace(recipe.inputs, video=replace(video, sha256="c" * 64))),
        replace(recipe, inputs=replace(recipe.inputs, video=replace(video, trim=Trim(frames=7)))),
        replace(recipe, inputs=replace(recipe.inputs, mask=None)),
        replace(recipe, inputs=replace(recipe.inputs, key_frames=(KeyFrameRef(at=0, path="a", sha256="b"),))),
        replace(recipe, model=replace(model, fingerprint="e" * 64)),
        replace(recipe, model=replace(model, dtype="float32")),
        replace(recipe, fit=replace(recipe.fit, size=(128, 128))),
    ]
    assert len({each.identity for each in (recipe, *others)}) == len(others) + 1


def test_identity_is_of_what_an_adapter_holds(recipe):
    def tuned(name: str, sha256: str) -> str:
        method = TuneAVideo(motion=Path(name), target="a jeep")
        return replace(recipe, method=method, files={"motion": (sha256,)}).identity

    assert tuned("a", "1") == tuned("b", "1") != tuned("b", "2")


@dataclass(frozen=True, kw_only=True)
class Drawn(Method):
    """A method that draws at random."""

    seed: int | None = None


def test_seeds_are_drawn_once():
    first: Any = with_seed(Drawn())
    second: Any = with_seed(Drawn())
    assert first.seed != second.seed
    assert with_seed(first) == first
    assert with_seed(edit := FateZero(source="a", target="b")) is edit


class TestFiles:
    """Finding the files of a recipe."""

    @pytest.fixture
    def made(self, recipe, tmp_path) -> Recipe:
        (tmp_path / "source.bin").write_bytes(b"pixels")
        video = VideoRef(path="source.bin", sha256=file_hash(tmp_path / "source.bin"))
        return replace(recipe, inputs=InputRefs(video=video))

    def found(self, recipe: Recipe, base: Path, result: str | None = "out.mp4") -> Path:
        video = Finder(base, result).found(recipe).inputs.video
        assert video
        return Path(video.path)

    def test_sources_are_found_where_they_are_noted_or_beside(self, made, tmp_path):
        assert self.found(made, tmp_path) == tmp_path / "source.bin"
        moved = replace(made, inputs=InputRefs(video=replace(made.inputs.video, path="elsewhere/source.bin")))
        assert self.found(moved, tmp_path) == tmp_path / "source.bin"
        (tmp_path / "source.bin").rename(tmp_path / "renamed.bin")
        with pytest.raises(
            FileNotFoundError, match=r"the source of out.mp4 is missing.*elsewhere.*--source-file"
        ):
            self.found(moved, tmp_path)
        named = replace(
            made, inputs=InputRefs(video=replace(made.inputs.video, path=str(tmp_path / "renamed.bin")))
        )
        assert self.found(named, tmp_path) == tmp_path / "renamed.bin"
        (tmp_path / "renamed.bin").write_bytes(b"other")
        with pytest.raises(ValueError, match=r"has changed.*SHA-256"):
            self.found(named, tmp_path)

    def test_a_recipe_that_was_sent_looks_only_where_it_says(self, made, tmp_path):
        moved = replace(made, inputs=InputRefs(video=replace(made.inputs.video, path="elsewhere/source.bin")))
        with pytest.raises(FileNotFoundError, match="the source is missing"):
            self.found(moved, tmp_path, None)

    def test_hashes_are_noted_where_nobody_has(self, recipe, tmp_path):
        (tmp_path / "source.bin").write_bytes(b"pixels")
        fresh = replace(recipe, inputs=InputRefs(video=VideoRef(path="source.bin")))
        video = Finder(tmp_path).found(fresh).inputs.video
        assert video
        assert video.sha256 == file_hash(tmp_path / "source.bin")

    def test_adapters_are_found_and_compared(self, recipe, tmp_path):
        (tmp_path / "car.safetensors").write_bytes(b"motion")
        tuned = replace(recipe, inputs=InputRefs(), method=EXAMPLES["tune-a-video"])
        found = Finder(tmp_path).found(tuned)
        assert found.method.motion == tmp_path / "car.safetensors"  # pyright: ignore
        assert found.files == {"motion": (file_hash(tmp_path / "car.safetensors"),)}
        told = noted(found, tmp_path / "results" / "a.mp4")
        assert told.method.motion == Path("../car.safetensors")  # pyright: ignore
        (tmp_path / "car.safetensors").write_bytes(b"another")
        with pytest.raises(ValueError, match=r"the adapter of a.mp4: its SHA-256"):
            Finder(tmp_path / "results", "a.mp4").found(told)
        with pytest.raises(ValueError, match="doesn't tell the SHA-256 of the adapter"):
            Finder(tmp_path, "a.mp4").found(tuned)

    def test_noted_paths_move_with_the_result(self, recipe, tmp_path):
        assert seen_from(tmp_path / "results" / "a.mp4", tmp_path / "b.mp4") == "../b.mp4"
        source = VideoRef(path=str(tmp_path / "b.mp4"))
        frames = (KeyFrameRef(at=0, path=str(tmp_path / "results" / "c.png")),)
        inputs = InputRefs(video=source, key_frames=frames)
        told = noted(replace(recipe, inputs=inputs), tmp_path / "results" / "a.mp4").inputs
        assert told.video
        assert (told.video.path, told.key_frames[0].path) == ("../b.mp4", "c.png")

    def test_a_folders_hash_is_of_names_and_contents(self, tmp_path):
        hashes = set()
        for name, content in (("a", b"1"), ("b", b"1"), ("a", b"2")):
            folder = tmp_path / f"{name}{content.decode()}"
            folder.mkdir()
            (folder / name).write_bytes(content)
            hashes.add(file_hash(folder))
        assert len(hashes) == 3
