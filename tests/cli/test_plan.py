def test_it_tells_sizes_and_costs_without_reading_weights(run, film, tiny_folder, monkeypatch):
    monkeypatch.setattr("rescene.backbones.checkpoints.load_part", _only_small_parts())
    line = ("plan", film, "fatezero", "--source", "a car", "--target", "a jeep", "--model", tiny_folder)
    ran = run(*line, "--num-inference-steps", 10, "--size", "128x128")
    assert ran.status == 0, ran.err
    for fact in (
        "4 at 8 fps",
        "128x64",
        "128x128 (128x64 padded)",
        "steps       10",
        "8 of 10 steps look the source up",
        "recompute",
        "ram",
        "disk",
    ):
        assert fact in ran.out


def test_it_tells_how_tokenflow_groups_pivots(run, film, tiny_folder):
    line = ("plan", film, "tokenflow", "--source", "a car", "--target", "a jeep", "--model", tiny_folder)
    ran = run(*line, "--pivot-interval", 1)
    assert ran.status == 0, ran.err
    assert "4 pivots, edited jointly" in ran.out
    for fact in ("pivots", "evaluations", "another edit of the same clip", "weights", "memory", "on disk"):
        assert fact in ran.out
    ran = run(*line, "--pivot-interval", 1, "--joint-pivots", 3)
    assert ran.status == 2
    assert "joint_pivots" in ran.err


def test_a_method_that_needs_an_edited_frame_is_planned_without_one(run, film, svd_folder):
    ran = run("plan", film, "i2vedit", "--model", svd_folder, "--num-inference-steps", 2)
    assert ran.status == 0, ran.err
    for fact in ("4 at 8 fps", "steps       2", "weights", "memory", "clips of up to 4 frames"):
        assert fact in ran.out


def test_a_clip_is_planned_without_a_video(run, tiny_folder):
    line = ("plan", "text2video-zero", "--prompt", "a car", "--num-frames", 3, "--model", tiny_folder)
    ran = run(*line, "--num-inference-steps", 2)
    assert ran.status == 0, ran.err
    assert "weights" in ran.out
    assert "source " not in ran.out


def test_it_finds_mistakes(run, film, tiny_folder):
    line = ("plan", film, "fatezero", "--source", "a car", "--target", "a jeep", "--model", tiny_folder)
    ran = run(*line, "--mask-words", "dog")
    assert ran.status == 2
    assert "'dog' is not in the prompt" in ran.err


def _only_small_parts():
    from rescene.backbones.checkpoints import load_part

    def load(name, part, *rest, **settings):
        assert part in ("tokenizer", "scheduler")
        return load_part(name, part, *rest, **settings)

    return load
