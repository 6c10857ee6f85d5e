"""Ending every process of a run, and no other.

A runner is started with the run's id in its environment, its children inherit it, and nothing else
on the machine has it: a process is recognised by that mark, not by a process id, which the system
gives to strangers later. Signals go through psutil, which also refuses a process id that changed
hands since it was looked at.
"""

import os
import time

import psutil

MARK = "EFFICIENCY_RUN"
GONE_SECONDS = 5.0  # a killed process is gone in milliseconds unless it waits for a device


def marked(run_id: str) -> list[psutil.Process]:
    """Living processes of the run, the runner and all that came from it, but for who asks."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == run_id and process.pid != os.getpid():
                found.append(process)
        except psutil.Error:  # gone meanwhile, dead already, or another user's
            continue
    return found


def end_marked(run_id: str) -> bool:
    """Kill the run's processes, also such as are born meanwhile; False if some will not go."""
    deadline = time.monotonic() + GONE_SECONDS
    while processes := marked(run_id):
        for process in processes:
            try:
                process.kill()
            except psutil.Error:
                continue
        psutil.wait_procs(processes, timeout=0.2)
        if time.monotonic() > deadline:
            return False
    return True
