"""The environment of a suite's process. It inherits only an allow-list of the worker's variables."""

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
"""Variables that tools need. No other variable of the worker reaches a suite, above all no AWS variable."""


def of_suite(
    worker: Mapping[str, str],
    *,
    runner: Mapping[str, str],
    suite: Mapping[str, str],
    secret: Mapping[str, str],
    job: JobMessage,
    folders: Folders,
) -> dict[str, str]:
    """Return the suite's environment. A later parameter overrides an earlier one.

    A message sets only `PARAM_…` and fixed names, so that it can't set any other variable (`LD_PRELOAD`).
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
