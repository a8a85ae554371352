"""The benchmark on the rendered world: what it is made of, and that the truth wins it."""

from collections import Counter
from pathlib import Path

import pytest
import torch

from rescene import Video
from rescene.bench import WorldRow, world_rows
from rescene.metrics import Report, Tools


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[WorldRow]:
    return world_rows(tmp_path_factory.mktemp("clips"))


def first(rows: list[WorldRow], kind: str) -> WorldRow:
    return next(row for row in rows if row.kind == kind)


def judged(row: WorldRow, result: Video) -> Report:
    return row.measure(Video.read(row.clip), result, Tools(), ())


def test_there_are_48_held_out_scenes_of_four_kinds_half_of_them_with_a_moving_camera(rows):
    assert Counter(row.kind for row in rows) == {"colour": 16, "object": 16, "background": 8, "style": 8}
    for kind in ("colour", "object", "background", "style"):
        pans = [bool(row.before.motion.pan) for row in rows if row.kind == kind]
        assert sum(pans) == len(pans) / 2
    assert len({row.before.seed for row in rows}) == len({row.name for row in rows}) == 48
    assert max(row.before.seed for row in rows) < 1_000_000


def test_they_are_always_the_same(rows):
    assert world_rows(Path("elsewhere"))[47].target == rows[47].target
    assert rows[0].name == "colour-00-horse-purple-to-black"


def test_longer_clips_show_the_same_path_in_smaller_steps(rows, tmp_path):
    short, long = rows[0], world_rows(tmp_path, 15)[0]
    assert (len(short.truth()), len(long.truth())) == (8, 15)
    assert torch.equal(short.truth().frames, long.truth().frames[::2])
    assert short.name != long.name
    assert judged(long, long.truth())["success"] == 1


def test_one_word_changes(rows):
    for row in rows:
        changed = [
            name
            for name in ("object", "colour", "background", "style")
            if getattr(row.before, name) != getattr(row.after, name)
        ]
        assert changed == [row.kind]
        assert set(row.subject) <= set(row.source.split())


@pytest.mark.parametrize("kind", ["colour", "object", "background", "style"])
def test_the_truth_differs_from_the_source_only_where_the_mask_says(rows, kind):
    row = first(rows, kind)
    source, truth, changed = Video.read(row.clip).frames, row.truth().frames, row.changed()
    difference = (source - truth).abs().amax(1, keepdim=True)
    assert difference[changed].mean() > 0.05
    if kind == "style":
        assert changed.all()
    else:
        assert difference[~changed].max() < 0.03


@pytest.mark.parametrize("kind", ["colour", "object", "background", "style"])
def test_the_truth_succeeds_and_the_source_does_not(rows, kind):
    row = first(rows, kind)
    best, nothing = judged(row, row.truth()), judged(row, Video.read(row.clip))
    assert best["success"] == best["success_closer"] == best["success_word"] == 1
    assert best["psnr_inside"] > 50 > 25 > nothing["psnr_inside"]
    assert best["warp_error"] < 1.5
    assert nothing["success"] == nothing["success_closer"] == 0
    assert nothing["warp_error"] < 1.5  # Steadiness doesn't ask whether the edit came about.


def test_flicker_and_a_spoilt_background_cost(rows):
    row = first(rows, "colour")
    truth = row.truth().frames
    flickering = (truth + 0.2 * torch.tensor([1.0, -1.0]).repeat(4)[:, None, None, None]).clamp(0, 1)
    best, worse = judged(row, row.truth()), judged(row, Video.of(flickering, 8))
    assert worse["warp_error"] > 10 * best["warp_error"]
    assert worse["psnr_outside"] < 20 < best["psnr_outside"]


def test_numbers_say_that_they_are_to_the_truth(rows):
    report = judged(first(rows, "object"), first(rows, "object").truth())
    titles = {score.key: score.title for score in report.scores}
    assert titles["psnr_inside"] == "PSNR to the truth, inside"
    assert next(score for score in report.scores if score.key == "warp_error").how.startswith(
        "source's flow by exact"
    )
