"""The fleet on a laptop sends notices of its runs."""

from dataclasses import replace
from pathlib import Path

import pytest

from testfleet.local.fleet import Fleet, FleetConfig
from tests.support.fleet import eventually, rows, send, wait_until_finished
from tests.support.receiver import receiving


def test_the_fleet_sends_notices_of_its_runs(
    config: FleetConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stand-in for the CronJob sends them, as on a cluster."""
    with receiving() as receiver:
        targets = f'[targets.chat]\nkind = "slack"\nurl = "{receiver.url}/"\nevents = ["run.finished"]\n'
        (tmp_path / "notices.toml").write_text(targets)
        monkeypatch.setenv("TESTFLEET_NOTICES", str(tmp_path / "notices.toml"))
        with Fleet(replace(config, sweep_every=0.2)) as fleet:
            eventually(lambda: rows(fleet, "SELECT target FROM outbox_targets"), "the target is known")
            send(fleet, "r-notice", CASES="1")
            wait_until_finished(fleet, "r-notice")
            receiver.wait(1)
        assert receiver.requests[0].json["text"].startswith(":white_check_mark: steps passed")
