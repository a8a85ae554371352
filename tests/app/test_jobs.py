import threading

import pytest

from rescene.app.jobs import MOST_WAITING, Job, Jobs, Outcome


@pytest.fixture
def jobs():
    made = Jobs()
    yield made
    made.stop()


def job(work, lane="mini"):
    return Job(title="a job", lane=lane, work=work)


@pytest.fixture
def gate():
    """Holds jobs until it is opened."""
    opened = threading.Event()
    yield opened
    opened.set()


def held(gate, log, name, lane="mini"):
    def work(job):
        log.append(f"{name} begins")
        for _ in job.progress(range(2), description="Working", total=2):
            gate.wait(10)
        log.append(f"{name} ends")
        return Outcome(files={})

    return job(work, lane)


def wait_until(claim):
    """Waits for another thread, a little at a time."""
    pause = threading.Event()
    for _ in range(2000):
        if claim():
            return
        pause.wait(0.005)
    raise AssertionError("waited in vain")


def test_one_job_at_a_time_for_each_model_in_the_order_in_which_they_came(jobs, gate):
    log = []
    first, second, third = (jobs.submit(held(gate, log, name)) for name in "abc")
    wait_until(lambda: log)
    assert [jobs.place(each) for each in (first, second, third)] == [0, 1, 2]
    assert log == ["a begins"]
    gate.set()
    assert third.ended.wait(10)
    assert log == [f"{name} {what}" for name in "abc" for what in ("begins", "ends")]


def test_other_models_dont_wait(jobs, gate):
    log = []
    jobs.submit(held(gate, log, "a", "mini"))
    jobs.submit(held(gate, log, "b", "sd15"))
    wait_until(lambda: len(log) == 2)
    assert jobs.busy("mini")
    assert jobs.busy("sd15")


def test_a_cancelled_job_ends_at_its_next_step_and_frees_the_model(jobs, gate):
    log = []
    first, second = jobs.submit(held(gate, log, "a")), jobs.submit(held(gate, log, "b"))
    wait_until(lambda: log)
    jobs.cancel(first)
    assert first.stopping
    gate.set()
    assert second.ended.wait(10)
    assert (first.state, second.state) == ("cancelled", "done")
    assert "a ends" not in log


def test_a_job_that_waits_is_cancelled_at_once(jobs, gate):
    log = []
    jobs.submit(held(gate, log, "a"))
    waiting, last = jobs.submit(held(gate, log, "b")), jobs.submit(held(gate, log, "c"))
    jobs.cancel(waiting)
    assert waiting.ended.is_set()
    assert jobs.place(last) == 1
    gate.set()
    assert last.ended.wait(10)
    assert "b begins" not in log


def test_what_goes_wrong_is_told_and_the_queue_goes_on(jobs, caplog):
    def fail(job):
        raise KeyError("a bug")

    failed, after = jobs.submit(job(fail)), jobs.submit(job(lambda job: Outcome(files={})))
    assert after.ended.wait(10)
    assert failed.ended.is_set()
    assert (failed.state, after.state) == ("failed", "done")
    assert "went wrong inside" in failed.error
    assert "a bug" in caplog.text


def test_the_time_left_is_that_of_the_stage_or_what_was_expected(jobs, gate):
    seen = []

    def work(job):
        for _ in job.progress(range(4), description="Working", total=4):
            seen.append((job.step, job.seconds_left()))
        return Outcome(files={})

    made = job(work)
    made.expected = 1000.0
    jobs.submit(made).ended.wait(10)
    assert [step for step, _ in seen] == [1, 2, 3, 4]
    assert all(990 < left <= 1000 for _, left in seen)
    assert made.seconds_left() is None


def test_previews_are_made_of_what_passes_by(jobs):
    def work(job):
        job.look = lambda item: f"picture {item}" if item != 1 else None
        for item in job.progress(range(3), description="Working", total=3):
            assert job.preview == ("picture 0" if item < 2 else "picture 2")
        return Outcome(files={})

    made = jobs.submit(job(work))
    assert made.ended.wait(10)
    assert made.error == ""


def test_a_full_queue_refuses_politely(jobs, gate):
    for _ in range(MOST_WAITING + 1):
        jobs.submit(held(gate, [], "a"))
        wait_until(lambda: jobs.busy("mini"))
    with pytest.raises(ValueError, match="try again later"):
        jobs.submit(held(gate, [], "b"))
