"""Who is let in where a password is asked."""

import re

import pytest

pytest.importorskip("gradio", reason="pip install 'rescene[app]'")

from starlette.applications import Starlette
from starlette.testclient import TestClient

from rescene.app import login as login_module
from rescene.app.login import Login
from rescene.app.routes import routes
from rescene.app.workshop import Workshop
from tests.app.conftest import running

RIGHT = {"username": "ada", "password": "a:secret"}


@pytest.fixture
def login(monkeypatch):
    monkeypatch.setattr(login_module, "PAUSE", 0)
    return Login(RIGHT["username"], RIGHT["password"])


@pytest.fixture
def app(tmp_path, login):
    shop = Workshop(tmp_path / "out", tmp_path / "private")
    yield Starlette(routes=routes(shop, login))
    shop.close()


def ways_in(app):
    """Each route with each of its methods, as a request."""
    for route in app.routes:
        path = re.sub(r"{\w+}", "x", route.path)
        yield from ((method, path) for method in route.methods if path != "/login")


def test_nobody_comes_in_anywhere_without_the_password(app):
    client, tried = TestClient(app, cookies={"rescene-0": "guessed"}), list(ways_in(app))
    assert len(tried) >= 5
    for method, path in tried:
        answer = client.request(method, path)
        assert answer.status_code == 401, f"{method} {path}"


def test_whoever_has_the_password_comes_in_everywhere(app):
    client = TestClient(app)
    assert client.post("/login", data=RIGHT).status_code == 200
    for method, path in ways_in(app):
        assert client.request(method, path).status_code in (400, 404), f"{method} {path}"


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"username": "ada"},
        {**RIGHT, "password": "secret"},
        {**RIGHT, "username": "Ada"},
        {**RIGHT, "password": "\ud7ff" * 9},
        {**RIGHT, "more": "x" * 5000},
    ],
)
def test_a_wrong_password_opens_nothing(app, wrong):
    client = TestClient(app)
    assert client.post("/login", data=wrong).status_code == 401
    assert not client.cookies
    assert client.get("/rescene/jobs/x").status_code == 401


def test_a_form_of_another_site_is_refused(app):
    client = TestClient(app)
    assert client.post("/login", data=RIGHT, headers={"origin": "http://evil.example"}).status_code == 403
    assert client.post("/login", data=RIGHT).status_code == 200
    asked = client.post("/rescene/jobs/x/cancel", headers={"origin": "http://evil.example"})
    assert asked.status_code == 403


def test_the_cookie_is_hidden_from_scripts_and_secure_behind_https(app):
    cookie = TestClient(app).post("/login", data=RIGHT).headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "secure" not in cookie
    behind = TestClient(app).post("/login", data=RIGHT, headers={"x-forwarded-proto": "https"})
    assert "secure" in behind.headers["set-cookie"].lower()


def test_a_password_doesnt_show_in_logs(login):
    assert "secret" not in repr(login)


@pytest.mark.browser
def test_people_and_programs_log_in_to_the_whole_page(browser, tmp_path):
    client_library = pytest.importorskip("gradio_client")
    with running("--port", "0", "--auth", "ada:a:secret", cache=tmp_path) as address:
        with pytest.raises(client_library.exceptions.AuthenticationError):
            client_library.Client(address, auth=("ada", "wrong"), verbose=False)
        client = client_library.Client(address, auth=tuple(RIGHT.values()), verbose=False)
        assert "fatezero" in client.predict(api_name="/methods")

        tab = browser.new_context().new_page()
        for password in ("wrong", RIGHT["password"]):
            tab.goto(address)
            assert not tab.locator(".rs-example").count()
            tab.get_by_label("Name").fill("ada")
            tab.get_by_label("Password").fill(password)
            tab.get_by_role("button", name="Log in").click()
            if password == "wrong":
                tab.get_by_text("don't fit").wait_for()
        tab.locator(".rs-example").first.wait_for()
        tab.locator("[data-example=colour]").click()
        tab.locator(".rs-strip").wait_for()
