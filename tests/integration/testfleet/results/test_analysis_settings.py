"""The settings of the analysis in the database."""

from decimal import Decimal

import psycopg

from testfleet.database.connection import Database
from testfleet.results import analysis_settings
from testfleet.results.analysis_settings import AnalysisSettings


def test_a_new_database_has_no_prices(database: Database) -> None:
    """A price that a program invents would make every cost wrong."""
    assert analysis_settings.read(database) == AnalysisSettings(("main", "master", "trunk", ""), None, None, "USD", 75)


def test_only_the_given_settings_change(database: Database) -> None:
    analysis_settings.write(database, {"vcpu_hour_price": Decimal("0.04656"), "default_branches": ["develop", ""]})
    analysis_settings.write(database, {"min_cases_percent": 90, "currency": "EUR"})
    assert analysis_settings.read(database) == AnalysisSettings(("develop", ""), 0.04656, None, "EUR", 90)


def test_a_price_can_be_removed(database: Database) -> None:
    for price in (Decimal("0.1"), None):
        analysis_settings.write(database, {"gb_hour_price": price})
    assert analysis_settings.read(database).gb_hour_price is None


def test_the_table_refuses_what_the_command_refuses(database: Database) -> None:
    """A person may change the row with SQL."""
    wrong = ("vcpu_hour_price = -1", "gb_hour_price = 'NaN'", "currency = 'x'", "min_cases_percent = 101")
    for change in wrong:
        with psycopg.connect(database.url) as connection:
            try:
                connection.execute(f"UPDATE analysis_settings SET {change}".encode())
            except psycopg.errors.CheckViolation:
                continue
        raise AssertionError(change)
