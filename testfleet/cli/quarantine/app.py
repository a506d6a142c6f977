"""The commands of `testfleet quarantine`."""

from testfleet.cli.group import Entry, command_group

COMMANDS = {
    "add": Entry("testfleet.cli.quarantine.add:add", "Let a flaky case not fail its runs for a time."),
    "list": Entry("testfleet.cli.quarantine.list:list_quarantines", "List quarantined cases."),
    "remove": Entry("testfleet.cli.quarantine.remove:remove", "Let a case fail its runs again."),
}

app = command_group("quarantine", "Let flaky cases not fail their runs for a time.", COMMANDS)
