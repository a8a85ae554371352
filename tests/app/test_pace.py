import pytest
import torch

from rescene.app.pace import Pace, Workload, guessed, speed, spoken
from rescene.backbones import outline
from rescene.backbones.operations import operations


def work(evaluations=10, **more):
    return Workload(
        **{"method": "fatezero", "model": "mini", "evaluations": evaluations, "size": (64, 64)} | more
    )


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "1 s"), (59, "59 s"), (80, "1 min 20 s"), (660, "11 min"), (7500, "2 h 5 min")],
)
def test_times_are_spoken(seconds, text):
    assert spoken(seconds) == text


def test_the_pace_is_that_of_the_last_job_like_it():
    pace = Pace()
    assert pace.expected(work()) is None
    pace.learn(work(), 20.0)
    assert pace.expected(work(5)) == pytest.approx(10)
    assert pace.expected(work(size=(128, 64))) == pytest.approx(40)
    assert pace.expected(work(method="tokenflow")) is None


def test_a_first_guess_grows_with_the_work(tiny_folder):
    shape, cpu = outline(tiny_folder, dtype=torch.float32), torch.device("cpu")
    one, ten = (guessed(work(count), shape, cpu) for count in (1, 10))
    assert one is not None
    assert ten is not None
    assert 0 < 9.9 * one < ten
    assert operations(shape, (128, 64)) > 1.9 * operations(shape, (64, 64))
    assert speed(cpu, torch.float32) > 1e8


def test_a_model_with_weights_isnt_run_for_a_guess(loaded):
    assert guessed(work(), loaded, torch.device("cpu")) is None
