"""The commands `testfleet dlq …`: their options, and the calls that each makes to the dead-letter queue."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from testfleet.errors import Refused

if TYPE_CHECKING:
    from testfleet.queue.dead_letters import DeadLetters
    from testfleet.settings import Settings

dlq = typer.Typer(
    help="Look at dead messages, send them back or delete them.", add_completion=False, rich_markup_mode=None
)

MessageId = Annotated[str | None, typer.Argument(metavar="MESSAGE_ID", help="The message's id, as list prints it.")]
Run = Annotated[str | None, typer.Option("--run", metavar="RUN_ID", help="Every message of this run.")]
All = Annotated[bool, typer.Option("--all", help="Every message.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@dlq.command("list")
def list_letters(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Maximum number of messages.")] = 100,
    *,
    as_json: Json = False,
) -> None:
    """List dead messages with their reasons, the oldest first.

    The reason `received_too_often` means that SQS moved the message: each of its attempts ended without a result. SQS
    hides the listed messages for at most a minute and counts a receive.
    """
    from testfleet.output import console  # noqa: PLC0415  # slow to import
    from testfleet.queue import dead_letters  # noqa: PLC0415  # slow to import

    with _open(_settings()) as queue:
        found = queue.read(limit)
    if as_json:
        console.write_json(found)
    else:
        console.write(dead_letters.table(found))


@dlq.command()
def show(
    message_id: Annotated[str, typer.Argument(metavar="MESSAGE_ID", help="The message's id, as list prints it.")],
    *,
    as_json: Json = False,
) -> None:
    """Show one dead message: its body and the state of its run and shard."""
    from testfleet.output import console  # noqa: PLC0415  # slow to import
    from testfleet.queue import dead_letters  # noqa: PLC0415  # slow to import

    with _open(_settings()) as queue:
        (letter,) = dead_letters.Selection(message_id).of(queue.read())
    if as_json:
        console.write_json(letter)
    else:
        console.write(dead_letters.lines(letter))


@dlq.command()
def redrive(message_id: MessageId = None, *, run: Run = None, every: All = False) -> None:
    """Send dead messages back to the queue.

    Their shards run again as new attempts. Messages of a finished or cancelled run are not sent.
    """
    from testfleet.output import console  # noqa: PLC0415  # slow to import
    from testfleet.queue import dead_letters  # noqa: PLC0415  # slow to import
    from testfleet.queue.sqs import Queue  # noqa: PLC0415  # likewise
    from testfleet.settings import required  # noqa: PLC0415  # likewise

    selection = dead_letters.Selection(message_id, run, every)
    settings = _settings()
    required(settings.database_url, "database_url")  # messages of finished runs are not sent
    target = Queue(required(settings.queue_url, "queue_url"))
    sent = 0
    with _open(settings) as queue:
        found = selection.of(queue.read())
        ended = [one for one in found if one.has_verdict]
        for letter in found:
            if not letter.has_verdict:
                queue.redrive(letter, target)
                sent += 1
                typer.echo(f"{letter.message_id} sent to the queue")
    for letter in ended:
        console.tell(f"testfleet: {letter.message_id} is not sent: run {letter.run_id} is {letter.run_status} already")
    if ended and not sent and not every:
        raise Refused(
            "MESSAGE_ID: a finished run is not run again; enqueue a new run, and delete the message with dlq drop"
        )


@dlq.command()
def drop(
    message_id: MessageId = None,
    *,
    run: Run = None,
    every: All = False,
    yes: Annotated[bool, typer.Option("--yes", help="Skip the confirmation.")] = False,
) -> None:
    """Delete dead messages for good."""
    from testfleet.queue import dead_letters  # noqa: PLC0415  # slow to import

    selection = dead_letters.Selection(message_id, run, every)
    if not yes and not sys.stdin.isatty():
        raise Refused("--yes: is required without a terminal")
    with _open(_settings()) as queue:
        found = selection.of(queue.read())
        if found and not yes and not _confirmed(len(found)):
            typer.echo("nothing was deleted")
            return
        for letter in found:
            queue.drop(letter)
            typer.echo(f"{letter.message_id} deleted")


def _confirmed(count: int) -> bool:
    sys.stderr.write(f"delete {count} dead message{'' if count == 1 else 's'} for good? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _settings() -> "Settings":
    from testfleet import settings  # noqa: PLC0415  # pydantic-settings is slow to import

    return settings.load()


def _open(settings: "Settings") -> "DeadLetters":
    from testfleet.database import Database  # noqa: PLC0415  # psycopg is slow to import
    from testfleet.queue.dead_letters import DeadLetters  # noqa: PLC0415  # likewise
    from testfleet.queue.sqs import Queue  # noqa: PLC0415  # boto3 is slow to import
    from testfleet.settings import required  # noqa: PLC0415  # likewise

    url = required(settings.dead_letter_queue_url, "dead_letter_queue_url")
    database = Database(settings.database_url, settings.database_auth) if settings.database_url else None
    return DeadLetters(Queue(url, name="TESTFLEET_DEAD_LETTER_QUEUE_URL"), database)
