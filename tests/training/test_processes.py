"""Several processes that train together, as `accelerate launch` and `torchrun` start them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import json, sys
from contextlib import contextmanager
import torch
from rescene.training import TrainingFolder, TrainingSettings, train
from rescene.training.processes import processes
from pathlib import Path

weight = torch.nn.Parameter(torch.zeros(3))
own = processes().process_index

@contextmanager
def objective(draw):
    wanted = torch.randn(3, generator=draw)
    seen.append(wanted.tolist())
    yield (weight - wanted).square().sum()

seen = []
folder = TrainingFolder(path=Path(sys.argv[1]) / "run", config={})
losses = train({"w": weight}, {"a": objective}, TrainingSettings(steps=2, learning_rate=0.1), folder=folder)
state = {"weight": weight.tolist(), "seen": seen, "losses": [loss.loss for loss in losses]}
(Path(sys.argv[1]) / f"{own}.json").write_text(json.dumps(state))
"""


@pytest.mark.timeout(600)
def test_processes_draw_their_own_noise_and_end_with_the_same_weights(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    launch = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, *launch, tmp_path / "script.py", tmp_path]
    subprocess.run(command, check=True, env=environment)
    first, second = (json.loads((tmp_path / f"{index}.json").read_text()) for index in range(2))
    assert first["weight"] == second["weight"]
    assert first["losses"] == second["losses"]
    assert first["seen"] != second["seen"]
    # At weights of zero, the loss is the mean of what both drew.
    alone = [sum(value**2 for value in each["seen"][0]) for each in (first, second)]
    assert first["losses"][0] == pytest.approx(sum(alone) / 2)
    assert (tmp_path / "run" / "checkpoint.safetensors").is_file()
