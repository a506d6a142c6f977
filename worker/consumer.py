"""Receive one message, keep it hidden while it is handled, and act on its disposition."""

import asyncio
import math
import random
from dataclasses import dataclass
from functools import partial

import structlog

from runtime.errors import InvalidInput
from runtime.waiting import Stopped, in_thread, until_stopped
from worker import exit_codes, heartbeat
from worker.disposition import INTERRUPTED, Backoff, Delete, Disposition, Leave, Reject, Release, try_again
from worker.errors import ReporterSilent, TryAgain, WorkerError
from worker.handler import Handler
from worker.queue import MAX_POLL, Message, Queue

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Consumer:
    """The consumer of one message. `stop` is set by SIGTERM. Times are in seconds, as in the settings."""

    queue: Queue
    handler: Handler
    visibility_timeout: float
    receive_wait: float
    backoff: Backoff
    stop: asyncio.Event

    async def run(self) -> int:
        """Receive and handle one message, act on its disposition, and return the exit code.

        Raises:
            QueueRefused: SQS rejected the receive permanently. No message was received.
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
        return await self._apply(message, await self._hidden(message))

    async def _first_message(self) -> Message | None:
        if self.stop.is_set():  # SIGTERM arrived during the imports: receiving a message would use up a receive
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
        """Handle the message and extend its visibility timeout meanwhile. No extension is pending at the end."""
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
        """Return the disposition of the message. Any error releases it for another attempt."""
        try:
            return await self.handler.handle(message, self.stop)
        except Stopped:
            return INTERRUPTED
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
        return try_again(detail, unsure=unsure)

    async def _apply(self, message: Message, disposition: Disposition) -> int:
        """Act on the disposition and return the exit code.

        A message that can't be deleted becomes visible again, and its shard is complete then. The exit code is 75.
        """
        action = self.backoff.settle(
            disposition.action,
            receive_count=message.receive_count,
            jitter=random.random(),  # noqa: S311  # not used for a secret
        )
        try:
            match action:
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
            return disposition.exit_code or exit_codes.TRY_AGAIN
        return disposition.exit_code
