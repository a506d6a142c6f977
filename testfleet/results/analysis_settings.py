"""The settings of the analysis: the one row of `analysis_settings`."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from runtime.text import one_line
from testfleet.database.connection import Database
from testfleet.errors import BadSetting, Refused

_INSUFFICIENT_PRIVILEGE = "42501"
"""PostgreSQL's SQLSTATE of a missing right."""

MAX_PRICE = 1_000_000
MAX_BRANCHES = 50
MAX_BRANCH = 1024

READ = """
    SELECT default_branches, vcpu_hour_price::double precision, gb_hour_price::double precision, currency,
           min_cases_percent
    FROM analysis_settings
"""

WRITE = """
    UPDATE analysis_settings SET
        default_branches = CASE WHEN 'default_branches' = ANY (%(names)s)
            THEN %(default_branches)s::text[] ELSE default_branches END,
        vcpu_hour_price = CASE WHEN 'vcpu_hour_price' = ANY (%(names)s)
            THEN %(vcpu_hour_price)s::numeric ELSE vcpu_hour_price END,
        gb_hour_price = CASE WHEN 'gb_hour_price' = ANY (%(names)s)
            THEN %(gb_hour_price)s::numeric ELSE gb_hour_price END,
        currency = CASE WHEN 'currency' = ANY (%(names)s) THEN %(currency)s::text ELSE currency END,
        min_cases_percent = CASE WHEN 'min_cases_percent' = ANY (%(names)s)
            THEN %(min_cases_percent)s::integer ELSE min_cases_percent END
    RETURNING only_row
"""


@dataclass(frozen=True, slots=True)
class AnalysisSettings:
    """The settings, named like the columns. A price that is not set is None, and costs are then unknown."""

    default_branches: tuple[str, ...]
    """In the order of preference. The empty text stands for runs without a branch."""
    vcpu_hour_price: float | None
    gb_hour_price: float | None
    currency: str
    min_cases_percent: int


MEANINGS = {
    "default_branches": "branches that others are compared with, by preference; an empty item: runs without a branch",
    "vcpu_hour_price": "price of a requested vCPU for an hour; empty: unknown",
    "gb_hour_price": "price of a requested GB (1024 MiB) of memory for an hour; empty: unknown",
    "currency": "of both prices: a code of three letters",
    "min_cases_percent": "a run with a smaller share of its usual cases is incomplete",
}


def read(database: Database) -> AnalysisSettings:
    """Return the settings.

    Raises:
        Unavailable, BadSetting: as `Database.connect`.
    """
    with database.connect() as connection:
        found = connection.rows(READ)
    if not found:
        raise BadSetting("TESTFLEET_DATABASE_URL: the table analysis_settings has lost its row; insert DEFAULT VALUES")
    return AnalysisSettings(**found[0] | {"default_branches": tuple(found[0]["default_branches"])})


def write(database: Database, changes: dict[str, Any]) -> None:
    """Change the settings in one statement. `changes` is what `parse` returned.

    Raises:
        BadSetting: the login may not change them.
        Unavailable, BadSetting: as `Database.connect`.
    """
    with database.connect() as connection:
        try:
            connection.rows(WRITE, {"names": list(changes), **dict.fromkeys(MEANINGS), **changes})
        except BadSetting as error:
            if getattr(error.__cause__, "sqlstate", None) != _INSUFFICIENT_PRIVILEGE:
                raise
            raise BadSetting(f"{error}; log in as a member of the role that owns the tables") from error


def parse(pairs: Sequence[str]) -> dict[str, Any]:
    """Return the values by name of `NAME=VALUE` pairs.

    Raises:
        Refused: a name is unknown or occurs twice, or a value is not allowed.
    """
    changes: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if name not in _PARSERS:
            raise Refused(f"{_shown(name)}: is no setting; the settings are {', '.join(_PARSERS)}")
        if not equals:
            raise Refused(f"{name}: must be given as {name}=VALUE")
        if name in changes:
            raise Refused(f"{name}: is given twice")
        changes[name] = _PARSERS[name](name, text)
    return changes


def _price(name: str, text: str) -> Decimal | None:
    if not text:
        return None
    try:
        price = Decimal(text) if text.isascii() else None
    except InvalidOperation:
        price = None
    if price is None or not price.is_finite() or not 0 <= price <= MAX_PRICE:
        raise Refused(f"{name}: must be a number from 0 to {MAX_PRICE}, or empty for unknown, but is {_shown(text)}")
    return price


def _percent(name: str, text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,3}", text) or int(text) > 100:  # noqa: PLR2004  # percent
        raise Refused(f"{name}: must be a whole number from 0 to 100, but is {_shown(text)}")
    return int(text)


def _currency(name: str, text: str) -> str:
    if not re.fullmatch("[A-Z]{3}", text):
        raise Refused(f"{name}: must be a code of three capital letters, such as EUR, but is {_shown(text)}")
    return text


def _branches(name: str, text: str) -> list[str]:
    branches = [branch.strip() for branch in text.split(",")]
    good = all(branch.isprintable() and len(branch.encode(errors="replace")) <= MAX_BRANCH for branch in branches)
    if not good or len(set(branches)) != len(branches) or len(branches) > MAX_BRANCHES:
        raise Refused(
            f"{name}: must be 1 to {MAX_BRANCHES} different branches of at most {MAX_BRANCH} bytes, separated by "
            f"commas, but is {_shown(text)}"
        )
    return branches


_PARSERS: dict[str, Callable[[str, str], Any]] = {
    "default_branches": _branches,
    "vcpu_hour_price": _price,
    "gb_hour_price": _price,
    "currency": _currency,
    "min_cases_percent": _percent,
}


def _shown(text: str) -> str:
    """Return the text as a quoted word that fits into a line."""
    return ascii(one_line(text)[:60])
