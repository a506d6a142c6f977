"""Compare time and memory of our incremental reading of a report with junitparser, which reads the whole file.

`python bench/parse.py [--cases 100000]`.

Each figure comes from a process of its own that reads the same file. The memory that Python and the imports take
before the reading is subtracted from the peak. Our reading also makes names, tries, texts and fingerprints;
junitparser only reads each case with its result. To keep names unique, we store about a hundred bytes for each case;
our parser alone stores none.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from junitparser import xunit2

from reporter.junit.parser import JUnitParser
from reporter.reports.folder import Reports
from reporter.reports.tail import READ_BYTES

TRACE = "Error: expect(received).toBe(expected)\n" + "    at Object.&lt;anonymous&gt; (checkout.spec.ts:10:5)\n" * 8
PYTEST = '<testsuites name="pytest tests"><testsuite name="pytest">'
OTHER = '<testsuites><testsuite name="checkout">'


def write(file: Path, count: int, head: str) -> None:
    """Write the report of a large suite. One case in twenty fails with a trace, and each case prints a few lines."""
    with file.open("w", encoding="utf-8") as report:
        report.write(head)
        for number in range(count):
            failure = f'<failure message="received {number}" type="Error">{TRACE}</failure>' if number % 20 == 0 else ""
            output = "<system-out>a line of output\nand another one\n</system-out>"
            report.write(f'<testcase classname="checkout.spec.ts" name="case {number}" time="{number % 50 / 10}">')
            report.write(f"{failure}{output}</testcase>\n")
        report.write("</testsuite></testsuites>")


def ours(artifacts: Path) -> int:
    """Count the cases of all batches. Each batch is dropped, as after its rows are saved."""
    return sum(len(batch) for batch in Reports(artifacts).final())


def whole(artifacts: Path) -> int:
    """Count the cases of a tree that is in memory as a whole."""
    count = 0
    for suite in xunit2.JUnitXml.fromfile(str(artifacts / "junit" / "junit.xml")):
        for case in suite:
            _ = (case.classname, case.name, case.time, [result.text for result in case.result])
            count += 1
    return count


def parser(artifacts: Path) -> int:
    """Count the test cases of our parser alone, which makes neither unique names nor tries."""
    parser, count = JUnitParser(), 0
    with (artifacts / "junit" / "junit.xml").open("rb") as report:
        while data := report.read(READ_BYTES):
            count += sum(1 for _ in parser.feed(data))
    return count + sum(1 for _ in parser.close())


READERS: dict[str, Callable[[Path], int]] = {"ours": ours, "ours, parser alone": parser, "junitparser": whole}


def measure(reader: str, artifacts: Path) -> None:
    """Print the cases, the seconds and the peak in KiB of one reading."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begin = time.perf_counter()
    count = READERS[reader](artifacts)
    seconds = time.perf_counter() - begin
    print(count, seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)


def measured(reader: str, artifacts: Path) -> tuple[int, float, float]:
    """Return cases, seconds and peak in MiB of one reading in a process of its own."""
    command = [sys.executable, __file__, "--measure", reader, str(artifacts)]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    printed = subprocess.run(command, check=True, capture_output=True, text=True, env=env).stdout.split()
    return int(printed[0]), float(printed[1]), int(printed[2]) / 1024


def main() -> None:
    """Measure every reader and print the ratios."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--cases", type=int, default=100_000)
    arguments.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    chosen = arguments.parse_args()
    if chosen.measure:
        measure(chosen.measure[0], Path(chosen.measure[1]))
        return
    print(f"{'':46}{'cases':>8}{'s':>8}{'cases/s':>10}{'peak MiB':>10}")
    figures = {}
    for dialect, head in (("plain", OTHER), ("with reruns", PYTEST)):
        for count in (chosen.cases // 10, chosen.cases):
            with tempfile.TemporaryDirectory() as folder:
                file = Path(folder) / "junit" / "junit.xml"
                file.parent.mkdir()
                write(file, count, head)
                for reader in READERS:
                    cases, seconds, peak = figures[dialect, count, reader] = measured(reader, Path(folder))
                    label = f"{reader}, {dialect}, {file.stat().st_size / 2**20:.0f} MiB"
                    print(f"{label:46}{cases:8}{seconds:8.2f}{cases / seconds:10.0f}{peak:10.1f}")
    for dialect in ("plain", "with reruns"):
        mine, alone, theirs = (figures[dialect, chosen.cases, reader] for reader in READERS)
        _, small, _ = (figures[dialect, chosen.cases // 10, reader] for reader in READERS)
        print(
            f"{dialect}: {mine[1] / theirs[1]:.2f} of junitparser's time, {mine[2] / theirs[2]:.3f} of its memory; "
            f"ten times the cases cost the parser {alone[2] - small[2]:.1f} MiB more"
        )


if __name__ == "__main__":
    main()
