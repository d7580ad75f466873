"""Plan and state of a rating session."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from curation.decisions.schema import plan_field
from curation.errors import RuleError, SessionError
from curation.tiers.tier_rule import DEFAULT_RULE, TIER_NAMES, TierRule
from curation.wording import plural

MAX_SIZE = 100_000
#: Choices that take as many scans as there are, whatever size is asked for.
WHOLE_LISTS = ("all", "session", "list")


@dataclass(frozen=True)
class SessionPlan:
    """Plan of a session.

    Parameters
    ----------
    name : str
        Of the session; a rater has one session of a name.
    rater : str
        Who rates.
    scale : str
        Name of the scale.
    choice : str
        Key of :data:`curation.sessions.sampling.CHOICES`, with its argument after a colon: ``'tier:B'``,
        ``'near-cutoff:42.5'``.
    size : int
        How many different scans, repeats not counted.
    repeats_share : float
        Hidden repeats as a share of ``size``, 0 to 0.5.
    blinded : bool
        Whether name, age, group, site, scores and other ratings are hidden until a rating is saved.
    seed : int
        Draws the scans, their order and the repeats.
    air_first : bool
        Whether each scan is first seen through the window that shows the air, before the brain draws the eye.
    rule : TierRule
        The tiers and cut-offs that ``'tier:…'`` and ``'near-cutoff'`` mean.
    """

    name: str
    rater: str
    scale: str
    choice: str = "random"
    size: int = 50
    repeats_share: float = 0.1
    blinded: bool = True
    seed: int = 0
    rule: TierRule = DEFAULT_RULE
    air_first: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return the plan as plain JSON-ready values."""
        return asdict(replace(self, rule=DEFAULT_RULE)) | {"rule": self.rule.as_dict()}

    def other_than(self, model: "SessionPlan") -> list[str]:
        """Return in words what is rated otherwise than in a session that this follows, the scale apart."""

        def said(plan: "SessionPlan") -> dict[str, str]:
            return {
                "hidden repeats": f"{100 * plan.repeats_share:.0f} %",
                "blinded": "yes" if plan.blinded else "no",
                "air first": "yes" if plan.air_first else "no",
            }

        here, there = said(self), said(model)
        other = [what for what in here if here[what] != there[what]]
        return [f"{what} {here[what]}, there {there[what]}" for what in other]

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "SessionPlan":
        """Build a plan from the result of :meth:`as_dict`; older ones held cut-offs of the score alone.

        Raises
        ------
        SessionError
            When the values are no plan.
        """
        try:
            given = dict(values)
            cutoffs = tuple(given.pop("cutoffs", DEFAULT_RULE.cutoffs))
            old = TierRule(TIER_NAMES[: len(cutoffs) + 1], cutoffs)
            rule = TierRule.from_dict(given.pop("rule")) if "rule" in given else old
            plan = cls(**given, rule=rule)
        except (TypeError, ValueError, KeyError, AttributeError, RuleError) as error:
            raise SessionError(f"The plan of a session cannot be read ({error}).") from error
        for name, value in given.items():
            if plan_field(given, name) is None:
                raise SessionError(
                    f"The plan of a session cannot be read: its {name} is {value!r:.60}."
                )
        return plan


@dataclass(frozen=True)
class SessionItem:
    """One entry of a session's list.

    Parameters
    ----------
    position : int
        0 and up.
    scan_id : str
        What is shown.
    repeat_of : int or None
        The position at which this scan came before. Never shown.
    """

    position: int
    scan_id: str
    repeat_of: int | None


@dataclass(frozen=True)
class Session:
    """A session as it stands.

    Parameters
    ----------
    id : int
        Its number.
    plan : Plan
        What it was planned to be.
    items : tuple of Item
        The list.
    rated : dict of int to int
        Position -> number of the rating that stands there.
    words : dict of int to str
        Position -> word of the level that was given there.
    attempts : dict of int to int
        Position -> how often it was taken back; absent where never.
    ended : bool
        Whether what it hid was shown: nothing is rated or taken back in it any more.
    """

    id: int
    plan: SessionPlan
    items: tuple[SessionItem, ...]
    rated: dict[int, int]
    words: dict[int, str]
    attempts: dict[int, int]
    ended: bool = False

    @property
    def position(self) -> int:
        """The next position without a rating; the list's length where there is none."""
        return next((i.position for i in self.items if i.position not in self.rated), self.total)

    @property
    def attempt(self) -> int:
        """How often the next position was taken back."""
        return self.attempts.get(self.position, 0)

    @property
    def done(self) -> int:
        """How many positions have a rating."""
        return len(self.rated)

    @property
    def total(self) -> int:
        """How many positions there are, repeats counted."""
        return len(self.items)

    @property
    def drawn(self) -> int:
        """How many different scans there are."""
        return sum(item.repeat_of is None for item in self.items)

    @property
    def fell_short(self) -> bool:
        """Whether more scans were asked for than the choice has."""
        whole = self.plan.choice.partition(":")[0] in WHOLE_LISTS
        return not whole and self.drawn < self.plan.size

    @property
    def extent(self) -> str:
        """How many scans were drawn, how many of them come twice, and whether that is all, in words."""
        twice = self.total - self.drawn
        again = f", {twice} of them twice" if twice else ""
        short = (
            f"; {self.plan.size} were asked for, the choice has no more" if self.fell_short else ""
        )
        return f"{plural(self.drawn, 'scan')}{again}{short}"

    @property
    def shortfall(self) -> str:
        """That more scans were asked for, in a sentence that tells nothing of repeats; empty where none."""
        if not self.fell_short:
            return ""
        if self.total < self.plan.size:
            return f"{self.plan.size:,} scans were asked for; the choice has no more."
        return "Fewer scans than were asked for: the choice has no more."

    @property
    def finished(self) -> bool:
        """Whether every position has a rating, or the session was ended before."""
        return self.ended or self.done == self.total

    @property
    def last(self) -> int | None:
        """The newest rating that is not withdrawn, the one that :func:`.session_log.undo` takes back."""
        return max(self.rated.values(), default=None)
