"""The text of the runbook: its alarms, links, limits and quoted errors."""

import json
import re
from pathlib import Path

import pytest

from testfleet.database import migrations
from testfleet.errors import BadSetting
from tests.support.aws.template import load
from tests.support.manifests import containers, of_kind, one, overlay
from tests.support.runbook import ROOT, TEXT, blocks


def test_alarms_and_their_sections_match() -> None:
    """Each alarm has one section, and each section has one alarm."""
    resources = load("alarms")["Resources"].values()
    described = [json.dumps(each["Properties"]) for each in resources if each["Type"] == "AWS::CloudWatch::Alarm"]
    anchors = [anchor for each in described for anchor in re.findall(r"\$\{Runbook\}#([a-z-]+)", each)]
    assert len(anchors) == len(described)
    section = TEXT[TEXT.index("\n## Alarms") : TEXT.index("\n## Upgrade")]
    assert sorted(set(anchors)) == sorted(slug(title) for title in re.findall(r"^### (.*)$", section, re.MULTILINE))


def slug(title: str) -> str:
    """Return the anchor that GitHub derives from a heading."""
    return re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-")


def test_every_link_has_a_target() -> None:
    """The target is an existing file, and an existing heading in it."""
    links = re.findall(r"\]\(([^)\s]+)\)", TEXT)
    assert links
    for link in links:
        file, _, anchor = link.partition("#")
        text = (ROOT / "docs" / file).resolve() if file else ROOT / "docs" / "runbook.md"
        if text.is_dir():
            text = text / "README.md"
        assert text.is_file(), link
        if anchor:
            assert anchor in {slug(title) for title in re.findall(r"^#+ (.*)$", text.read_text(), re.MULTILINE)}, link


def test_every_path_in_the_text_exists() -> None:
    for path in re.findall(r"(?<![\w./-])((?:deploy|docker|docs|tests)/[\w./-]+\w)", TEXT):
        assert (ROOT / path).exists(), path


def test_the_sizes_and_times_are_those_of_templates_and_manifests() -> None:
    """On-call relies on these limits."""
    assert load("registry")["Parameters"]["KeepImages"]["Default"] == 30
    assert "keeps 30 tags of each" in TEXT
    assert load("queue")["Resources"]["Queue"]["Properties"]["MessageRetentionPeriod"] == 4 * 86400
    assert "for four days" in TEXT
    assert "received five times" in TEXT
    assert load("queue")["Parameters"]["MaxReceiveCount"]["Default"] == 5
    (scaled,) = of_kind(overlay("eks"), "ScaledJob")
    pod = scaled["spec"]["jobTargetRef"]["template"]["spec"]
    sizes = {each["name"]: each["emptyDir"].get("sizeLimit") for each in pod["volumes"] if "emptyDir" in each}
    assert f"`/artifacts` ({sizes['artifacts'].replace('Gi', ' GiB')})" in TEXT
    assert f"`/tmp` ({sizes['worker-tmp'].replace('Gi', ' GiB')})" in TEXT
    assert containers(pod)["reporter"]["resources"]["limits"]["memory"] == "512Mi"
    assert "may have 512" in TEXT
    assert load("alarms")["Resources"]["WorkerMemoryNearLimit"]["Properties"]["Threshold"] == 95
    assert "below 95 % of the limit" in TEXT
    assert {each["tolerationSeconds"] for each in pod["tolerations"]} == {30}
    assert "30 s later it marks the pods" in TEXT


def test_a_migration_of_newer_tables_fails_at_once() -> None:
    """After a roll-back, the migration Job does not retry a final error."""
    rules = one(overlay("eks"), "Job", "testfleet-migrate")["spec"]["podFailurePolicy"]["rules"]
    (rule,) = [each["onExitCodes"] for each in rules if each["onExitCodes"]["containerName"] == "migrate"]
    assert 78 in rule["values"]


def test_an_older_testfleet_prints_the_quoted_line() -> None:
    """After a roll-back, the tables are newer than the command."""
    known = migrations.load(migrations.folder())
    newer = len(known) + 1
    applied = [(each.version, each.file, each.sha256) for each in known]
    with pytest.raises(BadSetting) as caught:
        migrations.check(known, [*applied, (newer, f"V{newer}__….sql", "")])
    (quoted,) = blocks("text")
    # the versions in the runbook are examples
    line, expected = (re.sub("[0-9]+", "N", text) for text in (f"testfleet: {caught.value}", quoted))
    assert line.startswith(expected.strip())


def test_the_alarms_link_to_the_runbook() -> None:
    assert load("alarms")["Parameters"]["Runbook"]["Default"] == "docs/runbook.md"
    assert Path(ROOT / "docs" / "runbook.md").is_file()
