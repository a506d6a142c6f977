"""What happens to a delivery after a try."""

import random

import pytest

from testfleet.notices.decision import MAX_ATTEMPTS, Accepted, Dead, Failed, Outcome, Retry, Sent, decide


class Least(random.Random):
    def random(self) -> float:
        return 0.0


def decided(outcome: Outcome, *, attempts: int = 1, failures: int = 0) -> object:
    return decide(outcome, attempts=attempts, failures=failures, chance=Least())


def test_an_accepted_notice_is_sent() -> None:
    assert decided(Accepted(), attempts=MAX_ATTEMPTS, failures=9) == Sent()


@pytest.mark.parametrize(("failures", "delay"), [(0, 30), (1, 60), (2, 120), (6, 1920), (7, 3600), (900, 3600)])
def test_the_delay_doubles_up_to_an_hour(failures: int, delay: float) -> None:
    assert decided(Failed("x"), failures=failures) == Retry(delay, "x")


def test_the_delay_is_up_to_a_quarter_longer_at_random() -> None:
    delays = set()
    for seed in range(50):
        decision = decide(Failed("x"), attempts=1, failures=0, chance=random.Random(seed))
        assert isinstance(decision, Retry)
        assert 30 <= decision.delay <= 37.5
        delays.add(decision.delay)
    assert len(delays) > 40


@pytest.mark.parametrize(("wish", "delay"), [(5, 30), (90, 90), (90_000, 3600)])
def test_the_targets_wish_counts_up_to_an_hour(wish: float, delay: float) -> None:
    assert decided(Failed("x", wish)) == Retry(delay, "x")


def test_the_last_try_ends_the_delivery_and_the_target_still_rests() -> None:
    assert decided(Failed("x"), attempts=MAX_ATTEMPTS, failures=19) == Dead("x; given up after 20 tries", 3600)


def test_a_target_that_is_gone_ends_the_delivery_at_once() -> None:
    assert decided(Failed("status 410", final=True)) == Dead("status 410", 0)
