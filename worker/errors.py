"""What can go wrong in the worker. The root has two branches that matter: *retry* and *reject*."""


class WorkerError(Exception):
    """The root of what the worker raises itself; its text is one line for people and never holds a secret."""


class TryAgain(WorkerError):
    """*Retry*: the same step may well succeed later, so the message becomes visible again."""


class QueueOutOfReach(TryAgain):
    """SQS did not answer, not even after the SDK's own retries."""


class SecretsOutOfReach(TryAgain):
    """Secrets Manager did not answer, not even after the SDK's own retries."""


class ReporterSilent(TryAgain):
    """The reporter did not write the file that we waited for."""


class Refused(WorkerError):
    """*Reject*: the other side understood and said no; asking again as things are gives the same answer."""


class QueueRefused(Refused):
    """SQS refused the call: no such queue, no permission, no longer our message."""


class SecretUnusable(Refused):
    """The secret does not exist, is not ours to read, or is no flat JSON object."""


class CannotPlan(Refused):
    """A runner can't plan the suite: a tool, a script or the suite's folder is missing or unreadable."""


class CannotStart(Refused):
    """The suite's process can't be started: its program or its working directory does not exist."""
