"""SQS: the queue that jobs are sent to, and its dead-letter queue."""

from typing import TYPE_CHECKING

from testfleet.lazy import submodules

if TYPE_CHECKING:
    from testfleet.queue import dead_letters, enqueue, jobs, sqs

__all__ = ["dead_letters", "enqueue", "jobs", "sqs"]
__getattr__ = submodules(__name__, __all__)
