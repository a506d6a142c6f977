"""Signatures of Standard Webhooks."""

import pytest

from testfleet.notices import signing


def test_a_signature_is_that_of_the_reference_implementation() -> None:
    """The vector is that of the tests of github.com/standard-webhooks/standard-webhooks."""
    key = signing.key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = signing.headers([key], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_two_secrets_give_two_signatures() -> None:
    old, new = b"o" * 24, b"n" * 24
    both = signing.headers([old, new], "m", 1, b"{}")["webhook-signature"]
    assert both.split(" ") == [signing.headers([key], "m", 1, b"{}")["webhook-signature"] for key in (old, new)]


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "whsec_",
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whsec_c2hvcnQ=",
        "whsec_not base64!" + "a" * 32,
        "whsec_" + "A" * 88,
    ],
)
def test_a_secret_of_another_form_is_refused_without_its_value(secret: str) -> None:
    with pytest.raises(ValueError, match=r"^must be whsec_ and 24 to 64 bytes in base64$"):
        signing.key(secret)
