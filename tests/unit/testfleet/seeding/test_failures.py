"""The generated failures are those that the reporter would store."""

from reporter.junit.failure import Failure as Stored
from reporter.junit.location import Origin
from reporter.junit.names import bounded, case_name
from testfleet.seeding.generate import History
from testfleet.seeding.values import CaseSpec, Failure


def failures(history: History) -> list[tuple[CaseSpec, Failure, Stored]]:
    found = []
    for run in history.runs:
        for case in run.cases:
            for one in case.tries:
                if one.failure:
                    origin = Origin(file=case.spec.file)
                    stored = Stored.of(one.failure.error_type, one.failure.message, one.failure.error, origin=origin)
                    found.append((case.spec, one.failure, stored))
    return found


def test_the_reporter_reads_the_same_text_type_and_message(history: History) -> None:
    for _, made, stored in failures(history):
        assert (stored.text, stored.type, stored.message) == (made.error, made.error_type, made.message)


def test_the_reporter_finds_the_same_location(history: History) -> None:
    for _, made, stored in failures(history):
        assert stored.location == made.location


def test_failures_share_a_fingerprint_where_the_reporter_gives_them_one(history: History) -> None:
    pairs = {(made.fingerprint, stored.fingerprint) for _, made, stored in failures(history)}
    assert len(pairs) > 20
    assert len({made for made, _ in pairs}) == len(pairs)
    assert len({stored for _, stored in pairs}) == len(pairs)


def test_names_are_unique_within_a_suite_and_the_reporter_keeps_them(history: History) -> None:
    for suite in {run.suite.name: run.suite for run in history.runs}.values():
        names = [spec.name for spec in suite.cases]
        assert len(set(names)) == len(names)
        assert all(bounded(case_name("", name)) == name for name in names)
