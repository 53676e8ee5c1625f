"""SIGCONT while the program leaves: the terminal that was given back is not taken again."""

from __future__ import annotations

import asyncio
import os
import signal

from textual.drivers.linux_driver import LinuxDriver

from tuiinit.explorer.signals import when_continued


class Recorded(LinuxDriver):
    """A driver without a terminal, which tells what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._must_signal_resume = False
        self._auto_restart = True

    def suspend_application_mode(self) -> None:
        self.asked.append("give back")

    def resume_application_mode(self) -> None:
        self.asked.append("take")


async def continued() -> None:
    """Have the process told to go on, and all that follows be done."""
    os.kill(os.getpid(), signal.SIGCONT)
    done = asyncio.Event()
    asyncio.get_running_loop().call_soon_threadsafe(done.set)
    await done.wait()


async def test_a_terminal_that_was_given_back_stays_so() -> None:
    driver, before, leaving = Recorded(), signal.getsignal(signal.SIGCONT), [False]
    when_continued(driver, lambda: leaving[0])
    try:
        await continued()
        assert driver.asked == ["give back", "take"]
        leaving[0] = True
        driver._must_signal_resume = False
        await continued()
        assert driver.asked == ["give back", "take"]
    finally:
        signal.signal(signal.SIGCONT, before)
