"""The worker's errors.

WorkerError
├── TryAgain: the same step may succeed later
│   ├── QueueOutOfReach, SecretsOutOfReach, ReporterSilent
└── Refused: the same step fails again
    └── QueueRefused, SecretUnusable, CannotPlan, CannotStart
"""


class WorkerError(Exception):
    """The root of the worker's errors. The text is one line for people and holds no secret."""


class TryAgain(WorkerError):
    """The same step may succeed later, so the message becomes visible again."""


class QueueOutOfReach(TryAgain):
    """SQS did not answer, even after the SDK's retries."""


class SecretsOutOfReach(TryAgain):
    """Secrets Manager did not answer, even after the SDK's retries."""


class ReporterSilent(TryAgain):
    """The reporter did not write the expected file in time."""


class Refused(WorkerError):
    """The same step would fail again."""


class QueueRefused(Refused):
    """SQS rejected the call: unknown queue, missing permission, expired receipt handle, or a wrong AWS setting."""


class SecretUnusable(Refused):
    """The secret does not exist, the worker may not read it, or it is no flat JSON object."""


class CannotPlan(Refused):
    """A runner can't plan the suite: a tool, a script or the suite's folder is missing or unreadable."""


class CannotStart(Refused):
    """The suite's process can't be started: its program or its working directory does not exist."""
