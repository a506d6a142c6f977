"""Newman: requests and assertions as cases, for any number of shards."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest


def request(name: str, *lines: str, url: str = "{{baseUrl}}/health", listen: str = "test") -> dict[str, Any]:
    return {
        "name": name,
        "request": {"method": "GET", "url": url},
        "event": [{"listen": listen, "script": {"type": "text/javascript", "exec": list(lines)}}],
    }


def collection(*items: dict[str, Any]) -> dict[str, str]:
    schema = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
    return {"collection.json": json.dumps({"info": {"name": "Mine", "schema": schema}, "item": items})}


def passing(name: str) -> dict[str, Any]:
    return request(name, f"pm.test('{name} is up', () => pm.response.to.have.status(200));")


def test_every_ending_of_a_request_is_reported(bench: Callable[..., Any]) -> None:
    """A request without a response and a script that threw are errors. Newman's own JUnit omits them."""
    ended = bench(
        "newman",
        collection(
            {
                "name": "Folder",
                "item": [
                    passing("A"),
                    request("B", r"pm.test('is <red> \u0007 ]]>', () => pm.response.to.have.status(418));"),
                ],
            },
            request("No answer", "pm.test('never asked', () => {});", url="http://127.0.0.1:1/"),
            request("Test throws", "throw new Error('boom');"),
            request("Throws before", "throw new Error('boom');", listen="prerequest"),
            request("Asserts nothing", ""),
            request("Skips", "pm.test.skip('later', () => {});"),
        ),
    ).run()
    assert ended.exit_code == 1
    by_name = dict(ended.cases)
    assert by_name["A is up"] == ()
    assert by_name["is <red> \ufffd ]]>"] == ("failure",)
    assert by_name["No answer"] == ("error",)
    assert by_name["Test throws"] == ("error",)
    assert by_name["Throws before"] == ("error",)
    assert by_name["Asserts nothing"] == ()
    assert by_name["later"] == ("skipped",)
    assert 'classname="Folder / A"' in ended.text("A is up")
    assert "ECONNREFUSED" in ended.text("No answer")
    assert float(ended.root.find(".//testcase").get("time")) >= 0


@pytest.mark.parametrize("total", [1, 2, 3])
def test_every_request_is_in_exactly_one_shard(bench: Callable[..., Any], total: int) -> None:
    """Folders of one name are two folders, and requests outside any stay together."""
    suite = bench(
        "newman",
        collection(
            passing("first loose"),
            {"name": "Same", "item": [passing("a"), {"name": "Inner", "item": [passing("b")]}]},
            {"name": "Same", "item": [passing("c")]},
            passing("second loose"),
        ),
    )
    shards = [suite.run(f"{index}/{total}") for index in range(1, total + 1)]
    names = [[name.removesuffix(" is up") for name, tags in shard.cases if not tags] for shard in shards]
    assert sorted(name for shard in names for name in shard) == ["a", "b", "c", "first loose", "second loose"]
    (loose,) = [shard for shard in names if "first loose" in shard]
    assert "second loose" in loose


def test_secrets_reach_the_collection_and_no_argv(bench: Callable[..., Any]) -> None:
    """A list of processes must not show them. The collection gets them as variables."""
    lines: Sequence[str] = (
        "pm.test('knows the token', () => pm.expect(pm.environment.get('TOKEN')).to.equal('s3cret'));",
        "pm.test('knows the run', () => pm.expect(pm.environment.get('RUN_ID')).to.equal('r-1'));",
        "pm.test('knows no machine', () => pm.expect(pm.environment.get('PATH')).to.be.undefined);",
    )
    suite = bench("newman", collection(request("Token", *lines)), secret={"TOKEN": "s3cret"})
    planned, _, _ = suite.planned()
    assert not any("s3cret" in word for word in planned.argv)
    ended = suite.run()
    assert [tags for _, tags in ended.cases] == [(), (), ()]
    assert "s3cret" not in ended.output


def test_a_run_that_stops_at_the_first_failure_reports_it(bench: Callable[..., Any]) -> None:
    """Newman's own options work, and the report is closed."""
    red = request("Red", "pm.test('is red', () => pm.expect(1).to.equal(2));")
    ended = bench("newman", collection(red, passing("Later")), args=("--bail",)).run()
    assert ended.exit_code == 1
    assert ("is red", ("failure",)) in ended.cases
    assert "Later is up" not in dict(ended.cases)


def test_a_collection_that_newman_refuses_is_not_green(bench: Callable[..., Any]) -> None:
    """An option that names no file ends the run before its first request."""
    ended = bench("newman", collection(passing("A")), args=("-e", "missing.json")).run()
    assert ended.exit_code == 1
    assert ended.cases == [("newman", ("error",))]
    assert "missing.json" in ended.text("newman")
