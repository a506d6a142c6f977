"""Precision and recall."""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Score:
    """Counts of one detector. `apart` are counted neither way, by their reason."""

    found: int = 0
    """True positives."""
    wrong: int = 0
    """False positives."""
    missed: int = 0
    """False negatives."""
    apart: dict[str, int] = field(default_factory=dict)
    examples: tuple[str, ...] = ()

    @property
    def precision(self) -> float | None:
        """The share of the answers that are right, or None without an answer."""
        return self.found / (self.found + self.wrong) if self.found + self.wrong else None

    @property
    def recall(self) -> float | None:
        """The share of the true ones that are found, or None without a true one."""
        return self.found / (self.found + self.missed) if self.found + self.missed else None

    def __add__(self, other: "Score") -> "Score":
        """Return the counts of both."""
        apart = {key: self.apart.get(key, 0) + other.apart.get(key, 0) for key in {**self.apart, **other.apart}}
        return Score(
            self.found + other.found,
            self.wrong + other.wrong,
            self.missed + other.missed,
            apart,
            self.examples + other.examples,
        )


def compare(
    answered: Iterable[Hashable],
    true: Iterable[Hashable],
    *,
    neither: Iterable[Hashable] = (),
    apart: dict[str, int] | None = None,
) -> Score:
    """Score a set of answers. An answer in `neither` is no true positive and no false one."""
    answers, truth, ignored = set(answered), set(true), set(neither)
    wrong, missed = answers - truth - ignored, truth - answers
    return Score(
        found=len(answers & truth),
        wrong=len(wrong),
        missed=len(missed),
        apart=apart or {},
        examples=(
            *(f"wrong {one}" for one in sorted(map(str, wrong))),
            *(f"missed {one}" for one in sorted(map(str, missed))),
        ),
    )
