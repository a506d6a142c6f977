"""The embedded endpoint, seen from elsewhere."""

import http.client
from urllib.parse import urlsplit

from testfleet.local.aws import BUCKET, endpoint


def test_the_bucket_is_found_under_any_name_of_the_host() -> None:
    """A Service's has a dot; moto would take what is before it for the name of the bucket."""
    with endpoint(port=0, visibility_timeout=30, secrets={}) as aws:
        connection = http.client.HTTPConnection(urlsplit(aws.url).netloc, timeout=30)
        for host in ("testfleet-embedded.testfleet:5000", "testfleet-embedded:5000", "10.0.0.1:5000"):
            connection.request("HEAD", f"/{BUCKET}", headers={"Host": host})
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200, host
        connection.close()
