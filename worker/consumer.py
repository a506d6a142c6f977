"""The pod's one life: one message in, seen through, acknowledged."""

import asyncio
import math
import random
from dataclasses import dataclass
from functools import partial

import structlog

from runtime.errors import InvalidInput
from runtime.waiting import Stopped, in_thread, until_stopped
from worker import disposition, exit_codes, heartbeat
from worker.disposition import Backoff, Delete, Disposition, Leave, Reject, Release
from worker.errors import ReporterSilent, TryAgain, WorkerError
from worker.handler import Handler
from worker.queue import MAX_POLL, Message, Queue

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Consumer:
    """One worker. `stop` is set when the pod is told to go; the waits are in seconds, as in the settings."""

    queue: Queue
    handler: Handler
    visibility_timeout: float
    receive_wait: float
    backoff: Backoff
    stop: asyncio.Event

    async def run(self) -> int:
        """Receive one message, see it through, acknowledge it; the answer is the exit code.

        Raises:
            QueueRefused: SQS refused the receive for good; nothing was received.
        """
        if stale := self.handler.sidecar.files():
            log.error("handoff_not_empty", files=stale, detail="HANDOFF_DIR: must be a fresh folder for each pod")
            return exit_codes.TRY_AGAIN
        try:
            message = await self._first_message()
        except Stopped:
            log.info("stopped_while_waiting")
            return exit_codes.INTERRUPTED
        except TryAgain as error:
            log.warning("queue_out_of_reach", detail=str(error))
            return exit_codes.TRY_AGAIN
        if message is None:
            log.info("no_message")
            return exit_codes.HANDLED
        structlog.contextvars.bind_contextvars(message_id=message.message_id)
        log.info("message_received", receive_count=message.receive_count)
        return await self._acknowledge(message, await self._hidden(message))

    async def _first_message(self) -> Message | None:
        if self.stop.is_set():  # the signal came while the program loaded: a message in hand would lose a receive
            raise Stopped
        return await until_stopped(self.stop, self._receive())

    async def _receive(self) -> Message | None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.receive_wait
        while True:
            wait = min(MAX_POLL, max(0, math.ceil(deadline - loop.time())))
            message = await in_thread(partial(self.queue.receive, wait))
            if message is not None or loop.time() >= deadline:
                return message

    async def _hidden(self, message: Message) -> Disposition:
        """See the message through, hidden from others all the while; no extension is under way afterwards."""
        done = asyncio.Event()

        async def extend() -> None:
            await in_thread(partial(self.queue.extend, message))

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(heartbeat.beat(extend, every=self.visibility_timeout / 3, until=done))
            try:
                return await self._handle(message)
            finally:
                done.set()

    async def _handle(self, message: Message) -> Disposition:
        """What becomes of the message; whatever goes wrong on the way, it comes back."""
        try:
            return await self.handler.handle(message, self.stop)
        except Stopped:
            return disposition.INTERRUPTED
        except InvalidInput as error:
            log.warning("handoff_unreadable", detail=str(error))
            detail, unsure = str(error), False
        except TryAgain as error:
            log.warning("not_handled", detail=str(error))
            detail, unsure = str(error), isinstance(error, ReporterSilent)
        except OSError as error:
            log.warning("handoff_out_of_reach", detail=str(error))
            detail, unsure = f"handoff: {error}", False
        except Exception as error:
            log.exception("unexpected_error")
            detail, unsure = f"unexpected error: {type(error).__name__}", False
        return disposition.try_again(detail, unsure=unsure)

    async def _acknowledge(self, message: Message, disposed: Disposition) -> int:
        """Act on the disposed. A message that can't be deleted comes back and finds its shard complete: try again."""
        acknowledgement = self.backoff.settle(
            disposed.acknowledgement,
            receive_count=message.receive_count,
            jitter=random.random(),  # noqa: S311  # no secret depends on it
        )
        try:
            match acknowledgement:
                case Delete():
                    await in_thread(partial(self.queue.delete, message))
                    log.info("message_deleted")
                case Release(delay):
                    await in_thread(partial(self.queue.release, message, delay))
                    log.info("message_released", delay=delay)
                case Reject(reason, detail):
                    await in_thread(partial(self.queue.dead_letter, message, reason=reason, detail=detail))
                    await in_thread(partial(self.queue.delete, message))
                    log.info("message_dead_lettered", reason=reason)
                case Leave():
                    log.info("message_left")
        except WorkerError as error:
            log.warning("not_acknowledged", detail=str(error))
            return disposed.exit_code or exit_codes.TRY_AGAIN
        return disposed.exit_code
