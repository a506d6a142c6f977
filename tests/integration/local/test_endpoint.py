"""The embedded endpoint: requests of SDKs and of web pages, and its death."""

import http.client
import json
import os
import queue
import subprocess
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import psutil
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from testfleet.local.aws.endpoint import BUCKET, REGION, AwsEndpoint, endpoint
from testfleet.local.samples.browser import find_browser

NAME = "testfleet-embedded.testfleet"

ATTACK = """<!doctype html><body><pre id="answers"></pre><script>
const url = "URL", queue = "QUEUE", bucket = "BUCKET";
const signed = {"Authorization": "AWS4-HMAC-SHA256 Credential=testing/20260101/eu-central-1/sqs/aws4_request, " +
  "SignedHeaders=host, Signature=00", "X-Amz-Target": "AmazonSQS.SendMessage",
  "Content-Type": "application/x-amz-json-1.0"};
const send = JSON.stringify({QueueUrl: queue, MessageBody: '{"suite":"smoke"}'});
const form = new URLSearchParams({Action: "SendMessage", QueueUrl: queue, MessageBody: "x", Version: "2012-11-05"});
const tries = [
  [url + "/", {method: "POST", headers: signed, body: send}],
  [url + "/", {method: "POST", mode: "no-cors", body: form}],
  [queue, {method: "POST", mode: "no-cors", body: form}],
  [url + "/sqs_eu-central-1/?" + form, {mode: "no-cors"}],
  [url + "/" + bucket + "/page.html", {method: "PUT", body: "x"}],
  [url + "/" + bucket, {}],
  [url + "/moto-api/reset", {method: "POST", mode: "no-cors"}],
];
const image = new Image();
image.src = queue + "?" + form;
Promise.all(tries.map(([to, options]) => fetch(to, options).then((answer) => answer.text(), () => "")))
  .then((answers) => { document.getElementById("answers").textContent = JSON.stringify(answers); });
</script></body>"""


@pytest.fixture(scope="module")
def aws() -> Iterator[AwsEndpoint]:
    with endpoint(port=0, visibility_timeout=30, secrets={}, names=[NAME]) as running:
        yield running


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    """Serve a folder at another origin than the endpoint's."""
    handler = partial(_Silent, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        serving = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        serving.start()
        yield f"http://localhost:{server.server_port}"
        server.shutdown()
        serving.join()


class _Silent(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Print nothing."""


def signed(aws: AwsEndpoint, method: str, path: str, service: str, **headers: str) -> tuple[int, bytes]:
    """Return status and body of the answer to a signed request with these headers."""
    request = AWSRequest(method, f"{aws.url}{path}")
    SigV4Auth(Credentials("testing", "testing"), service, REGION).add_auth(request)
    connection = http.client.HTTPConnection(urlsplit(aws.url).netloc, timeout=30)
    try:
        connection.request(method, path, headers=dict(request.headers) | headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


@pytest.mark.parametrize("host", ["testfleet-embedded.testfleet:5000", "localhost:5000", "127.0.0.1:5000"])
def test_the_bucket_is_found_under_each_name_of_the_host(aws: AwsEndpoint, host: str) -> None:
    """A Service's name has a dot. moto would read the part before it as the bucket's name."""
    assert signed(aws, "HEAD", f"/{BUCKET}", "s3", Host=host)[0] == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"Host": "rebound.example.com"}, 403), ({"Origin": "http://localhost:1"}, 403), ({"Authorization": ""}, 403)],
)
def test_a_request_that_a_page_can_make_is_rejected(aws: AwsEndpoint, headers: dict[str, str], status: int) -> None:
    assert signed(aws, "GET", f"/{BUCKET}", "s3", **headers)[0] == status


@pytest.mark.parametrize("service", ["batch", "ec2", "iam", "sts"])
def test_only_the_services_of_the_fleet_are_served(aws: AwsEndpoint, service: str) -> None:
    """moto's Batch can start containers."""
    status, body = signed(aws, "GET", "/", service)
    assert (status, body.decode()) == (
        403,
        f"refused: the service {service} is not served; allowed: s3, secretsmanager, sqs\n",
    )


def test_the_state_of_the_endpoint_is_no_service(aws: AwsEndpoint) -> None:
    assert signed(aws, "POST", "/moto-api/reset", "s3")[0] == 403
    assert aws.depth(aws.queue_url) == (0, 0)


def test_a_page_of_another_origin_can_neither_send_nor_read(aws: AwsEndpoint, site: str, tmp_path: Path) -> None:
    """A real browser tries scripts, forms and images; no message is enqueued and no object is written."""
    browser = find_browser()
    if browser is None:
        pytest.skip("no browser is installed; `make setup` installs one")
    page = ATTACK.replace("URL", aws.url, 1).replace("QUEUE", aws.queue_url, 1).replace("BUCKET", aws.bucket, 1)
    (tmp_path / "attack.html").write_text(page)
    argv = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    ended = subprocess.run(
        [*argv, profile, "--virtual-time-budget=10000", "--dump-dom", f"{site}/attack.html"],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert f'<pre id="answers">{json.dumps([""] * 7, separators=(",", ":"))}</pre>' in ended.stdout
    assert aws.depth(aws.queue_url) == (0, 0)
    assert "Contents" not in aws.client("s3").list_objects_v2(Bucket=aws.bucket)


def test_a_server_that_is_killed_is_reported() -> None:
    """The program that runs the server can then exit."""
    deaths: queue.Queue[str] = queue.Queue()
    before = {child.pid for child in psutil.Process(os.getpid()).children()}
    with endpoint(port=0, visibility_timeout=30, secrets={}, on_death=deaths.put):
        (server,) = [child for child in psutil.Process(os.getpid()).children() if child.pid not in before]
        server.kill()
        assert deaths.get(timeout=30) == "AWS endpoint: ended with exit code -9"


def test_a_server_that_is_stopped_is_not_reported() -> None:
    deaths: queue.Queue[str] = queue.Queue()
    with endpoint(port=0, visibility_timeout=30, secrets={}, on_death=deaths.put):
        pass
    assert deaths.empty()
