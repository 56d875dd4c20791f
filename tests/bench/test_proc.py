"""Processes are read from the kernel's own counters."""

import os
import time

from bench.proc import TICKS, cpu_seconds


def test_of_a_process_the_cpu_time_is_told_that_it_took() -> None:
    began, wanted = time.process_time(), 5 / TICKS
    while time.process_time() - began < wanted:
        pass

    told, taken = cpu_seconds(os.getpid()), time.process_time()

    assert abs(told - taken) <= 3 / TICKS
