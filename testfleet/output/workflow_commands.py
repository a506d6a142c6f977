"""Keeps a CI service from executing text of cases as a workflow command.

GitHub's runner executes a line that begins with `::` after trimming, and `##[` anywhere in a line. Azure's agent
executes `##vso[` and `##[` anywhere. Both may skip invisible characters when they compare.
"""

import re

_BREAK = "\\r\\n\\x0b\\x0c\\x1c-\\x1e\\x85\\u2028\\u2029"
_SKIPPED = r"[\s\x00-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]{0,2000}"
_GITHUB = re.compile(rf"((?:^|[{_BREAK}]){_SKIPPED}:)(?={_SKIPPED}:)")
_AZURE = re.compile(r"##(?=(?:vso)?\[)", re.IGNORECASE)
_JSON = re.compile(r"##(?=(?:vso)?\[)|[\x7f-\x9f\u2028\u2029]", re.IGNORECASE)


def inert(text: str) -> str:
    """Return the text with a blank inside each mark of a command: `: :error: :…` remains readable."""
    return _AZURE.sub("# #", _GITHUB.sub(r"\1 ", text))


def inert_json(text: str) -> str:
    """Return JSON of the same value in which no string contains the mark of a command or a line break of Unicode."""
    return _JSON.sub(lambda match: "#\\u0023" if match[0] == "##" else f"\\u{ord(match[0]):04x}", text)
