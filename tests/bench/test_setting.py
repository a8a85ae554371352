"""Settings fill methods with what rows say."""

from dataclasses import replace
from pathlib import Path

import pytest

from rescene import FateZero, OneShot, TokenFlow
from rescene.bench import FileRow, read_settings, settings_of, world_settings
from rescene.bench.baselines import Nothing
from rescene.bench.setting import KNOWN, parse
from rescene.methods import Text2VideoZeroRedraw

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
ROW = FileRow(
    name="row",
    clip=Path("a.mp4"),
    source="a red car",
    target="a blue car",
    kind="colour",
    subject=("red", "car"),
)


def test_prompts_come_from_the_row_and_values_from_the_setting():
    (setting,) = parse("- {method: tokenflow, strength: 0.5}", name="x")
    edit = setting.edit(ROW)
    assert isinstance(edit, TokenFlow)
    assert (edit.source, edit.target, edit.strength) == ("a red car", "a blue car", 0.5)


def test_kinds_have_values_of_their_own_and_words_are_the_rows():
    text = (
        "- {method: fatezero, self_replace: 0.3, style: {self_replace: 0.9}, "
        "colour: {mask_words: subject, target_mask_words: new}}"
    )
    (setting,) = parse(text, name="x")
    edit = setting.edit(ROW)
    assert isinstance(edit, FateZero)
    assert (edit.mask_words, edit.self_replace) == (("red", "car"), 0.3)
    assert edit.target_mask_words == ("blue",)


def test_a_tuning_learns_the_rows_clip_and_may_hold_for_one_kind():
    text = (
        "- {name: a, method: fatezero, tune: {steps: 9, variant: fatezero}}\n"
        "- {name: b, method: fatezero, object: {tune: {steps: 9}}}"
    )
    every, objects = parse(text, name="x")
    assert every.tuning(ROW) == OneShot(prompt="a red car", steps=9, variant="fatezero")
    edit = every.edit(ROW, Path("a.safetensors"))
    assert isinstance(edit, FateZero)
    assert edit.motion == Path("a.safetensors")
    assert objects.tuning(ROW) is None
    assert objects.tuning(replace(ROW, kind="object")) == OneShot(prompt="a red car", steps=9)
    (classes,) = parse("- {method: fatezero, tune: {class_prompt: target, class_images: 2}}", name="x")
    assert classes.tuning(ROW) == OneShot(prompt="a red car", class_prompt="a blue car", class_images=2)


@pytest.mark.parametrize("file", sorted(BENCHMARKS.glob("*.yaml")), ids=lambda file: file.stem)
def test_the_benchmarks_own_files_are_settings(file: Path):
    for setting in read_settings(file):
        setting.edit(ROW, Path("a.safetensors"))
        setting.tuning(ROW)


def test_what_is_tuned_in_the_benchmark_is_the_worlds_own_setting_for_objects():
    *_, masked, tuned = read_settings(BENCHMARKS / "one_shot.yaml")
    (world,) = [each for each in world_settings() if each.name == "fatezero"]
    swap, motion = replace(ROW, kind="object"), Path("a.safetensors")
    edit = world.edit(swap)
    assert isinstance(edit, FateZero)
    assert masked.edit(swap) == edit
    assert tuned.edit(swap, motion) == replace(edit, motion=motion)


def test_a_method_with_one_prompt_gets_the_target():
    (setting,) = settings_of(["text2video-zero"])
    edit = setting.edit(ROW)
    assert isinstance(edit, Text2VideoZeroRedraw)
    assert edit.prompt == "a blue car"


def test_the_shipped_settings_begin_with_the_baselines_and_are_valid():
    settings = world_settings()
    assert [setting.name for setting in settings[:4]] == ["nothing", "sdedit", "ddim", "fatezero"]
    assert isinstance(settings[0].edit(ROW), Nothing)
    for setting in settings:
        assert isinstance(setting.edit(ROW), KNOWN[setting.method])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("method: fatezero", "must be a list"),
        ("- {method: fatezer}", "did you mean 'fatezero'"),
        ("- fatezero", "did you mean 'fatezero'"),
        ("- {method: fatezero, self_replac: 0.5}", "did you mean 'self_replace'"),
        ("- {method: fatezero, colour: {self_replac: 0.5}}", "did you mean 'self_replace'"),
        ("- {method: ddim}\n- {method: ddim}", "two settings named 'ddim'"),
        ("- {method: ddim, name: ../x}", "also names a folder"),
        ("- {", "no YAML"),
        ("- {method: ddim, tune: {steps: 9}}", "unknown 'tune'"),
        ("- {method: fatezero, tune: {step: 9}}", "did you mean 'steps'"),
        ("- {method: fatezero, object: {tune: {step: 9}}}", "did you mean 'steps'"),
        ("- {method: fatezero, tune: 9}", "fields of one-shot tuning"),
    ],
)
def test_mistakes_are_named(text, said):
    with pytest.raises(ValueError, match=said):
        parse(text, name="file")


def test_unknown_methods_and_missing_files_are_refused(tmp_path):
    with pytest.raises(ValueError, match="did you mean 'fatezero'"):
        settings_of(["fatezer"])
    with pytest.raises(FileNotFoundError, match=r"none\.yaml"):
        read_settings(tmp_path / "none.yaml")
