"""The suites of a generated history: their tools, shards and cases, with the names that each tool reports."""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from testfleet.seeding.values import CaseSpec, Suite, ToolName

HOSTILE_NAMES = (
    "<script>alert('case')</script>",
    "'; DROP TABLE test_cases; --",
    "::error file=a.js::not a workflow command",
    '=HYPERLINK("https://example.com","pay")',
    "| a | table | of Markdown | [link](javascript:alert(1))",
    "\N{RIGHT-TO-LEFT OVERRIDE}gnp.txt\N{POP DIRECTIONAL FORMATTING} uploads",
    "zero\N{ZERO WIDTH SPACE}width, 100 %s %d {0} ${HOME}",
    "\N{SURFER}\N{EMOJI MODIFIER FITZPATRICK TYPE-5} paie en \N{EURO SIGN} — naïve",
    "a very long name" + ", of a generated table row" * 70,
)
"""Names that are markup, commands or formulas elsewhere. The reporter stores them as they are."""

_PER_HUNDRED_SKIPPED = 3
_LATE = 0.07
"""Share of the cases that a commit adds after the history has begun, and share that a commit removes."""


@dataclass(frozen=True, slots=True)
class _Profile:
    """How a suite is built. `median_ms` is the median of the cases' medians."""

    name: str
    tool: ToolName
    version: str
    shards: int
    retries: int
    cases: int
    median_ms: float


_PROFILES = (
    _Profile("checkout", "playwright", "1.56.1", 4, 2, 64, 5200),
    _Profile("accounts", "pytest", "8.4.2", 2, 1, 56, 900),
    _Profile("orders-api", "newman", "6.2.1", 1, 0, 48, 240),
    _Profile("search", "playwright", "1.56.1", 2, 1, 44, 3900),
    _Profile("load-storefront", "k6", "1.3.0", 1, 0, 9, 310),
    _Profile("billing-legacy", "command", "junit 5.13", 2, 0, 36, 1600),
    _Profile("admin", "playwright", "1.56.1", 2, 2, 38, 4700),
    _Profile("notifications", "pytest", "8.4.2", 1, 0, 30, 700),
    _Profile("payments-api", "newman", "6.2.1", 1, 0, 34, 310),
)

_AREAS = {
    "checkout": ("cart", "payment", "delivery", "voucher"),
    "accounts": ("login", "profile", "sessions", "roles"),
    "orders-api": ("Orders", "Returns", "Invoices"),
    "search": ("facets", "suggestions", "results"),
    "billing-legacy": ("Invoice", "Dunning", "TaxRate"),
    "admin": ("catalogue", "users", "reports"),
    "notifications": ("email", "webhook"),
    "payments-api": ("Payments", "Refunds"),
}
_VERBS = ("adds", "removes", "shows", "rejects", "restores", "updates", "keeps")
_OBJECTS = ("the default address", "an expired card", "two items", "the last page", "a guest's data", "the total")
_FUNCTIONS = ("creates", "refuses", "expires", "lists", "renames", "locks", "merges")
_NOUNS = ("token", "member", "address", "invitation", "avatar", "password")
_LOCALES = ("de-DE", "en-GB", "fr-FR", "pl-PL")
_CALLS = ("GET", "POST", "PUT", "DELETE")
_CHECKS = ("status is 2xx", "body matches the schema", "answers within 800 ms", "rejects a foreign tenant")
_METHODS = ("roundsHalfUp", "addsLateFee", "splitsLines", "keepsCurrency", "numbersWithoutGap", "cancelsOnce")
_K6_CHECKS = (
    "home: status is 200",
    "product: status is 200",
    "product: price is shown",
    "cart: status is 200",
    "cart: item is stored",
    "checkout: status is 201",
    "http_req_duration: p(95)<500",
    "http_req_failed: rate<0.01",
    "checks: rate>0.99",
)


def build(chance: random.Random, count: int, commits: int) -> tuple[Suite, ...]:
    """Return `count` suites. `commits` is the number of commits of the default branch, which add and remove cases."""
    return tuple(_suite(chance, number, commits) for number in range(count))


def _suite(chance: random.Random, number: int, commits: int) -> Suite:
    profile = _PROFILES[number % len(_PROFILES)]
    again = number // len(_PROFILES)
    name = f"{profile.name}-{again + 1}" if again else profile.name
    named = list(_names(chance, profile))
    hostile = () if profile.tool == "k6" else chance.sample(HOSTILE_NAMES, k=2)
    named[: len(hostile)] = [(hostile_name, named[0][1]) for hostile_name in hostile]
    chance.shuffle(named)
    cases = tuple(_case(chance, profile, position, one, commits) for position, one in enumerate(named))
    return Suite(name, profile.tool, profile.version, profile.shards, profile.retries, cases)


def _case(chance: random.Random, profile: _Profile, position: int, named: tuple[str, str], commits: int) -> CaseSpec:
    name, file = named
    since, until = 0, None
    if profile.tool != "k6" and chance.random() < _LATE:
        since = chance.randrange(1, max(2, commits))
    elif profile.tool != "k6" and chance.random() < _LATE:
        until = chance.randrange(1, max(2, commits))
    return CaseSpec(
        name=name,
        file=file,
        median_ms=chance.lognormvariate(math.log(profile.median_ms), 0.7),
        spread=chance.uniform(0.08, 0.35),
        shard=position % profile.shards + 1,
        skipped=profile.tool != "k6" and chance.randrange(100) < _PER_HUNDRED_SKIPPED,
        since=since,
        until=until,
    )


def _names(chance: random.Random, profile: _Profile) -> Iterator[tuple[str, str]]:
    """Return name and file of each case of the suite; no two have the same name."""
    if profile.tool == "k6":
        return iter([(name, "load/storefront.js") for name in _K6_CHECKS])
    everything = list(_combinations(profile))
    return iter(sorted(chance.sample(everything, k=min(profile.cases, len(everything)))))


def _combinations(profile: _Profile) -> Iterator[tuple[str, str]]:
    areas = _AREAS[profile.name]
    if profile.tool == "playwright":
        for area, verb, thing in product(areas, _VERBS, _OBJECTS):
            file = f"{profile.name}/{area}.spec.ts"
            yield f"{file} > {area} \N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK} {verb} {thing}", file
    elif profile.tool == "pytest":
        for area, function, noun, locale in product(areas, _FUNCTIONS, _NOUNS, _LOCALES):
            file = f"tests/{profile.name}/test_{area}.py"
            yield f"tests.{profile.name}.test_{area}.test_{function}_{noun}[{locale}]", file
    elif profile.tool == "newman":
        for area, call, noun, check in product(areas, _CALLS, _NOUNS, _CHECKS):
            yield f"{area} > {call} {area.lower()}/{noun} > {check}", f"collections/{profile.name}.json"
    else:
        for area, method, locale in product(areas, _METHODS, _LOCALES):
            package = profile.name.partition("-")[0]
            file = f"src/test/java/com/example/{package}/{area}Test.java"
            yield f"com.example.{package}.{area}Test.{method}[{locale}]", file
