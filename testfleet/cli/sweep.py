"""`testfleet sweep`."""

from typing import Annotated

import typer

from testfleet import cli, notices, output, queue, recording
from testfleet.cli import durations
from testfleet.cli.options import Json


def sweep(
    older_than: Annotated[str, typer.Option(help="Age from which a silent shard is abandoned.")] = "30m",
    pause: Annotated[str, typer.Option(help="Time between the two reads of the queues.")] = "60s",
    queue_url: Annotated[
        list[str] | None, typer.Option(help="A further queue of the fleet; repeatable. Give every queue.")
    ] = None,
    dead_letter_queue_url: Annotated[
        list[str] | None, typer.Option(help="A further dead-letter queue of the fleet; repeatable.")
    ] = None,
    *,
    as_json: Json = False,
) -> None:
    """End abandoned shards and send notices.

    A shard is abandoned when its pod is dead and its message is gone. It becomes errored, and its run gets its verdict.
    Then the notices of runs and regressions go to the targets of TESTFLEET_NOTICES. Several sweeps may run at once.
    """
    ages = durations.parse(older_than, option="--older-than"), durations.parse(pause, option="--pause")
    settings = cli.connect.settings()
    sender = cli.connect.sender(settings)
    dead = cli.connect.dead_letter_queue(settings)
    queues = [
        cli.connect.job_queue(settings),
        *(queue.sqs.Queue(url, name="--queue-url") for url in queue_url or []),
    ]
    dead_letter_queues = [
        dead,
        *(queue.sqs.Queue(url, name="--dead-letter-queue-url") for url in dead_letter_queue_url or []),
    ]
    tallies = sender.send()  # before the sweep, which may wait for its pause
    swept = recording.sweep.Sweep(sender.database, queues, dead_letter_queues, *ages).run()
    if swept:
        tallies |= sender.send()
    for line in notices.sender.problems(tallies):
        output.streams.to_stderr(f"testfleet: {line}")
    if as_json:
        output.console.write_json(swept)
        return
    for run in swept:
        output.streams.to_stdout(f"{run.run_id} {run.status or 'waits for its other shards'}: {run.shards[0][1]}")
        if run.metrics:
            output.streams.to_stdout(run.metrics)
