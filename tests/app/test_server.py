"""How the app starts, and whom it lets in."""

import json
import os
import signal
import urllib.error
import urllib.request

import pytest

from rescene.app import AppOptions
from rescene.demo import CLIP
from tests.app.conftest import running, starting
from tests.app.test_uploads import send


def get(url):
    """The status and the text of an answer."""
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"listen": True}, "--auth"),
        ({"share": True}, "--auth"),
        ({"auth": "ada"}, "USER:PASSWORD"),
        ({"auth": ":secret"}, "USER:PASSWORD"),
        ({"port": 70_000}, "--port"),
    ],
)
def test_letting_others_in_has_to_be_said(options, reason):
    with pytest.raises(ValueError, match=reason):
        AppOptions(**options)


def test_a_login_may_hold_colons():
    assert AppOptions(auth="ada:a:b").credentials == ("ada", "a:b")
    assert AppOptions(auth="none", listen=True).credentials is None


def test_it_answers_on_this_machine_alone(address):
    assert address.startswith("http://127.0.0.1:")
    assert get(address)[0] == 200


def test_no_path_of_the_machine_is_on_the_page(address, tiny_folder, results):
    _, text = get(f"{address}config")
    assert "tiny-sd" in text
    assert str(tiny_folder.parent) not in text
    assert str(results) not in text


@pytest.mark.parametrize(
    "path", ["rescene/jobs/unknown", "rescene/jobs/unknown/result", "rescene/jobs/..%2f..%2fetc/passwd"]
)
def test_what_isnt_known_is_a_polite_404(address, path):
    status, text = get(address + path)
    assert status == 404
    assert "/" not in json.loads(text).get("error", json.loads(text).get("detail", ""))


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_uploads_are_deleted_when_it_ends(tmp_path, monkeypatch, end):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with starting("--port", "0", "--output", str(tmp_path / "out"), cache=tmp_path / "cache") as (
        url,
        process,
    ):
        assert send(url, CLIP.read_bytes(), "car.mp4")[0] == 200
        (private,) = tmp_path.glob("rescene-*")
        assert private.stat().st_mode & 0o077 == 0
        os.kill(process.pid, end)
        process.wait(60)
    assert not private.exists()


def test_it_asks_for_the_password_and_writes_nothing_when_it_starts(tmp_path):
    options = ("--port", "0", "--output", str(tmp_path / "out"), "--auth", "ada:secret")
    with running(*options, cache=tmp_path / "cache") as url:
        assert get(url)[0] == 401
        assert get(f"{url}config")[0] == 401
        assert get(f"{url}rescene/jobs/unknown") == (401, '{"error":"log in first"}')
    assert not (tmp_path / "out").exists()
