"""The clock that all lanes follow: how far it runs, whether lanes move, and by how many steps in turn."""

from __future__ import annotations

from collections.abc import Iterable

STRIDE = 8  # steps that a lane takes before it is another's turn: what it works on stays in the cache
STRIDE_SECONDS = 0.02  # that all lanes' turns may take: commands wait for them


class Clock:
    """The step that the selected lanes are at, or catch up to, and the one that it runs to.

    It knows steps, not lanes: who moves it says what they have done.
    """

    def __init__(self) -> None:
        self.now = 0
        self.target: int | None = None  # it stops there
        self.running = False
        self.catching_up = False  # lanes may move towards it
        self.stride = 1  # steps that lanes take in turn

    # ------------------------------------------------------------------------------------- what is asked

    @property
    def since(self) -> int:
        """The step that further steps count from: what was asked before and is still to be run comes first."""
        return self.target if self.running and self.target is not None else self.now

    def run_for(self, steps: int) -> None:
        """Run on by some steps."""
        self._run_to(self.since + max(0, steps))

    def run_for_epochs(self, epochs: int, *, end: int, per_epoch: int) -> None:
        """Run to the epochs-th end of an epoch from here on, at least to the next.

        Args:
            end: the step at which the epoch that the clock is in ends.
            per_epoch: steps in an epoch.
        """
        ends_passed = max(0, (self.since - end) // per_epoch + 1)
        self._run_to(end + per_epoch * (ends_passed + max(1, epochs) - 1))

    def run_to(self, step: int) -> None:
        """Run to a step; never back."""
        self._run_to(max(self.now, step))

    def run_on(self) -> None:
        """Run until it is paused."""
        self.target, self.running, self.catching_up = None, True, True

    def _run_to(self, target: int) -> None:
        self.target, self.running, self.catching_up = target, target > self.now, True

    def pause(self) -> None:
        """Stop, and let no lane catch up."""
        self.running = self.catching_up = False

    def restart(self) -> None:
        """Stop at step 0."""
        self.now = 0
        self.pause()

    # ----------------------------------------------------------------------------------- what lanes have done

    def tick(self) -> int:
        """Go on by a stride, no further than the target; gives the steps that every lane has to take now."""
        steps = self.stride if self.target is None else min(self.stride, self.target - self.now)
        self.now += steps
        return steps

    def took(self, seconds: float) -> None:
        """Choose the next stride by the seconds that a step of all lanes took."""
        self.stride = max(1, min(STRIDE, int(STRIDE_SECONDS / max(seconds, 1e-6))))

    def is_last(self, step: int) -> bool:
        """Whether lanes stand still after this step: it must be measured."""
        return step == self.now and (step == self.target or not self.running)

    def stop_at_target(self) -> None:
        """Stop if the target is reached."""
        if self.running and self.target is not None and self.now >= self.target:
            self.running = False

    def follow(self, steps: Iterable[int]) -> None:
        """Go on to where the furthest lane is."""
        self.now = max([self.now, *steps])

    def stop_with(self, steps: Iterable[int]) -> None:
        """Stop where the furthest lane is: none of them can go on."""
        self.running, self.now = False, max(steps)
