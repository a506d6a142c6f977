"""The reporter's upload beside aioboto3's `upload_fileobj` and boto3's transfer manager. `python bench/upload.py`.

All three open each file without following a symbolic link and send parts of 8 MiB with CRC-32 checksums. They upload
to moto's server, which is a process of its own. Each measurement runs in a fresh process. Ratios compare medians of
the rounds.
Exit code 1: an object differs from its file in size, or the memory of the reporter's upload exceeds its limit.
"""

import argparse
import asyncio
import json
import logging
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MIB = 1024 * 1024
BUCKET = "qa-bench"
NAMES = ("reporter", "aioboto3", "boto3")
LIMIT = 128
"""MiB by which the reporter's upload may raise the resident memory: 4 parts, and what the SDK adds to each."""

Figures = dict[str, float]


def reporter(folder: Path) -> None:
    """Upload the folder as the reporter does: 8 files at once, and 4 parts in memory over all files."""
    from handoff.message import Shard  # noqa: PLC0415  # a process loads only the library that it measures
    from reporter.fence import Fence  # noqa: PLC0415  # likewise
    from reporter.files.bucket import bucket  # noqa: PLC0415  # likewise
    from reporter.files.upload import upload  # noqa: PLC0415  # likewise

    async def run() -> None:
        async with bucket(BUCKET) as qa:
            begin()
            await upload(qa, folder, Fence("r-1", Shard(index=1, total=1), 1))

    asyncio.run(run())


def aioboto3(folder: Path) -> None:
    """Upload 8 files at once; 2 uploaders and a queue of 1 bound the memory of each file, but not of all files."""
    import aioboto3 as library  # noqa: PLC0415  # a process loads only the library that it measures
    from boto3.s3.transfer import TransferConfig  # noqa: PLC0415  # likewise

    from reporter.files.bucket import PART_BYTES  # noqa: PLC0415  # likewise
    from reporter.files.upload import FILES_AT_ONCE  # noqa: PLC0415  # likewise
    from reporter.walk import open_inside, walk  # noqa: PLC0415  # likewise

    config = TransferConfig(
        multipart_threshold=PART_BYTES, multipart_chunksize=PART_BYTES, max_concurrency=2, max_io_queue=1
    )

    async def run() -> None:
        async with library.Session(region_name=os.environ["AWS_REGION"]).client("s3") as client:
            begin()
            found = walk(folder)

            async def work() -> None:
                for file in found:
                    with os.fdopen(open_inside(folder, file.path), "rb") as opened:
                        await client.upload_fileobj(
                            opened, BUCKET, file.path, ExtraArgs={"ChecksumAlgorithm": "CRC32"}, Config=config
                        )

            async with asyncio.TaskGroup() as group:
                for _ in range(FILES_AT_ONCE):
                    group.create_task(work())

    asyncio.run(run())


def boto3(folder: Path) -> None:
    """Upload with one transfer manager: 8 requests at once, 4 parts in memory over all files."""
    import boto3 as library  # noqa: PLC0415  # a process loads only the library that it measures
    from s3transfer.manager import TransferConfig, TransferManager  # noqa: PLC0415  # likewise

    from reporter.files.bucket import PART_BYTES, PARTS_IN_MEMORY  # noqa: PLC0415  # likewise
    from reporter.files.upload import FILES_AT_ONCE  # noqa: PLC0415  # likewise
    from reporter.walk import open_inside, walk  # noqa: PLC0415  # likewise

    config = TransferConfig(
        multipart_threshold=PART_BYTES,
        multipart_chunksize=PART_BYTES,
        max_request_concurrency=FILES_AT_ONCE,
        max_in_memory_upload_chunks=PARTS_IN_MEMORY,
    )
    client = library.client("s3", region_name=os.environ["AWS_REGION"])
    begin()
    with TransferManager(client, config) as manager:
        waiting = []
        for file in walk(folder):
            opened = os.fdopen(open_inside(folder, file.path), "rb")
            future = manager.upload(opened, BUCKET, file.path, extra_args={"ChecksumAlgorithm": "CRC32"})
            waiting.append((future, opened))
        for future, opened in waiting:
            future.result()
            opened.close()


_begun: Figures = {}


def usage() -> Figures:
    """Return the clock, the CPU time and the peak of resident memory (MiB) of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {"seconds": time.monotonic(), "cpu": used.ru_utime + used.ru_stime, "memory": used.ru_maxrss / 1024}


def begin() -> None:
    """Start the measurement: imports are done, and the client exists."""
    _begun.update(usage())


def serve() -> None:
    """Run moto's server and print its URL."""
    from moto.server import ThreadedMotoServer  # noqa: PLC0415  # the uploading processes do without

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    print(f"http://{host}:{port}", flush=True)
    sys.stdin.read()  # until the parent closes it


def measure(name: str, folder: Path, endpoint: str) -> Figures:
    """Upload the folder in a fresh process to an empty bucket.

    Raises:
        AssertionError: the objects' sizes are not those of the files.
    """
    import boto3 as library  # noqa: PLC0415  # the uploading processes load their own

    access = {"region_name": "eu-central-1", "aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
    s3 = library.client("s3", endpoint_url=endpoint, **access)
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    env = os.environ | {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": access["region_name"],
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "PYTHONPATH": str(Path(__file__).parent.parent),
    }
    me = [sys.executable, __file__, "--role", name, "--folder", str(folder)]
    done = subprocess.run(me, env=env, stdout=subprocess.PIPE, check=True)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
    objects = [item for page in pages for item in page["Contents"]]
    assert sorted(item["Size"] for item in objects) == sorted(file.stat().st_size for file in folder.iterdir())
    s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": item["Key"]} for item in objects]})
    s3.delete_bucket(Bucket=BUCKET)
    figures: Figures = json.loads(done.stdout)
    return figures


def compare(title: str, folder: Path, count: int, endpoint: str) -> float:
    """Print the medians of each library and its ratios to the reporter; return the reporter's highest memory."""
    rounds = [{name: measure(name, folder, endpoint) for name in NAMES} for _ in range(count)]
    median = {
        name: {key: statistics.median(one[name][key] for one in rounds) for key in ("seconds", "cpu", "memory")}
        for name in NAMES
    }
    ours = median["reporter"]
    print(f"{title}, {len(rounds)} rounds")
    for name, figures in median.items():
        print(
            f"  {name:9} {figures['seconds']:6.2f} s (x{figures['seconds'] / ours['seconds']:.2f})"
            f"  {figures['cpu']:6.2f} s CPU (x{figures['cpu'] / ours['cpu']:.2f})"
            f"  +{figures['memory']:4.0f} MiB (x{figures['memory'] / max(ours['memory'], 1):.2f})"
        )
    return max(one["reporter"]["memory"] for one in rounds)


def fill(folder: Path, count: int, size: int) -> Path:
    """Create the folder with that many files of random bytes."""
    folder.mkdir()
    body = os.urandom(min(size, MIB))
    for number in range(count):
        with (folder / f"{number}.bin").open("wb") as file:
            for _ in range(size // len(body)):
                file.write(body)
    return folder


def scenarios(place: Path) -> dict[str, Path]:
    """Create the folder of each scenario."""
    return {
        "1 file of 200 MiB": fill(place / "one", 1, 200 * MIB),
        "8 files of 40 MiB": fill(place / "several", 8, 40 * MIB),
        "400 files of 16 KiB": fill(place / "small", 400, 16 * 1024),
    }


def main() -> int:
    """Run every scenario in alternating rounds and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--megabytes", type=int, help="upload one sparse file of this size with the reporter alone")
    parser.add_argument("--role", choices=("serve", *NAMES), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.role == "serve":
        serve()
        return 0
    if options.role:
        {"reporter": reporter, "aioboto3": aioboto3, "boto3": boto3}[options.role](options.folder)
        print(json.dumps({key: value - _begun[key] for key, value in usage().items()}))
        return 0
    with (
        tempfile.TemporaryDirectory() as place,
        subprocess.Popen(
            [sys.executable, __file__, "--role", "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as server,
    ):
        assert server.stdin is not None
        assert server.stdout is not None
        endpoint = server.stdout.readline().strip()
        if options.megabytes:
            sparse = Path(place) / "sparse"
            sparse.mkdir()
            with (sparse / "video.webm").open("wb") as file:
                file.truncate(options.megabytes * MIB)
            peaks = [measure("reporter", sparse, endpoint)["memory"]]
        else:
            peaks = [
                compare(title, folder, options.rounds, endpoint) for title, folder in scenarios(Path(place)).items()
            ]
        server.stdin.close()
    print(f"the reporter's upload adds at most {max(peaks):.0f} MiB (limit {LIMIT} MiB)")
    return 0 if max(peaks) <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
