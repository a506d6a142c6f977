"""A suite that reads its secret and writes a file for a multipart upload."""

import os
from pathlib import Path

assert os.environ["SHOP_USER"] == "robin"
Path(os.environ["ARTIFACTS_DIR"], "video.webm").write_bytes(b"x" * (9 * 1024 * 1024))
Path(os.environ["JUNIT_FILE"]).write_text('<testsuite><testcase classname="shop" name="buys" time="0.1"/></testsuite>')
