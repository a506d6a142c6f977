"""PostgreSQL: connections, and the migrations of the tables."""

from typing import TYPE_CHECKING

from testfleet.lazy import submodules

if TYPE_CHECKING:
    from testfleet.database import connection, migrations, rds_token

__all__ = ["connection", "migrations", "rds_token"]
__getattr__ = submodules(__name__, __all__)
