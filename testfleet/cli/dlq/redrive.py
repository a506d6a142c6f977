"""`testfleet dlq redrive`."""

from testfleet import cli, output, queue
from testfleet.cli.dlq.options import All, MessageId, Run
from testfleet.errors import Refused


def redrive(message_id: MessageId = None, *, run: Run = None, every: All = False) -> None:
    """Send dead messages back to the queue.

    Their shards run again as new attempts. Messages of a finished or cancelled run are not sent.
    """
    selection = queue.dead_letters.Selection(message_id, run, every)
    settings = cli.connect.settings()
    cli.connect.results_database(settings)  # required: it knows which runs are finished
    target = cli.connect.job_queue(settings)
    sent = 0
    with cli.connect.dead_letters(settings) as dead:
        found = dead.find(selection)
        ended = [one for one in found if one.run_is_finished]
        for letter in found:
            if not letter.run_is_finished:
                dead.redrive(letter, target)
                sent += 1
                output.streams.to_stdout(f"{letter.message_id} sent to the queue")
    for letter in ended:
        output.streams.to_stderr(
            f"testfleet: {letter.message_id} is not sent: run {letter.run_id} is {letter.run_status} already"
        )
    if ended and not sent and not every:
        raise Refused(f"{selection.option}: a finished run does not run again; enqueue a new run and drop the message")
