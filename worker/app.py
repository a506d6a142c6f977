"""The wiring of the worker: settings, catalog, queue, sandbox and consumer."""

import asyncio
import os
import platform
import sys
import uuid
from functools import partial
from pathlib import Path

from handoff.records import Container
from runtime import logs
from runtime.errors import InvalidInput
from runtime.settings import aws_region, load
from runtime.stop import Stop
from worker import catalog, exit_codes, owners, quarantine
from worker.consumer import Consumer
from worker.disposition import Backoff
from worker.errors import QueueRefused
from worker.handler import Handler
from worker.queue import Queue
from worker.runners.plan import Folders
from worker.secrets import Secrets
from worker.settings import WorkerSettings
from worker.sidecar import Sidecar
from worker.suite import sandbox
from worker.suite.execution import SuiteHost
from worker.suite.process_tree import adopt_orphans
from worker.suite.sandbox import Sandbox
from worker.suite.space import Limit


def check() -> int:
    """Validate settings and catalog without calling AWS. Print an error on stderr, and return the exit code."""
    try:
        settings = load(WorkerSettings)
        quarantine.load(settings.catalog, catalog.load(settings.catalog))
        _queue(settings)
        _sandbox(settings)
    except (InvalidInput, QueueRefused) as error:
        return _fail(error)
    return 0


def main(stop: Stop) -> int:
    """Handle one message and return the exit code."""
    try:
        settings = load(WorkerSettings)
        suites = catalog.load(settings.catalog)
        quarantined = quarantine.load(settings.catalog, suites)
        logs.configure(settings.log_level, settings.log_format)
        adopt_orphans()
        sandbox = _sandbox(settings)
        sandbox.protect_memory()
        queue = _queue(settings)
        handler = Handler(
            sidecar=Sidecar(
                settings.handoff_dir,
                worker=platform.node(),
                container=Container(
                    image=settings.image,
                    cpu_millis=settings.cpu_millis or None,  # 0: the container requests none
                    memory_mib=settings.memory_mib or None,
                ),
                claim_id=uuid.uuid4().hex,
                patience=settings.receipt_timeout,
            ),
            secrets=Secrets(region=aws_region()),
            suites=suites,
            base_url=settings.base_url,
            quarantine=quarantined,
            owners=partial(owners.of_suite, catalog=settings.catalog),
            host=SuiteHost(
                handoff=settings.handoff_dir,
                folders=Folders(settings.artifacts_dir),
                environment=os.environ,
                stop_grace=settings.stop_grace,
                sandbox=sandbox,
                limits=_limits(settings),
            ),
        )
        return asyncio.run(_consume(settings, queue, handler, stop))
    except (InvalidInput, QueueRefused) as error:
        return _fail(error)


def _queue(settings: WorkerSettings) -> Queue:
    return Queue(
        settings.queue_url,
        settings.dead_letter_queue_url,
        visibility_timeout=settings.visibility_timeout,
        region=aws_region(),
    )


def _sandbox(settings: WorkerSettings) -> Sandbox:
    if settings.suite_sandbox == "off":
        return Sandbox()
    return sandbox.for_pod(
        os.environ,
        secret={"HANDOFF_DIR": settings.handoff_dir, "CONFIG_DIR": settings.config_dir},
        read=(settings.catalog.parent,),
        written=(settings.artifacts_dir, _temporary()),
    )


def _temporary() -> Path:
    return Path(os.environ.get("TMPDIR") or "/tmp")  # noqa: S108  # the default of the tools


def _limits(settings: WorkerSettings) -> tuple[Limit, ...]:
    limits = (
        ("artifacts", settings.artifacts_dir, settings.artifacts_limit, "WORKER_ARTIFACTS_LIMIT"),
        ("temporary files", _temporary(), settings.tmp_limit, "WORKER_TMP_LIMIT"),
        ("files of the handoff", settings.handoff_dir, settings.handoff_limit, "WORKER_HANDOFF_LIMIT"),
    )
    return tuple(Limit(name, folder, mib, setting) for name, folder, mib, setting in limits if mib is not None)


def _fail(error: InvalidInput | QueueRefused) -> int:
    sys.stderr.write(f"worker: {error}\n")
    return exit_codes.BAD_CONFIGURATION


async def _consume(settings: WorkerSettings, queue: Queue, handler: Handler, stop: Stop) -> int:
    backoff = Backoff(first_delay=settings.retry_delay, max_receives=settings.max_receives)
    stopped = stop.bind()
    return await Consumer(queue, handler, settings.visibility_timeout, settings.receive_wait, backoff, stopped).run()
