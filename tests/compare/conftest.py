"""A page on which every frame can be told from its grey, in a browser where there is one."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from rescene.compare import Compared, page
from rescene.metrics import evaluate
from rescene.video import Video
from tests.browser import browser

__all__ = ["browser"]

FRAMES, FPS = 16, 8


def greys(low: float, high: float) -> Video:
    """Frames of one grey each, brighter and brighter."""
    levels = torch.linspace(low, high, FRAMES)[:, None, None, None]
    return Video.of(levels.expand(-1, 3, 48, 64).contiguous(), FPS)


@pytest.fixture(scope="session")
def html() -> str:
    source = greys(0.1, 0.8)
    results = []
    for name, video in (("soft", greys(0.15, 0.85)), ("strong", greys(0.3, 0.95))):
        settings = {"method": "fatezero", "fields": {"source": "a car", "target": f"a {name} car"}}
        report = evaluate(source, video)
        results.append(Compared(name=name, video=video, settings=settings, report=report))
    return page(source, results, title="greys.mp4")


@pytest.fixture
def opened(browser: Any, html: str, tmp_path: Path) -> Iterator[Any]:
    """The page in a browser without network; nothing may be complained about or asked for."""
    path, complaints = tmp_path / "page.html", list[str]()
    path.write_text(html, encoding="utf-8")
    context = browser.new_context(viewport={"width": 1000, "height": 800}, offline=True)
    tab = context.new_page()
    tab.on("console", lambda message: complaints.append(message.text))
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("requestfailed", lambda request: complaints.append(request.url))
    tab.goto(path.as_uri())
    yield tab
    context.close()
    assert not complaints
