"""Comments of AWS CodeCommit. The only module of this folder that imports its SDK."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError

from runtime.settings import aws_region
from runtime.text import one_line
from testfleet.comment.forge import Comment, NotOwned
from testfleet.errors import BadSetting, CommandError, Refused, Unavailable

_CONFIG = Config(connect_timeout=5, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 5})
"""The SDK retries, also when CodeCommit limits the rate."""

_PASSING = ("Throttl", "TooManyRequests", "ServiceUnavailable", "Internal", "EncryptionKeyUnavailable")


@dataclass(frozen=True, slots=True)
class CodeCommit:
    """One pull request."""

    client: Any
    repository: str
    number: str
    limit: ClassVar[int] = 10_240
    """CodeCommit's quota for the size of a comment."""

    @classmethod
    def of(cls, repository: str, number: str) -> "CodeCommit":
        """Return the pull request, with the region and the credentials of the SDK's own chain."""
        try:
            client = boto3.Session(region_name=aws_region()).client("codecommit", config=_CONFIG)
        except NoRegionError as error:
            raise BadSetting("AWS_REGION: must name the region of the CodeCommit repository") from error
        return cls(client, repository, number)

    def comments(self) -> Iterator[Comment]:
        """Yield the comments page by page, without deleted ones and replies."""
        token: dict[str, str] = {}
        while True:
            answer = self._call(
                "get_comments_for_pull_request",
                pullRequestId=self.number,
                repositoryName=self.repository,
                maxResults=100,
                **token,
            )
            for thread in answer.get("commentsForPullRequestData", ()):
                for one in thread.get("comments", ()):
                    if not one.get("deleted") and not one.get("inReplyTo"):
                        yield Comment(one["commentId"], one.get("content") or "")
            if not answer.get("nextToken"):
                return
            token = {"nextToken": answer["nextToken"]}

    def owns(self, comment: Comment) -> bool:  # noqa: ARG002  # `update` learns it: an author is a session of a role
        """Return True. CodeCommit refuses the update of another author's comment."""
        return True

    def add(self, body: str) -> str:
        """Add a comment to the newest state of the pull request, and return its id."""
        pull = self._call("get_pull_request", pullRequestId=self.number)["pullRequest"]
        target = next(
            (one for one in pull["pullRequestTargets"] if one["repositoryName"] == self.repository),
            pull["pullRequestTargets"][0],
        )
        made = self._call(
            "post_comment_for_pull_request",
            pullRequestId=self.number,
            repositoryName=self.repository,
            beforeCommitId=target["destinationCommit"],
            afterCommitId=target["sourceCommit"],
            content=body,
        )
        return str(made["comment"]["commentId"])

    def update(self, comment: Comment, body: str) -> str:
        """Replace the body of a comment and return its id. Only its author may do this."""
        return str(self._call("update_comment", commentId=comment.id, content=body)["comment"]["commentId"])

    def _call(self, operation: str, **arguments: Any) -> Any:
        try:
            return getattr(self.client, operation)(**arguments)
        except NoCredentialsError as error:
            raise BadSetting("AWS credentials: are required to comment on CodeCommit") from error
        except ClientError as error:
            raise _translated(error) from error
        except BotoCoreError as error:
            raise Unavailable(f"CodeCommit: {one_line(error)}") from error


def _translated(error: ClientError) -> CommandError:
    code = str(error.response.get("Error", {}).get("Code", ""))
    line = f"CodeCommit: {one_line(error)}"
    if code == "CommentNotCreatedByCallerException":
        return NotOwned(line)
    return Unavailable(line) if code.startswith(_PASSING) else Refused(line)
