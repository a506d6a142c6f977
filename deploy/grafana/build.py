"""Builds the dashboards: `python -m deploy.grafana.build` writes `dashboards/*.json`.

Each panel is one SQL statement over the tables and views of `migrations/`. The views define the words "flaky" and
"regression". The JSON is committed, and a test compares it with this code.
"""

import json
from pathlib import Path

from deploy.grafana.boards.flaky import FLAKY
from deploy.grafana.boards.fleet import FLEET
from deploy.grafana.boards.overview import OVERVIEW
from deploy.grafana.boards.run import ONE_RUN
from deploy.grafana.boards.suite import SUITE
from deploy.grafana.render import render

FOLDER = Path(__file__).parent / "dashboards"

DASHBOARDS = (OVERVIEW, SUITE, FLAKY, FLEET, ONE_RUN)


def main() -> None:
    """Write every dashboard as `dashboards/{slug}.json`."""
    FOLDER.mkdir(exist_ok=True)
    for dashboard in DASHBOARDS:
        (FOLDER / f"{dashboard.slug}.json").write_text(json.dumps(render(dashboard), indent=2) + "\n")


if __name__ == "__main__":
    main()
