"""A proxy of the AWS endpoint that records each call as IAM's action and resource, by access key."""

import http.client
import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from tests.support.aws.policy import Call
from tests.support.aws.resolve import ACCOUNT, REGION

_CREDENTIAL = re.compile(r"Credential=([^/]+)/[0-9]{8}/[^/]+/([^/]+)/aws4_request")
_OWN = {"connection", "transfer-encoding", "content-length", "date", "server"}
"""Headers that apply to one connection and are not forwarded."""

REFUSAL = b"<?xml version='1.0'?><Error><Code>InvalidRequest</Code><Message>refused by the test</Message></Error>"


@dataclass
class Recorder:
    """The calls of each access key. Each program has its own key."""

    url: str
    _calls: dict[str, set[Call]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _refuse_next_part: bool = False

    def calls(self, access_key: str) -> frozenset[Call]:
        with self._lock:
            return frozenset(self._calls.get(access_key, ()))

    def callers(self) -> frozenset[str]:
        with self._lock:
            return frozenset(self._calls)

    def refuse_next_part(self) -> None:
        """Refuse the next part of a multipart upload, once."""
        with self._lock:
            self._refuse_next_part = True

    def record(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> bool:
        """Record the request. Return False if the proxy must refuse it."""
        match = _CREDENTIAL.search(headers.get("authorization", ""))
        access_key, service = match.groups() if match else ("no access key", "unsigned")
        call = call_of(service, method, target, headers, body)
        with self._lock:
            self._calls.setdefault(access_key, set()).add(call)
            refused = self._refuse_next_part and service == "s3" and "partNumber=" in target
            self._refuse_next_part = self._refuse_next_part and not refused
        return not refused


def call_of(service: str, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Call:
    """Return the action and resource that IAM would check. No policy allows the result for an unknown request."""
    action = headers.get("x-amz-target", "").rpartition(".")[2]
    if service == "sqs" and action:
        _, account, name = urlsplit(json.loads(body)["QueueUrl"]).path.split("/")
        return Call(f"sqs:{action.removesuffix('Batch')}", f"arn:aws:sqs:{REGION}:{account}:{name}")
    if service == "secretsmanager" and action:
        # Secrets Manager appends six random characters to each ARN.
        secret = f"{json.loads(body)['SecretId']}-AbCdEf"
        return Call(f"secretsmanager:{action}", f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{secret}")
    if service == "s3":
        url = urlsplit(target)
        query = parse_qs(url.query, keep_blank_values=True)
        return Call(_s3_action(method, query), f"arn:aws:s3:::{url.path.removeprefix('/')}")
    return Call(f"{service}:{action or method}", "*")


def _s3_action(method: str, query: Mapping[str, list[str]]) -> str:
    """Return the action of a request to S3. Every step of a multipart upload is a put, except its abort.

    Source: "Actions defined by Amazon S3".
    """
    known = query.keys() - {"x-id"}
    match method, known:
        case "HEAD", names if not names:  # of a bucket; no program sends it for an object
            return "s3:ListBucket"
        case "PUT", names if names <= {"partNumber", "uploadId"}:
            return "s3:PutObject"
        case "POST", names if names in ({"uploads"}, {"uploadId"}):
            return "s3:PutObject"
        case "DELETE", names if names == {"uploadId"}:
            return "s3:AbortMultipartUpload"
    return f"s3:{method}?{'&'.join(sorted(known))}"


@contextmanager
def recorder(endpoint: str) -> Iterator[Recorder]:
    """Run a recorder in front of the endpoint while the block lasts."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    record = Recorder(f"http://127.0.0.1:{server.server_port}")
    _Handler.of[server] = (record, urlsplit(endpoint).netloc)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield record
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        del _Handler.of[server]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    of: dict[object, tuple[Recorder, str]] = {}  # noqa: RUF012  # http.server creates the handlers and passes no state

    def _pass_on(self) -> None:
        record, target = self.of[self.server]
        body = self._body()
        headers = {name.lower(): value for name, value in self.headers.items()}
        if not record.record(self.command, self.path, headers, body):
            self._answer(400, {"content-type": "application/xml"}, REFUSAL)
            return
        upstream = http.client.HTTPConnection(target, timeout=60)
        try:
            upstream.request(self.command, self.path, body, {k: v for k, v in headers.items() if k not in _OWN})
            answer = upstream.getresponse()
            content = answer.read()
            self._answer(answer.status, dict(answer.getheaders()), content)
        finally:
            upstream.close()

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(parts)

    def _answer(self, status: int, headers: Mapping[str, str], content: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in _OWN:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _pass_on  # noqa: N815  # http.server's names

    def log_message(self, *_: object) -> None:
        """Print no line for each request."""
