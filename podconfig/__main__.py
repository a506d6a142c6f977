"""`python -m podconfig`: write the platform's secret to a folder in memory before the programs of the pod start.

Each container mounts only its own part of the folder: `worker/` or `reporter/`. The next init container,
`python -m reporter --check`, checks the values.
"""

import sys
from typing import Final

from podconfig.files import parse, write
from podconfig.secret import SecretOutOfReach, read
from podconfig.settings import ConfigSettings
from runtime.errors import InvalidInput
from runtime.settings import load

TRY_AGAIN: Final = 75
"""EX_TEMPFAIL: Secrets Manager is out of reach, and the next start may succeed."""

BAD_CONFIGURATION: Final = 78
"""EX_CONFIG: a setting or the secret is wrong."""


def main() -> int:
    """Read the secret, write the files and return the exit code."""
    try:
        settings = load(ConfigSettings)
        write(parse(read(settings.secret)), settings.dir)
    except InvalidInput as error:
        sys.stderr.write(f"config: {error}\n")
        return BAD_CONFIGURATION
    except SecretOutOfReach as error:
        sys.stderr.write(f"config: {error}\n")
        return TRY_AGAIN
    return 0


if __name__ == "__main__":
    sys.exit(main())
