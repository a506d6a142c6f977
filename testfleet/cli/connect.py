"""The settings, and the systems that they name. No function sends a request.

Each function raises BadSetting if its setting is missing or wrong.
"""

from testfleet import database, notices, queue, results
from testfleet import settings as environment
from testfleet.settings import Settings, required


def settings() -> Settings:
    """Return the settings of the environment."""
    return environment.load()


def results_database(given: Settings) -> "database.connection.Database":
    """Return the database of the results."""
    return database.connection.Database(required(given.database_url, "database_url"), given.database_auth)


def job_queue(given: Settings) -> "queue.sqs.Queue":
    """Return the queue that jobs are sent to."""
    return queue.sqs.Queue(required(given.queue_url, "queue_url"))


def dead_letter_queue(given: Settings) -> "queue.sqs.Queue":
    """Return the dead-letter queue."""
    url = required(given.dead_letter_queue_url, "dead_letter_queue_url")
    return queue.sqs.Queue(url, name="TESTFLEET_DEAD_LETTER_QUEUE_URL")


def dead_letters(given: Settings) -> "queue.dead_letters.DeadLetters":
    """Return the reader of dead messages. Without a database, it does not know the state of their runs."""
    dead = dead_letter_queue(given)
    return queue.dead_letters.DeadLetters(dead, results_database(given) if given.database_url else None)


def gate(given: Settings) -> "results.gate.Gate":
    """Return the gate of a pipeline."""
    queues = {"queue": given.queue_url, "dead-letter queue": given.dead_letter_queue_url}
    return results.gate.Gate(results_database(given), queues)


def bucket(given: Settings) -> str:
    """Return the name of the bucket."""
    return required(given.bucket, "bucket")


def sender(given: Settings) -> "notices.sender.Sender":
    """Return the sender of notices to the targets of the settings."""
    return notices.sender.Sender(results_database(given), notices.targets.load(given.notices), given.run_url)
