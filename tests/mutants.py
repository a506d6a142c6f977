"""`python -m tests.mutants`: break one guard at a time in a copy of the last commit, and show which test fails.

A mutant that no test catches, and one whose code has changed, make the exit code 1. `-k WORD` selects mutants by name.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
UNIT, RESULTS = "tests/unit", "tests/integration/reporter/results"


@dataclass(frozen=True)
class Mutant:
    """A guard, the one place in a file that keeps it, what replaces that, and the tests that should fail then."""

    guard: str
    file: str
    code: str
    instead: str
    tests: str


MUTANTS = (
    Mutant(
        "the commit holds the fence",
        "reporter/results/commit.py",
        "    await hold(connection, fence)\n",
        "",
        f"{RESULTS}/test_commit.py",
    ),
    Mutant(
        "a committed shard is not committed again",
        "reporter/results/commit.py",
        "if ended := await connection.fetchrow(_ENDED, *place, fence.attempt):",
        "if (ended := await connection.fetchrow(_ENDED, *place, fence.attempt)) and False:",
        f"{RESULTS}/test_commit.py",
    ),
    Mutant(
        "the lease is renewed",
        "reporter/results/claim.py",
        "UPDATE test_shards SET lease_until = clock_timestamp() + make_interval(secs => $4)\n",
        "UPDATE test_shards SET lease_until = lease_until + make_interval(secs => 0 * $4)\n",
        f"{RESULTS}/test_claim.py",
    ),
    Mutant(
        "a record appears by a rename",
        "handoff/volume.py",
        "Path(temporary).replace(folder / record.FILE)",
        "(folder / record.FILE).write_bytes(Path(temporary).read_bytes()); Path(temporary).unlink()",
        f"{UNIT}/handoff/test_volume.py",
    ),
    Mutant(
        "the visibility timeout is extended",
        "worker/heartbeat.py",
        "await extend()",
        "pass",
        f"{UNIT}/worker/test_heartbeat.py",
    ),
    Mutant(
        "the delay grows with each receive",
        "worker/disposition.py",
        "self.first_delay * RETRY_FACTOR**steps",
        "self.first_delay * RETRY_FACTOR",
        f"{UNIT}/outages/test_outage.py",
    ),
    Mutant(
        "an attempt that may still commit is never rejected",
        "worker/disposition.py",
        " and not action.unsure",
        "",
        f"{UNIT}/outages/test_outage.py",
    ),
    Mutant(
        "a message is dead-lettered before it is deleted",
        "worker/consumer.py",
        """                    await in_thread(partial(self.queue.dead_letter, message, reason=reason, detail=detail))
                    await in_thread(partial(self.queue.delete, message))
""",
        """                    await in_thread(partial(self.queue.delete, message))
                    await in_thread(partial(self.queue.dead_letter, message, reason=reason, detail=detail))
""",
        f"{UNIT}/worker/test_consumer.py",
    ),
    Mutant(
        "a suite inherits listed variables only",
        "worker/suite/environment.py",
        " if any(fnmatchcase(name, rule) for rule in _INHERITED)",
        "",
        f"{UNIT}/worker/suite/test_environment.py",
    ),
    Mutant(
        "a secret that ends in the cut of an error is masked",
        "runtime/masking.py",
        "return text[:-cut] + MASK if cut else text",
        "return text",
        f"{UNIT}/runtime/test_masking.py",
    ),
    Mutant(
        "a URL-encoded secret is masked",
        "runtime/masking.py",
        '        yield quote(raw, safe="")\n',
        "",
        f"{UNIT}/runtime/test_masking.py",
    ),
    Mutant(
        "an error text has a limit",
        "reporter/junit/failure.py",
        "if len(raw) <= MAX_ERROR_BYTES and not left_out:",
        "if True:",
        f"{UNIT}/reporter/junit",
    ),
    Mutant(
        "two cases never share a name",
        "reporter/junit/names.py",
        "if self._reserve(key):",
        "if self._reserve(key) or True:",
        f"{UNIT}/reporter/junit",
    ),
    Mutant(
        "lone surrogates are replaced",
        "runtime/text.py",
        r"[\x00\ud800-\udfff]",
        r"[\x00]",
        f"{UNIT}/runtime/test_text.py",
    ),
    Mutant(
        "an upload follows no link",
        "reporter/walk.py",
        "os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC",
        "os.O_RDONLY | os.O_CLOEXEC",
        f"{UNIT}/reporter/test_walk.py",
    ),
    Mutant(
        "the shards together run each test once",
        "reporter/results/coverage.py",
        "if _sum(selected) == (collected.count, collected.digest):",
        "if True:",
        f"{UNIT}/reporter/results",
    ),
)


def main() -> int:
    """Run the tests against each mutant; print the guard and the first test that failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-k", metavar="WORD", default="")
    word = parser.parse_args().k
    missed = 0
    with tempfile.TemporaryDirectory(prefix="mutants-") as name:
        copy = Path(name)
        copy.chmod(0o755)  # the embedded PostgreSQL is another user
        archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, capture_output=True, check=True).stdout
        subprocess.run(["tar", "-x", "-C", str(copy)], input=archive, check=True)
        for mutant in MUTANTS:
            if word in mutant.guard:
                result = _try(copy, mutant)
                missed += not result.startswith("tests/")
                print(f"{mutant.guard}: {result}", flush=True)  # noqa: T201  # a program's output
    return 1 if missed else 0


def _try(copy: Path, mutant: Mutant) -> str:
    """Return the first failed test, or why there is none."""
    file = copy / mutant.file
    whole = file.read_text() if file.exists() else ""
    if whole.count(mutant.code) != 1:
        return f"NOT FOUND in {mutant.file}; bring tests/mutants.py up to date"
    file.write_text(whole.replace(mutant.code, mutant.instead))
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-qx", "--timeout", "60", "-p", "no:cacheprovider", mutant.tests],
            cwd=copy,
            env=os.environ | {"PYTHONPATH": str(copy)},
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        file.write_text(whole)
    failed = [line.split(" - ")[0] for line in done.stdout.splitlines() if line.startswith("FAILED ")]
    if done.returncode == 1 and failed:
        return failed[0].removeprefix("FAILED ")
    return (
        "SURVIVES" if done.returncode == 0 else f"NOT TRIED, pytest ended with {done.returncode}: {done.stdout[-300:]}"
    )


if __name__ == "__main__":
    sys.exit(main())
