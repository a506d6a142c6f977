"""Alarms and dashboard: they use metrics that exist, and each alarm links to the runbook."""

import json
import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatch
from typing import Any

import pytest
import yaml

from tests.support.aws.stacks import deploy, properties
from tests.support.aws.template import FOLDER

STACK = deploy()["alarms"]
ALARMS = {
    name: properties(STACK, name) for name, body in STACK.resources.items() if body["Type"] == "AWS::CloudWatch::Alarm"
}
LINE = json.loads((FOLDER / "observability" / "run-metrics.json").read_text())
"""The reporter prints one such line for each finished run."""

SQS = {"QueueName"}
PODS = {"ClusterName", "Namespace", "PodName"}
CONTAINERS = {*PODS, "ContainerName"}
PUBLISHED: Mapping[tuple[str, str], list[set[str]]] = {
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible"): [SQS],
    ("AWS/SQS", "ApproximateNumberOfMessagesNotVisible"): [SQS],
    ("AWS/SQS", "ApproximateAgeOfOldestMessage"): [SQS],
    ("AWS/SQS", "NumberOfMessagesReceived"): [SQS],
    # Source: kubernetes.go of the CloudWatch agent's awsemf translator. No metric has the namespace alone.
    ("ContainerInsights", "pod_number_of_container_restarts"): [PODS, {"ClusterName"}],
    ("ContainerInsights", "pod_container_status_terminated_reason_oom_killed"): [PODS, {"ClusterName"}],
    ("ContainerInsights", "container_memory_utilization_over_container_limit"): [CONTAINERS, {"ClusterName"}],
    **{
        ("testfleet", metric["Name"]): [set(dimensions) for dimensions in directive["Dimensions"]]
        for directive in LINE["_aws"]["CloudWatchMetrics"]
        for metric in directive["Metrics"]
    },
}
"""The dimensions of each published metric. With other dimensions, CloudWatch returns no data."""

QUERY = re.compile(
    r"SELECT \w+\((\w+)\) FROM SCHEMA\((\w+), ([\w, ]+)\)( WHERE [^']*(?:'[^']*'[^']*)+)?( GROUP BY \w+)?"
)


def metrics(alarm: Mapping[str, Any]) -> Iterator[tuple[str, str, set[str]]]:
    """Return namespace, metric and dimensions of each metric of an alarm."""
    for source in (
        alarm,
        *(query["MetricStat"]["Metric"] for query in alarm.get("Metrics", []) if "MetricStat" in query),
    ):
        if "MetricName" in source:
            names = {dimension["Name"] for dimension in source.get("Dimensions", [])}
            yield source["Namespace"], source["MetricName"], names
    yield from (selected(query["Expression"]) for query in alarm.get("Metrics", []) if is_query(query))


def is_query(query: Mapping[str, Any]) -> bool:
    return str(query.get("Expression", query.get("expression", ""))).startswith("SELECT")


def selected(expression: str) -> tuple[str, str, set[str]]:
    match = QUERY.fullmatch(expression)
    assert match, expression
    return match[2], match[1], set(match[3].split(", "))


def widgets() -> list[dict[str, Any]]:
    body: list[dict[str, Any]] = json.loads(properties(STACK, "Dashboard")["DashboardBody"])["widgets"]
    return body


def test_every_alarm_that_on_call_needs_exists() -> None:
    assert set(ALARMS) == {
        "DeadLetterQueueNotEmpty",
        "OldestMessageTooOld",
        "QueueStalled",
        "FailureRate",
        "ShardsRetried",
        "ContainerRestarted",
        "ContainerOutOfMemory",
        "WorkerMemoryNearLimit",
    }


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_uses_metrics_with_their_published_dimensions(name: str) -> None:
    """An alarm over a metric or dimensions that no program publishes would never fire."""
    looked_at = list(metrics(ALARMS[name]))
    assert looked_at
    for namespace, metric, dimensions in looked_at:
        assert dimensions in PUBLISHED[namespace, metric]


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_names_its_section_of_the_runbook(name: str) -> None:
    """The anchor is the alarm's name in the form of a heading."""
    anchor = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower()
    assert ALARMS[name]["AlarmDescription"].endswith(f" docs/runbook.md#{anchor}")
    assert len(ALARMS[name]["AlarmDescription"]) <= 1024


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_notifies_on_call_and_ignores_missing_data(name: str) -> None:
    """A fleet without jobs publishes no metric."""
    assert ALARMS[name]["AlarmActions"] == ["<testfleet-alarms/OnCall>"]
    assert ALARMS[name]["TreatMissingData"] == "notBreaching"


def test_the_failure_rate_is_judged_over_enough_cases_only() -> None:
    """One red case of three must not raise the alarm."""
    alarm = ALARMS["FailureRate"]
    (rate,) = (query["Expression"] for query in alarm["Metrics"] if query.get("ReturnData", True))
    assert rate == "IF(cases >= 50, 100 * failed / cases, 0)"
    assert int(alarm["Threshold"]) == 20


def test_a_queue_with_all_jobs_in_flight_is_not_stalled() -> None:
    """With MaxJobs in flight, no further worker receives."""
    (stalled,) = (query["Expression"] for query in ALARMS["QueueStalled"]["Metrics"] if query.get("ReturnData", True))
    assert stalled == "IF(waiting > 0 AND FILL(received, 0) == 0 AND FILL(inflight, 0) < 20, waiting, 0)"


def test_the_experiments_stop_on_alarms_that_exist() -> None:
    """The alarms are a message in the dead-letter queue and a stalled queue."""
    made = deploy(chaos={"NodegroupArn": "arn:aws:eks:eu-central-1:123456789012:nodegroup/qa/jobs/0a1b"})
    for experiment in ("DeletePods", "TerminateNodes"):
        conditions = properties(made["chaos"], experiment)["StopConditions"]
        assert [condition["Value"] for condition in conditions] == [
            "<testfleet-alarms/DeadLetterQueueNotEmpty.Arn>",
            "<testfleet-alarms/QueueStalled.Arn>",
        ]


def test_the_dashboard_is_valid_and_shows_published_metrics() -> None:
    """The JSON is valid for CloudWatch, no widgets overlap, and each widget has data."""
    taken: set[tuple[int, int]] = set()
    for widget in widgets():
        cells = {
            (x, y)
            for x in range(widget["x"], widget["x"] + widget["width"])
            for y in range(widget["y"], widget["y"] + widget["height"])
        }
        assert not cells & taken
        assert all(x < 24 for x, _ in cells)
        taken |= cells
        for row in widget["properties"].get("metrics", []):
            if is_query(row[0] if isinstance(row[0], dict) else {}):
                namespace, metric, dimensions = selected(row[0]["expression"])
            elif isinstance(row[0], str):
                namespace, metric, *rest = [part for part in row if isinstance(part, str)]
                dimensions = set(rest[::2])
            else:
                continue  # metric math over other metrics of the widget
            assert dimensions in PUBLISHED[namespace, metric]


def test_the_dashboard_shows_every_alarm() -> None:
    (shown,) = (widget["properties"]["alarms"] for widget in widgets() if widget["type"] == "alarm")
    assert set(shown) == {f"<testfleet-alarms/{name}.Arn>" for name in ALARMS}


def test_the_reporters_line_is_valid_embedded_metric_format() -> None:
    """Source: "Specification: Embedded metric format". Each declared metric and dimension is a root member."""
    (directive,) = LINE["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "testfleet"
    assert isinstance(LINE["_aws"]["Timestamp"], int)
    for metric in directive["Metrics"]:
        assert isinstance(LINE[metric["Name"]], int | float)
    for dimension in {name for names in directive["Dimensions"] for name in names}:
        assert isinstance(LINE[dimension], str)


def test_the_run_id_is_not_a_dimension() -> None:
    """As a dimension, it would create six metrics per run. It is a plain field for Logs Insights."""
    (directive,) = LINE["_aws"]["CloudWatchMetrics"]
    assert directive["Dimensions"] == [["suite", "status"], ["suite"], []]
    assert "runId" in LINE


def pipelines() -> dict[str, str]:
    """Return Fluent Bit's configuration on nodes or on Fargate."""
    values = yaml.safe_load((FOLDER / "observability" / "values.yaml").read_text())
    files = values["containerLogs"]["fluentBit"]["config"]["extraFiles"]
    fargate = list(yaml.safe_load_all((FOLDER / "observability" / "fargate.yaml").read_text()))
    return {"nodes": "\n".join(files.values()), "fargate": "\n".join(fargate[1]["data"].values())}


def settings(text: str, section: str) -> dict[str, str]:
    """Return the settings of each section of a kind by lower-case name; of a repeated one, the last value."""
    found = re.findall(rf"\[{section}\]\n((?:[ \t]+\S.*\n?|[ \t]*\n)*)", text)
    lines = [line.split(None, 1) for block in found for line in block.splitlines() if line.strip()]
    return {name.lower(): value for name, value in (line for line in lines if not line[0].startswith("#"))}


@pytest.mark.parametrize("place", ["nodes", "fargate"])
def test_the_agent_sends_the_line_unchanged(place: str) -> None:
    """CloudWatch searches for `_aws` at the root of a line only."""
    output = settings(pipelines()[place], "OUTPUT")
    assert output["log_key"] == "log"
    assert output["log_format"] == "json/emf"
    assert output["log_group_name"] == properties(STACK, "RunMetrics")["LogGroupName"]


@pytest.mark.parametrize("place", ["nodes", "fargate"])
def test_the_agent_sends_metric_lines_and_no_other_line_of_the_reporters(place: str) -> None:
    """The test applies the filter's expression to a metric line and to a log line."""
    name, pattern = settings(pipelines()[place], "FILTER")["regex"].split(None, 1)
    assert name == "log"
    assert re.search(pattern, (FOLDER / "observability" / "run-metrics.json").read_text())
    assert not re.search(pattern, '{"event": "shard_committed", "level": "info", "detail": "{\\"_aws\\": 1}"}')


def sources(place: str) -> list[str]:
    """Return the patterns of the file names that the agent reads."""
    if place == "nodes":
        return settings(pipelines()[place], "INPUT")["path"].split(",")
    matches = re.findall(r"^ *Match +kube\.(\S+)$", pipelines()[place], re.MULTILINE)
    assert all(matches.count(each) == matches.count(matches[0]) for each in matches)  # each is filtered and sent
    return [f"{each}.log" for each in matches]


@pytest.mark.parametrize("place", ["nodes", "fargate"])
def test_the_agent_reads_the_logs_with_metric_lines_only(place: str) -> None:
    """The kubelet names a container's log by pod, namespace and container."""
    files = {
        "testfleet-abc12-xyz_testfleet_reporter-0a1b2c.log": True,
        "testfleet-sweep-29384750-xyz_testfleet_sweep-0a1b2c.log": True,
        "testfleet-abc12-xyz_testfleet_worker-0a1b2c.log": False,
        "x_other_reporter-0a1b2c.log": False,
    }
    for name, is_read in files.items():
        found = [pattern for pattern in sources(place) if fnmatch(f"/var/log/containers/{name}", f"*{pattern}")]
        assert bool(found) == is_read, name


def test_each_dead_letter_queue_of_a_runner_has_its_alarm() -> None:
    """A job that no worker can run must reach on-call from every queue."""
    stack = deploy(alarms={"RunnerQueues": "true"})["alarms"]
    default = ALARMS["DeadLetterQueueNotEmpty"]
    (dead,) = (each["Value"] for each in default["Dimensions"])
    for runner in ("playwright", "k6", "newman", "pytest"):
        body = properties(stack, f"DeadLetterQueueNotEmpty{runner.capitalize()}")
        assert body["Dimensions"] == [{"Name": "QueueName", "Value": f"{dead.removesuffix('-dead')}-{runner}-dead"}]
        for key in default.keys() - {"Dimensions", "AlarmDescription"}:
            assert body[key] == default[key]


def test_container_insights_has_enhanced_observability() -> None:
    """Without it, the metrics of the three alarms over pods do not exist."""
    values = yaml.safe_load((FOLDER / "observability" / "values.yaml").read_text())
    collected = values["agent"]["config"]["logs"]["metrics_collected"]
    assert collected == {"kubernetes": {"enhanced_container_insights": True}}
