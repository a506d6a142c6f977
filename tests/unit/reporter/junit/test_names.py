"""Names of cases: stable, and different for each case."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from handoff.message import Shard
from reporter.junit.names import MAX_NAME_BYTES, Namer, case_name, shard_name

NAMES = st.lists(st.sampled_from(["A", "A #2", "A #2 #2", "A #3", "B", "", "Ä" * 1500, "Ä" * 1501]) | st.text())


@pytest.mark.parametrize(
    ("classname", "name", "whole"),
    [
        ("tests.test_cart.TestCart", "test_adds[a b]", "tests.test_cart.TestCart.test_adds[a b]"),
        ("shop.CartTest", "holds(String)[1]", "shop.CartTest.holds(String)[1]"),
        ("shop.CartTest", "holds an item", "shop.CartTest > holds an item"),
        ("Shop.CartTest", 'testAdds with data set "one"', 'Shop.CartTest.testAdds with data set "one"'),
        ("example.com/shop/cart", "TestTable/one_item", "example.com/shop/cart.TestTable/one_item"),
        ("cart.spec.ts", "[chromium] Cart adds", "cart.spec.ts > [chromium] Cart adds"),
        ("src/cart.test.ts", "adds", "src/cart.test.ts > adds"),
        ("cart checkout", "adds", "cart checkout > adds"),
        ("adds", "adds", "adds"),
        ("cart", "cart > adds", "cart > adds"),
        ("", "adds", "adds"),
        ("shop.CartTest", "", "shop.CartTest"),
        ("", "", "unnamed"),
        (" shop ", " adds\n\tan item\x00 ", "shop > adds an item\ufffd"),
    ],
)
def test_class_and_name_are_joined(classname: str, name: str, whole: str) -> None:
    """A dot joins a method to its class. ` > ` joins a sentence to its group."""
    assert case_name(classname, name) == whole


@pytest.mark.parametrize(
    ("suites", "whole"),
    [
        (("Checkout", "Card"), "Checkout > Card > pays"),
        (("", "Card"), "Card > pays"),
        (("pytest",), "pays"),
        ((), "pays"),
    ],
)
def test_the_suites_replace_a_missing_class(suites: tuple[str, ...], whole: str) -> None:
    """A suite with the name of the tool is left out."""
    assert case_name("", "pays", suites) == whole


@pytest.mark.parametrize("place", ["/home/ci/build-7/", "/builds/x/", "C:\\agent\\_work\\1\\", "file:///srv/"])
def test_the_folder_of_a_machine_is_left_out(place: str) -> None:
    """The name stays the same in another workspace."""
    assert case_name(f"{place}cart.test.js", "adds") == "cart.test.js > adds"


def test_the_path_of_a_request_is_kept() -> None:
    """It is the same on each machine."""
    assert case_name("/api/items", "answers") == "/api/items.answers"


def test_repeats_are_counted_in_their_order() -> None:
    """The first keeps its name. A case whose own name is `A #2` keeps a name of its own, too."""
    namer = Namer()
    assert [namer.name(raw) for raw in ["A", "B", "A", "A #2", "A", "A"]] == [
        "A",
        "B",
        "A #2",
        "A #2 #2",
        "A #3",
        "A #4",
    ]


@given(NAMES)
@example(["A #2", "A", "A", "A"])
def test_no_two_cases_ever_share_a_name(raws: list[str]) -> None:
    """All names differ, fit into an index and are the same in the next attempt."""
    namer, again = Namer(), Namer()
    names = [namer.name(raw) for raw in raws]
    assert len(set(names)) == len(names)
    assert names == [again.name(raw) for raw in raws]
    assert all(len(name.encode(errors="surrogatepass")) <= MAX_NAME_BYTES for name in names)


@given(NAMES)
def test_a_name_is_only_changed_if_it_is_taken(raws: list[str]) -> None:
    namer = Namer()
    given_before: set[str] = set()
    for raw in raws:
        name = namer.name(raw)
        if raw not in given_before and len(raw) < 500:
            assert name == raw
        given_before.add(name)


def test_a_long_name_is_cut_and_stays_unique() -> None:
    """Two names that only differ beyond the cut stay different, in each attempt alike."""
    one, other = "x" * 5000 + "1", "x" * 5000 + "2"
    namer = Namer()
    names = [namer.name(one), namer.name(other), namer.name(one)]
    assert len(set(names)) == 3
    assert names[2].endswith(" #2")
    assert [len(name.encode()) for name in names] == [MAX_NAME_BYTES] * 3
    assert names[0] == Namer().name(one)


def test_a_name_of_another_shards_row_gets_the_shard() -> None:
    assert shard_name("A", Shard(index=2, total=4)) == "A [shard 2/4]"


@given(st.sets(st.text(max_size=3) | st.text(alphabet="xy", min_size=1990, max_size=2010), max_size=20))
def test_different_names_stay_different_with_the_shard(names: set[str]) -> None:
    """This holds for long names and repeated additions."""
    shard = Shard(index=2, total=4)
    for _ in range(3):
        named = {shard_name(name, shard) for name in names}
        assert len(named) == len(names)
        assert all(name.endswith(" [shard 2/4]") for name in named)
        assert all(len(name.encode(errors="replace")) <= MAX_NAME_BYTES for name in named)
        names = named
