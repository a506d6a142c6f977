"""The Flask application: the pages for browsers and the JSON API, over one shop."""

import secrets

from flask import Flask

from shop import api, context, pages

MAX_BODY = 64 * 1024
"""Bytes of a request's body."""


def create_app() -> Flask:
    """Return the application over a new shop."""
    app = Flask(__name__)
    app.secret_key = secrets.token_bytes()  # signs the session cookie; carts do not outlive the process either
    app.config.update(MAX_CONTENT_LENGTH=MAX_BODY, SESSION_COOKIE_SAMESITE="Lax")
    context.open_shop(app)
    app.register_blueprint(pages.pages)
    app.register_blueprint(api.api)
    return app
