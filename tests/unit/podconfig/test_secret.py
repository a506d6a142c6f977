"""Which errors of AWS may pass."""

import pytest
from botocore.exceptions import ClientError

from podconfig.secret import _is_passing


@pytest.mark.parametrize(
    ("code", "status", "passing"),
    [
        ("ThrottlingException", 400, True),
        ("InternalServiceError", 500, True),
        ("ExpiredToken", 400, True),
        ("ResourceNotFoundException", 400, False),
        ("AccessDeniedException", 400, False),
        ("DecryptionFailure", 400, False),
    ],
)
def test_only_a_refusal_is_final(code: str, status: int, *, passing: bool) -> None:
    """Many pods start at once; throttling must not count as a wrong setting."""
    response = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    assert _is_passing(ClientError(response, "GetSecretValue")) is passing  # type: ignore[arg-type]  # a part of one
