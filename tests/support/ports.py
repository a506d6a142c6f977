"""Ports for servers that cannot choose a free port themselves."""

import random
import socket
from contextlib import suppress

import pytest


def free_ports(number: int) -> list[int]:
    """Return free ports below 32768. The kernel assigns ports from 32768 on, so these stay free."""
    found: list[int] = []
    for port in random.sample(range(20_000, 32_768), k=1000):
        with suppress(OSError), socket.create_server(("0.0.0.0", port)):
            found.append(port)
        if len(found) == number:
            return found
    pytest.fail("no ports are free")
