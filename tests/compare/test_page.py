"""What the page holds, without a browser."""

import base64
import re

import pytest

from rescene.compare import Compared, page
from rescene.compare.page import mp4
from rescene.metrics import evaluate
from rescene.video import Video


def test_everything_is_inside(html):
    assert not re.findall(r"(?:src|href)=[\"'](?!data:,)", html)
    assert not re.findall(r"https?://", html)
    assert html.count("data-mp4=") == 6


def test_it_shows_numbers_prompts_and_settings(html):
    for text in ("PSNR", "↑", "a soft car", "a strong car", "fatezero", "greys.mp4", 'class="best"'):
        assert text in html


def test_settings_of_strangers_are_text(clip):
    evil = "<script>alert(1)</script>"
    result = Compared(name=evil, video=clip, settings={"fields": {"target": evil}, evil: evil})
    text = page(clip, [result], title=evil)
    assert evil not in text
    assert "&lt;script&gt;alert(1)" in text
    assert text.count("<script") == 1


def test_numbers_are_marked_only_where_they_differ(clip):
    result = Compared(name="same", video=clip, report=evaluate(clip, clip))
    assert 'class="best"' not in page(clip, [result, result], title="clip")


def test_videos_are_small_even_sided_and_silent(clip, tmp_path):
    path = tmp_path / "clip.mp4"
    path.write_bytes(base64.b64decode(mp4(clip.resize(901, 1603))))
    video = Video.read(path)
    assert (video.height, video.width, video.audio) == (404, 720, None)
    assert len(video) == len(clip)


def test_a_page_needs_results(clip):
    with pytest.raises(ValueError, match="at least one result"):
        page(clip, [], title="clip")
