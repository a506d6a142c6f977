"""The shop and the visitor of the current request."""

import secrets
from dataclasses import dataclass
from typing import cast

from flask import Flask, current_app, request, session

from shop.goods import Shop


@dataclass(frozen=True, slots=True)
class Visitor:
    """`session` identifies a cart. `visit` ties several sessions together.

    A test sets the cookie `visit`. Without the cookie, each session is a visit of its own.
    """

    session: str
    visit: str


def open_shop(app: Flask) -> None:
    """Give the application a new shop."""
    app.extensions["shop"] = Shop()


def shop() -> Shop:
    """Return the shop of the application."""
    return cast("Shop", current_app.extensions["shop"])


def visitor() -> Visitor:
    """Return the visitor. A new visitor gets a session."""
    own = session.setdefault("id", secrets.token_hex(16))
    return Visitor(own, request.cookies.get("visit", own))
