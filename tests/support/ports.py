"""Ports for servers that can't take any free one."""

import random
import socket
from contextlib import suppress

import pytest


def free_ports(number: int) -> list[int]:
    """Free ones below 32768, from where up the kernel serves whoever asks for any, so that they stay free."""
    found: list[int] = []
    for port in random.sample(range(20_000, 32_768), k=1000):
        with suppress(OSError), socket.create_server(("0.0.0.0", port)):
            found.append(port)
        if len(found) == number:
            return found
    pytest.fail("no ports are free")
