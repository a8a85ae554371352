"""What strangers send: each is refused politely, and the app stays up."""

import asyncio
import io
import json
import struct
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import quote

import av
import numpy as np
import pytest

from rescene import Video
from rescene.app.sources import KEEP, Limits, Sources, safe_name


def send(address, data, name):
    """Uploads as the page does; gives the status and the answer."""
    request = urllib.request.Request(f"{address}rescene/sources", data, {"x-name": quote(name)})
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def film(frames, size=(16, 16), **options):
    """An mp4 of grey frames."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as output:
        stream = output.add_stream("libx264", rate=30, options={"preset": "ultrafast", **options})
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        frame = av.VideoFrame.from_ndarray(np.full((size[1], size[0], 3), 90, np.uint8), format="rgb24")
        for number in range(frames):
            frame.pts = number
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return file.getvalue()


def bomb():
    """A GIF of 16000x16000 pixels in forty bytes: 0.8 GB once decoded."""
    screen = struct.pack("<HHBBB", 16000, 16000, 0x80, 0, 0) + bytes(6)
    image = b"," + struct.pack("<HHHHB", 0, 0, 16000, 16000, 0) + b"\x02\x02\x44\x01\x00"
    return b"GIF89a" + screen + image + b";"


PLAYLIST = b"#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"

HOSTILE = {
    "nothing": (b"", "clip.mp4", "is empty"),
    "text": (b"To be, or not to be" * 100, "hamlet.mp4", "no video"),
    "playlist that names another file": (PLAYLIST, "clip.mp4", "no video"),
    "program": (b"#!/bin/sh\nrm -rf /\n", "clip.sh", "isn't a kind of video"),
    "half a video": (film(30)[:700], "clip.mp4", "is refused"),
    "decompression bomb": (bomb(), "clip.gif", "16000x16000"),
    "large frames": (film(1, (4608, 32)), "wide.mp4", "4608x32"),
    "10,000 frames": (film(10_000), "long.mp4", "more than 400 frames"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_it_is_refused_politely_and_the_app_stays_up(address, case):
    data, name, reason = HOSTILE[case]
    status, answer = send(address, data, name)
    assert status == 400
    assert reason in answer["error"]
    assert "/" not in answer["error"].replace("canny/depth", "")
    assert send(address, film(3), "fine.mp4")[0] == 200


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd.mp4",
        "a\nb\x00.mp4",
        "<script>alert(1)</script>.mp4",
        "-rf.mp4",
        "con|cat:x.mp4",
        ".mp4",
        "ä" * 400 + ".mp4",
    ],
)
def test_hostile_names_are_made_harmless(address, name):
    status, answer = send(address, film(2), name)
    assert status == 200
    assert answer["name"].endswith(".mp4") or answer["name"] == "video"
    assert len(answer["name"]) < 80
    assert not set(answer["name"]) & set('/\\<>|:\n\x00"')
    assert not answer["name"].startswith(("-", "."))


def test_a_name_keeps_what_people_know_it_by():
    assert safe_name("C:\\films\\My holiday (2).MOV") == "My holiday (2).MOV"
    assert safe_name("été.mp4") == "été.mp4"


@pytest.fixture
def sources(tmp_path):
    return Sources(tmp_path / "sources", Limits(megabytes=1, frames=10, side=64, seconds=30))


def put(sources, data, name="clip.mp4"):
    path = sources.place_for(name)
    path.write_bytes(data)
    return sources.add(path, name)


def test_uploads_are_private_and_go_when_refused(sources):
    assert sources.folder.stat().st_mode & 0o077 == 0
    with pytest.raises(ValueError, match="more than 10 frames"):
        put(sources, film(11))
    assert not list(sources.folder.iterdir())


def test_uploads_that_nobody_uses_are_deleted(tmp_path):
    used = set[str]()
    sources = Sources(tmp_path / "sources", keep=-1, in_use=lambda: used)
    first, second = put(sources, film(2)), put(sources, film(3))
    used.add(second.id)
    assert not first.path.exists()
    put(sources, film(4))
    assert second.path.exists()
    with pytest.raises(ValueError, match="choose a video first"):
        sources.get(first.id)
    assert KEEP >= 3600


def test_what_the_page_shows_plays_in_browsers(sources):
    source = put(sources, film(6, (32, 16)))
    shown = Video.read(source.playable)
    assert (len(shown), shown.width, shown.height) == (6, 32, 16)
    assert source.facts()["frames"] == 6
    assert sources.strip(source).read_bytes()[:2] == b"\xff\xd8"


@pytest.mark.parametrize("name", ["../secret", "", None, 3, {}])
def test_only_ids_that_were_given_out_name_a_source(sources, name):
    with pytest.raises(ValueError, match="choose a video first"):
        sources.get(name)


def test_too_many_bytes_are_refused_while_they_come_in(sources):
    async def endless():
        while True:
            yield bytes(1 << 18)

    with pytest.raises(ValueError, match="larger than 1 MB"):
        asyncio.run(sources.receive(endless(), "clip.mp4"))
    assert not list(Path(sources.folder).iterdir())
