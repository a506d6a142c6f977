"""The fleet without AWS and without a cluster: the commands `up`, `demo` and `serve`.

- `commands`: the three commands
- `fleet`: `up`, the whole fleet on one machine
- `demo`: the sample suites on such a fleet, with the verdicts that they must get
- `platform`: `serve`, the servers that pods of a cluster use in place of AWS and RDS
- `aws/`: the embedded endpoint, which stands in for SQS, S3 and Secrets Manager
- `postgres/`: the embedded PostgreSQL
- `pods/`: the worker and reporter processes, and the controller that stands in for KEDA
- `samples/`: the sample suites, their web shop and their tools
- `processes`: starts each server as a process that ends with its parent
"""

from typing import TYPE_CHECKING

from testfleet.lazy import submodules

if TYPE_CHECKING:
    from testfleet.local import commands, demo, fleet, platform, processes

__all__ = ["commands", "demo", "fleet", "platform", "processes"]
__getattr__ = submodules(__name__, __all__)
