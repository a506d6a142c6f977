"""Signatures of webhooks as the specification Standard Webhooks 1.0.0 defines them: https://www.standardwebhooks.com."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence

PREFIX = "whsec_"
MIN_BYTES = 24
MAX_BYTES = 64


def key(secret: str) -> bytes:
    """Return the key of a secret: `whsec_` and 24 to 64 bytes in base64.

    Raises:
        ValueError: the secret has another form. The error does not contain it.
    """
    allowed = f"must be {PREFIX} and {MIN_BYTES} to {MAX_BYTES} bytes in base64"
    if not secret.startswith(PREFIX):
        raise ValueError(allowed)
    try:
        decoded = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        raise ValueError(allowed) from None
    if not MIN_BYTES <= len(decoded) <= MAX_BYTES:
        raise ValueError(allowed)
    return decoded


def headers(keys: Sequence[bytes], message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the three headers of a webhook. `timestamp` is the time of this try, in seconds since 1970.

    Each key gives one signature, so that a receiver accepts the old and the new secret while they are exchanged.
    """
    content = f"{message_id}.{timestamp}.".encode() + body
    signatures = (base64.b64encode(hmac.new(each, content, hashlib.sha256).digest()).decode() for each in keys)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }
