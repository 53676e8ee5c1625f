"""Which steps are measured, so that measuring takes no more than its share of the wall clock."""

from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Callable

from ..stream.milestones import is_milestone

EARLY = 10  # milestones until here are measured whatever they cost
LATE, AHEAD = 0.125, 60.0  # of the budget, and of how many seconds to come, is for later ones while nobody looks
UNSEEN = 0.1  # of the budget is spent while nobody looks: 0.2 % of the time where 2 % are allowed
REMEMBERED = 51  # plain steps whose median is what a step takes
SHORTEST = 0.05  # seconds between two measured steps, at least: more than 20 pictures a second nobody sees


class Control:
    """Tells before each step whether it is to be measured.

    Time earns a share of itself; what a measured step takes more than plain ones is paid from that, and so is what the
    step after it takes more, since its caches are cold. Milestones (1, 2, 5, 10, …) are measured on credit, those after
    10 only where no debts are left or, while nobody looks, if measuring has then taken an eighth of the budget at most,
    of the first minute or of all the time until now. Savings never exceed the price of one measured step: a pause
    (evaluation, a checkpoint) is followed by no burst.

    Args:
        now: a clock, in seconds.
        budget: share of the time that measuring may take while somebody looks, 0…1.
        every: measure every so many steps instead.
    """

    def __init__(self, now: Callable[[], float], *, budget: float = 0.02, every: int | None = None) -> None:
        self.clock = now
        self._budget = budget
        self._every = every
        self._plain: deque[float] = deque(maxlen=REMEMBERED)
        self._last = now()
        self._saved = 0.0  # seconds that may be spent
        self._costs: deque[float] = deque(maxlen=5)
        self._price = 0.0  # of a measured step, as it was of late
        self._cost = 0.0  # of the measured step that is not paid up yet
        self._first, self._first_cost = 0, 0.0  # measured steps before any plain one, and what is charged for them
        self._measured_at: float | None = None
        self._beside = 0.0
        self._wished = False
        self._measuring = False
        self._after = False  # this step comes right after a measured one
        self._began = self._last
        self.step = 0  # the last one that has ended
        self.spent = 0.0  # seconds that measuring took, in all
        self.seen = False  # whether somebody looks
        self._was_seen = False
        self._forgiven = self._last - AHEAD  # when debts were forgiven last: not at each glance

    @property
    def now(self) -> float:
        """The time at the last step's end."""
        return self._last

    @property
    def share(self) -> float:
        """What measuring took of the time until now."""
        return self.spent / max(1e-9, self._last - self._began)

    @property
    def speed(self) -> float:
        """Steps a second, of plain ones; 0 before there was one."""
        return 1 / max(1e-9, statistics.median(self._plain)) if self._plain else 0.0

    def wish(self) -> None:
        """Measure the next step, whatever it costs."""
        self._wished = True

    def first(self) -> bool:
        """Whether the first step is to be measured."""
        return self._decide()

    def ended(self, own: float = 0.0, beside: float = 0.0) -> bool:
        """A step has ended; whether the next one is to be measured.

        Args:
            own: seconds that are known to have gone into measuring, the least that is charged.
            beside: seconds of a core that another thread has taken in all, to write what was measured.
        """
        now = self.clock()
        took, self._last = max(0.0, now - self._last), now  # a clock may be set back
        self.step += 1
        rate = self._budget if self.seen else self._budget * UNSEEN
        written, self._beside = max(0.0, beside - self._beside), beside
        self.spent += written
        self._saved -= written
        if self._measuring or self._after:
            usual = statistics.median(self._plain) if self._plain else took
            more = max(own, took - usual)
            self._cost += more
            self.spent += more
            self._saved += rate * took - more
            if self._after and not self._plain:  # nobody knows yet what a step takes by itself
                self._first, self._first_cost, self._cost = self._first + 1, self._first_cost + self._cost, 0.0
            elif self._after:
                self._costs.append(self._cost)
                self._price, self._cost = statistics.median(self._costs), 0.0
                self._settle()
        else:
            self._plain.append(took)
            self._saved += rate * took
        self._saved = min(self._saved, self._price)
        if self.seen and not self._was_seen and self._last - self._forgiven >= AHEAD:
            self._saved = max(self._saved, 0.0)  # who comes to look need not wait until milestones are paid for
            self._forgiven = self._last
        self._was_seen = self.seen
        self._after = self._measuring
        return self._decide()

    def _settle(self) -> None:
        """The first measured steps cost as much as one whose cost is known now, if not more is known of them."""
        missing = max(0.0, self._first * self._price - self._first_cost)
        self.spent += missing
        self._saved -= missing
        self._first, self._first_cost = 0, 0.0

    def _decide(self) -> bool:
        self._measuring = self._due()
        if self._measuring:
            self._wished = False
            self._measured_at = self._last
        return self._measuring

    def _due(self) -> bool:
        following = self.step + 1
        if self._wished:
            return True
        if self._every is not None:
            return following == 1 or following % self._every == 0
        if is_milestone(following) and (following <= EARLY or self._has_credit()):
            return True
        if self._after or not self._plain or self._saved < self._price or self._budget <= 0:
            return False
        return self._measured_at is None or self._last - self._measured_at >= SHORTEST

    def _has_credit(self) -> bool:
        if self.seen:  # then there is a measured step now and then anyway
            return self._saved >= 0.0
        most = self._budget * LATE * max(AHEAD, self._last - self._began)
        return self.spent + self._price <= most
