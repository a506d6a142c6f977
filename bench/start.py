"""Start-up of the command: CPU time of `--version`, `--help` and a command's `--help`.

The times are compared with a bare interpreter and with `import typer` in the same run, since a loaded machine slows all
of them alike. The figure is the least of several runs; CPU time is that of the child process.

    python bench/start.py [runs]
"""

import os
import subprocess
import sys

COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "import typer": ["-c", "import typer"],
    "testfleet --version": ["-m", "testfleet", "--version"],
    "testfleet --help": ["-m", "testfleet", "--help"],
    "testfleet enqueue --help": ["-m", "testfleet", "enqueue", "--help"],
    "testfleet dlq list --help": ["-m", "testfleet", "dlq", "list", "--help"],
}


def cpu_seconds(arguments: list[str]) -> float:
    """Return the CPU time of one run of this interpreter, in seconds."""
    process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{arguments} ended with {process.returncode}")
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    least = dict.fromkeys(COMMANDS, float("inf"))
    for _ in range(runs):  # in turn, so that a busy moment of the machine hits all of them
        for name, arguments in COMMANDS.items():
            least[name] = min(least[name], cpu_seconds(arguments))
    bare, typer = least["python -c pass"], least["import typer"]
    for name, seconds in least.items():
        work = (seconds - bare) * 1000
        print(f"{name:26} {seconds * 1000:6.0f} ms  {work:6.0f} ms above bare Python  {seconds / typer:5.2f} x typer")


if __name__ == "__main__":
    main()
