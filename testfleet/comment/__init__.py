"""The comment on a pull request: found by a hidden marker, updated rather than added.

`place` chooses the forge and the pull request. `github`, `gitlab` and `codecommit` each speak to one forge. `post`
finds the comment and writes it.
"""

from typing import TYPE_CHECKING

from testfleet.lazy import submodules

if TYPE_CHECKING:
    from testfleet.comment import codecommit, github, gitlab, place, post

__all__ = ["codecommit", "github", "gitlab", "place", "post"]
__getattr__ = submodules(__name__, __all__)
