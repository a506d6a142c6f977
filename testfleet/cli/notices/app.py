"""The commands of `testfleet notices`."""

from testfleet.cli.group import Entry, command_group

COMMANDS = {
    "list": Entry("testfleet.cli.notices.list:list_targets", "List the targets and the dead notices."),
    "send": Entry("testfleet.cli.notices.send:send", "Send what waits, without a sweep."),
    "retry": Entry("testfleet.cli.notices.retry:retry", "Let dead notices wait again."),
}

app = command_group("notices", "Look at notices to other systems, send them or try them again.", COMMANDS)
