"""Every error that the reporter raises. Two branches matter to a caller: `OutOfReach` (retry) and `Refused` (reject).

    ReporterError
    ├── OutOfReach          retry: DatabaseOutOfReach, BucketOutOfReach
    ├── Refused             reject: DatabaseRefused, BucketRefused
    ├── Superseded          the attempt lost its shard
    │   └── Cancelled       because the run was cancelled
    ├── FileUnreadable      the shared volume: ReportsUnreadable, FileLost
    └── BrokenReport        a file is no complete JUnit report

A wrong setting or handoff file is a `runtime.errors.InvalidInput`, as in every program.
"""


class ReporterError(Exception):
    """Root of the tree. The text of each error is one line for people."""


class OutOfReach(ReporterError):
    """Retry: the same step may succeed later, and a second execution changes nothing."""


class DatabaseOutOfReach(OutOfReach):
    """PostgreSQL did not answer, or rolled back a transaction that can be repeated."""


class BucketOutOfReach(OutOfReach):
    """S3 did not answer, or failed for a passing reason, until the patience ended."""


class Refused(ReporterError):
    """Reject: the other side refused the request, and would refuse the same request again."""


class DatabaseRefused(Refused):
    """PostgreSQL refused a statement, or its certificate is not valid."""


class BucketRefused(Refused):
    """S3 refused an upload: no such bucket, no permission, or a checksum that does not match."""


class Superseded(ReporterError):
    """The attempt lost its shard: another attempt holds it, or the run ended. It must not change any row."""


class Cancelled(Superseded):
    """The run was cancelled."""


class FileUnreadable(ReporterError):
    """A file of the shared volume could not be read."""


class ReportsUnreadable(FileUnreadable):
    """The volume failed while the reports were read."""


class FileLost(FileUnreadable):
    """An artifact vanished or became shorter while it was uploaded."""


class BrokenReport(ReporterError):
    """A file is no JUnit report, or breaks off before its end. Cases before that position are valid."""
