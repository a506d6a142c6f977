"""PostgreSQL: connections, and the migrations of the tables."""

from typing import TYPE_CHECKING

from testfleet.lazy import submodules

if TYPE_CHECKING:
    from testfleet.database import connection, maintenance, migrations, rds_token, rebuild, retention

__all__ = ["connection", "maintenance", "migrations", "rds_token", "rebuild", "retention"]
__getattr__ = submodules(__name__, __all__)
