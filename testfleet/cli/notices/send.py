"""`testfleet notices send`."""

from testfleet import cli, notices, output
from testfleet.cli.options import Json
from testfleet.errors import BadSetting
from testfleet.output.streams import to_stderr


def send(*, as_json: Json = False) -> None:
    """Send what waits, without a sweep.

    `testfleet sweep` does the same. A target that fails waits before its next try; its reason is on stderr.
    """
    settings = cli.connect.settings()
    if settings.notices is None:
        raise BadSetting("TESTFLEET_NOTICES: is required by this command: a TOML file of targets")
    tallies = cli.connect.sender(settings).send()
    if as_json:
        output.console.write_json(tallies)
    else:
        for name, tally in tallies.items():
            output.streams.to_stdout(f"{name}: {tally.sent} sent" + (f", {tally.dead} given up" if tally.dead else ""))
    for line in notices.sender.problems(tallies):
        to_stderr(f"testfleet: {line}")
