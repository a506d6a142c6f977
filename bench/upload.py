"""How much memory the sidecar takes for one very large video. `python bench/upload.py [--megabytes 2048]`.

The file is sparse, and the bucket a sink of ours in a process of its own that counts bytes and throws them away:
what is measured is the uploading process alone. Exit code 1 where its peak is over the limit.
"""

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MIB = 1024 * 1024


async def sink(ready: int) -> None:
    """An S3 that takes everything; it prints its port, then the number of bytes of the object at its end."""
    received = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal received
        while head := await reader.readuntil(b"\r\n\r\n"):
            request, *lines = head.decode().strip().split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            if headers.get("expect"):
                writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            left = int(headers.get("content-length", "0"))
            if request.startswith("PUT"):
                received += left
            while left:
                left -= len(await reader.read(min(left, MIB)))
            body = b"<R><UploadId>u</UploadId><ETag>e</ETag></R>" if request.startswith("POST") else b""
            writer.write(b'HTTP/1.1 200 OK\r\nETag: "e"\r\nContent-Length: %d\r\n\r\n' % len(body) + body)
            await writer.drain()
            if request.startswith("POST") and "uploadId" in request:
                os.write(ready, b"%d\n" % received)

    async def quietly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(quietly, "127.0.0.1", 0)
    os.write(ready, b"%d\n" % server.sockets[0].getsockname()[1])
    await server.serve_forever()


async def upload_all(folder: Path) -> None:
    """What the reporter does after the outcome; prints size, seconds and memory before and at the peak, in MiB."""
    from handoff.message import Shard  # noqa: PLC0415  # the sink does without, so that its start is quick
    from reporter.fence import Fence  # noqa: PLC0415  # likewise
    from reporter.files.bucket import bucket  # noqa: PLC0415  # likewise
    from reporter.files.upload import upload  # noqa: PLC0415  # likewise

    async with bucket("qa-bench") as qa:
        before = peak()
        begun = time.monotonic()
        (done,) = await upload(qa, folder, Fence("r-1", Shard(index=1, total=1), 1))
        seconds = time.monotonic() - begun
    print(json.dumps({"bytes": done.bytes, "seconds": seconds, "before": before, "peak": peak()}))


def peak() -> float:
    """The highest resident memory of this process so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> int:
    """Start the sink and the uploader, and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=2048, help="size of the file in MiB")
    parser.add_argument("--limit", type=int, default=256, help="allowed peak of resident memory in MiB")
    parser.add_argument("--role", choices=("sink", "upload"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.role == "sink":
        asyncio.run(sink(sys.stdout.fileno()))
    if asked.role == "upload":
        asyncio.run(upload_all(asked.folder))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        with (Path(folder) / "video.webm").open("wb") as video:
            video.truncate(asked.megabytes * MIB)
        return compare(Path(folder), asked.megabytes, asked.limit)


def compare(folder: Path, megabytes: int, limit: int) -> int:
    """Upload the folder's one file from a fresh process and print its figures."""
    me = [sys.executable, __file__]
    with subprocess.Popen([*me, "--role", "sink"], stdout=subprocess.PIPE, text=True) as bucket:
        assert bucket.stdout is not None
        env = os.environ | {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{bucket.stdout.readline().strip()}",
            "AWS_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "PYTHONPATH": str(Path(__file__).parent.parent),
        }
        try:
            told = subprocess.run(
                [*me, "--role", "upload", "--folder", str(folder)], env=env, stdout=subprocess.PIPE, check=True
            )
            figures = json.loads(told.stdout)
            received = int(bucket.stdout.readline())
        finally:
            bucket.kill()
    whole = received == figures["bytes"] == megabytes * MIB
    print(
        f"{megabytes} MiB in {figures['seconds']:.1f} s; resident memory {figures['before']:.0f} MiB before, "
        f"{figures['peak']:.0f} MiB at the peak (limit {limit} MiB); received {received} bytes"
    )
    return 0 if whole and figures["peak"] <= limit else 1


if __name__ == "__main__":
    sys.exit(main())
