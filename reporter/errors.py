"""What can go wrong in the reporter. The root has two branches that matter: try again, or don't."""


class ReporterError(Exception):
    """The root of what the reporter raises itself; its text is one line for people."""


class OutOfReach(ReporterError):
    """*Retry*: the same step may well succeed later, and running it twice changes nothing."""


class DatabaseOutOfReach(OutOfReach):
    """PostgreSQL did not answer, or gave up a transaction that can be run again."""


class BucketOutOfReach(OutOfReach):
    """S3 did not answer, or failed for a passing reason, until the patience was over."""


class SecretsOutOfReach(OutOfReach):
    """Secrets Manager did not answer, not even after the SDK's own retries."""


class Refused(ReporterError):
    """*Reject*: the other side understood and said no; trying again as things are gives the same answer."""


class DatabaseRefused(Refused):
    """PostgreSQL refused the statement or the server's certificate did not hold."""


class BucketRefused(Refused):
    """S3 refused the upload: no such bucket, no permission, not the bytes that were announced."""


class Superseded(ReporterError):
    """The fence has moved on: another attempt holds the shard, and this one may change nothing any more."""


class Cancelled(Superseded):
    """The run was cancelled, and this attempt may change nothing any more."""


class ReportsUnreadable(ReporterError):
    """A report could not be read from the shared volume."""
