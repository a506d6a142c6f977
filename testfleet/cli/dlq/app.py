"""The commands of `testfleet dlq`."""

from testfleet.cli.group import Entry, command_group

COMMANDS = {
    "list": Entry("testfleet.cli.dlq.list:list_letters", "List dead messages with their reasons."),
    "show": Entry("testfleet.cli.dlq.show:show", "Show one dead message."),
    "redrive": Entry("testfleet.cli.dlq.redrive:redrive", "Send dead messages back to the queue."),
    "drop": Entry("testfleet.cli.dlq.drop:drop", "Delete dead messages for good."),
}

app = command_group("dlq", "Look at dead messages, send them back or delete them.", COMMANDS)
