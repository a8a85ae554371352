"""What stands before all routes: whose requests may write, and how much."""

import gc
import weakref

import pytest

pytest.importorskip("starlette", reason="pip install 'rescene[app]'")

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from rescene.app import login as login_module
from rescene.app.guard import Guard, host_name
from rescene.app.jobs import Job, Jobs, Outcome
from rescene.app.login import Login

HERE = {"host": "127.0.0.1:7860"}


@pytest.fixture
def client(tmp_path):
    async def answer(request):
        return PlainTextResponse("in")

    async def socket(websocket):
        await websocket.accept()
        await websocket.close()

    routes = [Route("/{path:path}", answer, methods=["GET", "POST", "PUT"]), WebSocketRoute("/ws", socket)]
    guard = Middleware(Guard, is_local=True, folder=tmp_path, most_bytes=1000)
    return TestClient(Starlette(routes=routes, middleware=[guard]))


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:7860", "localhost:1", "LOCALHOST", "[::1]:80", "[::1]"]
)
def test_this_machine_is_let_in(client, host):
    assert client.get("/config", headers={"host": host}).text == "in"


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:7860", "192.168.1.2:7860", ""]
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
def test_other_names_are_refused(client, host, method):
    answer = client.request(method, "/config", headers={"host": host, "origin": f"http://{host}"})
    assert answer.status_code == 403
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/ws", headers={"host": host}):
        pass


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://localhost:7860", "http://127.0.0.1:1"]
)
@pytest.mark.parametrize("path", ["/queue/join", "/run/predict", "/upload", "/rescene/jobs/x/cancel"])
def test_forms_of_other_sites_are_refused(client, origin, path):
    assert client.post(path, headers=HERE | {"origin": origin}).status_code == 403
    assert client.post(path, headers=HERE | {"sec-fetch-site": "cross-site"}).status_code == 403
    assert client.get(path, headers=HERE | {"origin": origin}).status_code == 200


def test_the_page_itself_and_programs_may_write(client):
    own = {"origin": "http://127.0.0.1:7860", "sec-fetch-site": "same-origin"}
    assert client.post("/queue/join", headers=HERE | own).text == "in"
    assert client.post("/queue/join", headers=HERE).text == "in"


@pytest.mark.parametrize("path", ["/gradio_api/upload", "/rescene/sources"])
def test_uploads_are_bounded_together(client, tmp_path, path):
    assert client.post(path, headers=HERE, content=bytes(900)).status_code == 200
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "video.mp4").write_bytes(bytes(600))
    assert client.post(path, headers=HERE, content=bytes(300)).status_code == 200
    full = client.post(path, headers=HERE, content=bytes(900))
    assert full.status_code == 413 and "no room for more" in full.json()["error"]
    unknown = client.post(path, headers=HERE, content=iter([bytes(10)]))
    assert unknown.status_code == 411


def test_ports_are_no_part_of_a_name():
    assert [host_name(host) for host in ("A:1", "a", "[::1]:1", "[::1]")] == ["a", "a", "[::1]", "[::1]"]


@pytest.fixture
def login(monkeypatch):
    monkeypatch.setattr(login_module, "PAUSE", 0)
    now = [1000.0]
    made = Login("ada", "secret", clock=lambda: now[0])
    return made, now, TestClient(Starlette(routes=[made.way_out(), *made.routes()]))


def enter(client, password="secret"):
    return client.post("/login", data={"username": "ada", "password": password}).status_code


def test_a_login_ends_when_somebody_leaves(login):
    made, _, client = login
    assert enter(client) == 200
    kept = dict(client.cookies)
    assert client.get("/logout", follow_redirects=False).status_code == 303
    assert not client.cookies and not made._sessions
    assert kept


def test_a_login_ends_after_some_days(login):
    made, now, client = login
    enter(client)
    cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    request = Request({"type": "http", "headers": [(b"cookie", cookie.encode())]})
    assert made.who(request) == "ada"
    now[0] += login_module.LASTS + 1
    assert made.who(request) is None


def test_tries_are_slowed_down(login):
    _, now, client = login
    assert [enter(client, "wrong") for _ in range(5)] == [401] * 5
    assert enter(client) == 429
    now[0] += 2
    assert enter(client, "wrong") == 401
    assert enter(client) == 429
    now[0] += login_module.LONGEST_WAIT
    assert enter(client) == 200
    assert enter(client, "wrong") == 401


def test_what_is_remembered_of_strangers_is_bounded(login, monkeypatch):
    made, _, _ = login
    monkeypatch.setattr(login_module, "MOST_ADDRESSES", 10)
    for number in range(50):
        made._note_wrong(f"10.0.0.{number}", 1)
    assert len(made._wrong) == 10


class Frames:
    """Something large."""


def test_jobs_that_have_ended_keep_nothing_of_what_they_worked_on(monkeypatch):
    monkeypatch.setattr("rescene.app.jobs.told", str)  # The log would keep the traceback.
    jobs, alive = Jobs(), []

    def work_on(frames, fails):
        def work(job):
            assert frames
            if fails:
                raise ValueError("wrong")
            return Outcome(files={})

        return work

    for fails in (False, True):
        frames = Frames()
        alive.append(weakref.ref(frames))
        jobs.submit(Job(title="a", lane="a", work=work_on(frames, fails))).ended.wait()
        del frames
    frames = Frames()
    alive.append(weakref.ref(frames))
    job = Job(title="a", lane="b", work=work_on(frames, False))
    del frames
    job.end("cancelled")
    jobs.stop()
    gc.collect()
    assert [each() for each in alive] == [None, None, None]
