"""The dashboards' JSON is that of the code, and Grafana can lay it out and follow its links."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from deploy.grafana.build import DASHBOARDS
from deploy.grafana.model import COLUMNS, Dashboard
from deploy.grafana.render import RUN, render

GRAFANA = Path(__file__).parents[3] / "deploy" / "grafana"


@pytest.mark.parametrize("board", DASHBOARDS, ids=lambda board: board.slug)
def test_the_committed_json_is_that_of_the_code(board: Dashboard) -> None:
    """A change of a panel needs a run of `python -m deploy.grafana.build`."""
    assert json.loads((GRAFANA / "dashboards" / f"{board.slug}.json").read_text()) == render(board)


def test_the_folder_holds_no_other_dashboard() -> None:
    """The JSON of a dashboard that the code no longer has is removed, too."""
    assert {path.stem for path in (GRAFANA / "dashboards").iterdir()} == {board.slug for board in DASHBOARDS}


def test_panels_of_a_dashboard_never_overlap() -> None:
    """Grafana would move overlapping panels."""
    for board in DASHBOARDS:
        cells = Counter(
            (x, y)
            for panel in render(board)["panels"]
            for place in [panel["gridPos"]]
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        )
        assert max(cells.values()) == 1
        assert max(x for x, _ in cells) < COLUMNS


def test_every_table_with_runs_links_to_the_run() -> None:
    """A panel with run ids has the link, and its target dashboard has the variable that the link sets."""
    targets = {f"/d/{render(board)['uid']}" for board in DASHBOARDS if board.by_run}
    assert RUN.partition("?")[0] in targets
    for board in DASHBOARDS:
        for panel in render(board)["panels"]:
            if re.search(r"\brun_id\b(?=[, ].*FROM)|AS run_id\b", panel["targets"][0]["rawSql"]) and not board.by_run:
                assert RUN in json.dumps(panel["fieldConfig"])
