"""Notices to other systems: webhooks, chat, EventBridge. The database's outbox holds them until they are sent.

`targets` are the settings, `payloads` and `signing` the bodies, `decision` the rule of a retry; these are pure.
`outbox` owns the rows, `transports` the requests, and `sender` ties them together.
"""

from typing import TYPE_CHECKING

from testfleet.lazy import submodules

if TYPE_CHECKING:
    from testfleet.notices import aws, outbox, overview, sender, targets

__all__ = ["aws", "outbox", "overview", "sender", "targets"]
__getattr__ = submodules(__name__, __all__)
