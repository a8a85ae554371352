"""The page's functions for programs, and that they give what the command line gives."""

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
import torch

from rescene import Video
from rescene.demo import CLIP
from rescene.runs.result import read_settings

client_library = pytest.importorskip("gradio_client", reason="pip install 'rescene[dev]'")

PROMPTS = {"source": "a red car on the road", "target": "a green car on the road"}
FIELDS = {**PROMPTS, "num_inference_steps": 2, "mask_words": ["red", "car"]}
TRIM = {"start": 4, "frames": 3}


@pytest.fixture(scope="module")
def client(address, tmp_path_factory):
    return client_library.Client(address, verbose=False, download_files=tmp_path_factory.mktemp("client"))


def call(client, endpoint="/edit", video=CLIP, **more):
    file = client_library.handle_file(str(video))
    given = {"method": "fatezero", "fields": FIELDS, "model": "tiny-sd", "trim": TRIM} | more
    return client.predict(video=file, **given, api_name=endpoint)


def test_a_client_gets_the_frames_that_the_command_line_makes(client, tiny_folder, tmp_path):
    result, settings = call(client)
    options = ("--model", tiny_folder, "--start", 4, "--frames", 3, "--num-inference-steps", 2)
    words = ("--source", PROMPTS["source"], "--target", PROMPTS["target"], "--mask-words", "red", "car")
    line = ["edit", CLIP, tmp_path / "out.mp4", "fatezero", *options, *words]
    program = "from rescene.cli import main; raise SystemExit(main())"
    # In a process like the page's: sums depend on the number of threads in the last digits.
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", program, *map(str, line)]
    subprocess.run(command, check=True, capture_output=True, env=environment)
    assert torch.equal(Video.read(result).frames, Video.read(tmp_path / "out.mp4").frames)

    theirs, ours = (json.loads(read_settings(Path(path))) for path in (settings, tmp_path / "out.mp4"))
    assert theirs["fields"] == ours["fields"]
    assert theirs["model"]["fingerprint"] == ours["model"]["fingerprint"]
    assert theirs["inputs"]["video"]["sha256"] == ours["inputs"]["video"]["sha256"]


def test_settings_tell_nothing_about_the_machine(client, tiny_folder):
    result, settings = call(client)
    for text in (Path(settings).read_text(), read_settings(Path(result))):
        assert str(tiny_folder.parent) not in text
        assert json.loads(text)["inputs"]["video"]["path"] == CLIP.name
        assert json.loads(text)["model"]["name"] == "tiny-sd"


def test_a_plan_comes_without_computing(client):
    assert "3 frames at 64 × 64" in call(client, "/plan")


def test_clips_are_generated(client):
    fields = {"prompt": "a red car", "num_frames": 2, "num_inference_steps": 2, "t0": 0.2, "t1": 0.6}
    given = {"method": "text2video-zero", "fields": fields, "model": "tiny-sd"}
    result, settings = client.predict(**given, api_name="/generate")
    assert len(Video.read(result)) == 2
    assert json.loads(Path(settings).read_text())["fields"]["prompt"] == "a red car"


def test_methods_are_listed_with_their_help(client):
    found = client.predict(api_name="/methods")
    assert found["fatezero"]["self_replace"]["default"] == 0.8
    assert found["fatezero"]["source"]["required"]
    assert "layout and motion" in found["fatezero"]["self_replace"]["help"]


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"method": "magic"}, "no method 'magic'"),
        ({"model": "/etc/passwd"}, "no model 'passwd'"),
        ({"fields": {**FIELDS, "target": ""}}, "target prompt is empty"),
        ({"fields": {**FIELDS, "sefl_replace": 1}}, "did you mean 'self_replace'"),
        ({"fields": {**FIELDS, "motion": "/etc/passwd"}}, "learnt here"),
        ({"trim": {"start": 99}}, "beyond the end"),
        ({"trim": {"begin": 1}}, "unknown 'begin'"),
    ],
)
def test_mistakes_are_told(client, more, reason):
    with pytest.raises(client_library.exceptions.AppError, match=reason):
        call(client, **more)


def test_a_path_of_the_servers_machine_isnt_taken_for_an_upload(address, tiny_folder, tmp_path):
    """As somebody would ask who doesn't use the client, which uploads what it is given."""
    secret = tmp_path / "secret.mp4"
    secret.write_bytes(CLIP.read_bytes())
    file = {"path": str(secret), "meta": {"_type": "gradio.FileData"}}
    body = json.dumps({"data": [file, "fatezero", FIELDS, "tiny-sd", TRIM]}).encode()
    request = urllib.request.Request(
        f"{address}gradio_api/call/plan", body, {"content-type": "application/json"}
    )
    event = json.load(urllib.request.urlopen(request, timeout=60))["event_id"]
    with urllib.request.urlopen(f"{address}gradio_api/call/plan/{event}", timeout=60) as answer:
        text = answer.read().decode()
    assert "event: error" in text
    assert "frames" not in text
