"""The environment that a suite's process gets: nothing of the pod's but an allow-list."""

from collections.abc import Mapping
from fnmatch import fnmatchcase

from handoff.message import JobMessage
from worker.runners.plan import Folders

_INHERITED = (
    *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "LC_*", "TZ", "TMPDIR", "TERM", "CI"),
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"),
    *("NODE_OPTIONS", "NODE_PATH", "JAVA_HOME", "PLAYWRIGHT_*", "K6_*", "PYTEST_*", "NPM_CONFIG_*", "npm_config_*"),
)
"""What tools need of the machine. Everything else of the worker's stays away, above all each AWS variable."""


def of_suite(
    worker: Mapping[str, str],
    *,
    runner: Mapping[str, str],
    suite: Mapping[str, str],
    secret: Mapping[str, str],
    job: JobMessage,
    folders: Folders,
) -> dict[str, str]:
    """The suite's environment; what comes later in the list of parameters wins.

    Of the message only `PARAM_…` and fixed names are set, so that it can reach no other variable (`LD_PRELOAD`).
    """
    inherited = {name: value for name, value in worker.items() if any(fnmatchcase(name, rule) for rule in _INHERITED)}
    return {**inherited, **runner, **suite, **secret, **_of_job(job, folders)}


def _of_job(job: JobMessage, folders: Folders) -> dict[str, str]:
    optional = {"TARGET_URL": job.target_url, "BASE_URL": job.target_url, "COMMIT": job.commit}
    return {
        **{f"PARAM_{name.upper()}": value for name, value in job.params.items()},
        **{name: value for name, value in optional.items() if value is not None},
        "RUN_ID": job.run_id,
        "SHARD_INDEX": str(job.shard.index),
        "SHARD_TOTAL": str(job.shard.total),
        "ARTIFACTS_DIR": str(folders.artifacts),
        "JUNIT_FILE": str(folders.junit_file),
        "COLLECTION_FILE": str(folders.collection_file),
    }
