"""What events and the scheduler's logs say of attempts."""

import pytest

from bench.cluster import history


def started(number, mark=None, raw=""):
    events = [{"event": "started", "attempt": number, "kind": "train", "raw": str(raw)}]
    return events + ([{"event": "mark", "attempt": number, "mark": mark}] if mark is not None else [])


def lost(number, why="killed"):
    return [{"event": "lost", "attempt": number, "why": why}]


def test_a_submission_begins_a_new_count_but_numbers_go_on():
    events = [{"event": "submitted"}, *started(1, "0"), *lost(1), {"event": "submitted"}, *started(2, "0")]
    assert [attempt.number for attempt in history.attempts(events)] == [2]
    assert history.count(events) == 2


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("slurmstepd: error: *** STEP 7.0 CANCELLED AT 2026 DUE TO TIME LIMIT ***", "time limit"),
        ("slurmstepd: error: *** JOB 7 ON n1 CANCELLED AT 2026 DUE TO NODE FAILURE ***", "node lost"),
        ("slurmstepd: error: *** JOB 7 CANCELLED AT 2026 DUE TO PREEMPTION ***", "preempted"),
        ("slurmstepd: error: Step 7.0 exceeded memory limit (3 > 2), being killed", "out of memory"),
        ("slurmstepd: error: Detected 1 oom-kill event(s) in StepId=7.0", "out of memory"),
        ("slurmstepd: error: *** STEP 7.0 CANCELLED AT 2026 ***", "cancelled externally"),
        ("OSError: [Errno 28] No space left on device: '/scratch'", "disk full"),
        ("", "ended without a message (killed, or its node was lost)"),
    ],
)
def test_the_schedulers_log_says_why_an_attempt_was_lost(tmp_path, said, why):
    raw = tmp_path / "7_0_log.out"
    earlier = f"{history.heading('t', 1)}\nslurmstepd: error: DUE TO TIME LIMIT\n"
    raw.write_text(f"{earlier}{history.heading('t', 2)}\n{said}\n{history.heading('t', 3)}\nout of memory\n")
    attempt = history.attempts(started(2, "0", raw))[0]
    assert history.why_lost("t", attempt) == why


def test_attempts_that_die_at_the_same_place_are_given_up():
    events = [*started(1, "0"), *lost(1), *started(2), *lost(2)]
    assert history.hopeless(history.attempts(events), "0") == ""
    events += [*started(3, "0"), *lost(3)]
    assert "3 attempts in a row" in history.hopeless(history.attempts(events), "0")
    assert history.hopeless(history.attempts(events), "step-00-000000007 0") == ""


def test_progress_or_a_clean_end_between_them_gives_new_hope():
    events = [*started(1, "0"), *lost(1), *started(2, "0"), {"event": "stopped", "attempt": 2}]
    events += [*started(3, "0"), *lost(3), *started(4, "0"), *lost(4)]
    assert history.hopeless(history.attempts(events), "0") == ""


def test_out_of_memory_is_not_tried_again():
    events = [*started(1, "0"), *lost(1, history.OUT_OF_MEMORY)]
    assert "memory_gb" in history.hopeless(history.attempts(events), "0")


def test_a_run_that_others_put_out_again_and_again_is_not_given_up():
    events = [event for n in range(1, 9) for event in (*started(n, "0"), *lost(n, history.FROM_OUTSIDE[n % 3]))]
    assert history.hopeless(history.attempts(events), "0") == ""
    events = [*started(9, "0"), *lost(9), *started(10, "0"), *lost(10), *events, *started(11, "0"), *lost(11)]
    assert "3 attempts in a row" in history.hopeless(history.attempts(events), "0")
    events = [event for n in range(1, 4) for event in (*started(n, "0"), *lost(n, "time limit"))]
    assert "3 attempts in a row" in history.hopeless(history.attempts(events), "0")
