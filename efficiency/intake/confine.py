"""What the process that opens a strange file gives up before it opens it.

Limits on memory, CPU time and files always; the network, other files, and other programs where
Linux lets an ordinary process renounce them (namespaces, Landlock). `confine` returns what was
achieved, so that the page can say it.
"""

import contextlib
import ctypes
import os
import resource
import signal
import struct
import sys
from collections.abc import Sequence
from pathlib import Path

LIMITS = "limits on memory, time and files"
NO_PROCESSES = "no further processes"
NO_NETWORK = "no network"
NO_FILES = "no access to other files and programs"

PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS = 1, 38
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000

# Landlock, ABI 1: system calls (the same number on every architecture) and rights over files.
# Executing is allowed nowhere; shared libraries are only read and mapped.
LANDLOCK_CREATE, LANDLOCK_ADD, LANDLOCK_RESTRICT = 444, 445, 446
LANDLOCK_PATH_BENEATH = 1
EXECUTE, READ, LIST = 1 << 0, 1 << 2, 1 << 3
EVERYTHING = (1 << 13) - 1
SYSTEM = (
    *("/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/localtime"),
    *("/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/sys/devices/system"),
    *("/dev/null", "/dev/urandom"),
)


def confine(
    *, memory_bytes: int, cpu_seconds: int, file_bytes: int, readable: Sequence[Path]
) -> tuple[str, ...]:
    """Give up everything that reading one file (standard input) does not need, for good.

    `readable` are the folders with code beside the interpreter's; the working directory stays
    writable.
    """
    os.nice(10)
    levels = [LIMITS]
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        if _without_network(libc):
            levels.append(NO_NETWORK)
        if _without_files(libc, readable):
            levels.append(NO_FILES)
    for limit, value in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_CPU, cpu_seconds),
        (resource.RLIMIT_FSIZE, file_bytes),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        _lower(limit, value)
    if os.getuid() != 0:  # the limit does not hold for the superuser
        levels.append(NO_PROCESSES)
    return tuple(levels)


def _lower(limit: int, value: int) -> None:
    _, hard = resource.getrlimit(limit)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    with contextlib.suppress(OSError, ValueError):  # some kernels lack some limits
        resource.setrlimit(limit, (value, value))


def _without_network(libc: ctypes.CDLL) -> bool:
    """Move into a network namespace of our own, which has no interface that is up.

    Some systems grant the namespace but not its mapping of users, after which no file could be
    created and there is no way back; so another process tries it first.
    """
    trial = os.fork()
    if trial == 0:
        os._exit(0 if _enter_namespaces(libc) else 1)
    _, status = os.waitpid(trial, 0)
    return status == 0 and _enter_namespaces(libc)


def _enter_namespaces(libc: ctypes.CDLL) -> bool:
    user, group = os.getuid(), os.getgid()
    if libc.unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0:
        return False
    try:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    except OSError:
        return False
    return True


def _without_files(libc: ctypes.CDLL, readable: Sequence[Path]) -> bool:
    """Let Landlock hide every file but the interpreter's, ours, the input and this folder's."""
    handled = struct.pack("<Q", EVERYTHING)
    ruleset = libc.syscall(LANDLOCK_CREATE, handled, ctypes.c_size_t(len(handled)), 0)
    if ruleset < 0:
        return False
    try:
        for path in (*SYSTEM, sys.prefix, sys.base_prefix, *map(str, readable)):
            _allow(libc, ruleset, path, READ | LIST)
        _allow(libc, ruleset, ".", EVERYTHING & ~EXECUTE)
        _allow_open(libc, ruleset, 0, READ)
        return bool(libc.syscall(LANDLOCK_RESTRICT, ruleset, 0) == 0)
    finally:
        os.close(ruleset)


def _allow(libc: ctypes.CDLL, ruleset: int, path: str, rights: int) -> None:
    with contextlib.suppress(FileNotFoundError):
        descriptor = os.open(path, os.O_PATH)
        try:
            _allow_open(libc, ruleset, descriptor, rights if Path(path).is_dir() else READ)
        finally:
            os.close(descriptor)


def _allow_open(libc: ctypes.CDLL, ruleset: int, descriptor: int, rights: int) -> None:
    rule = struct.pack("<Qi", rights, descriptor)
    libc.syscall(LANDLOCK_ADD, ruleset, LANDLOCK_PATH_BENEATH, rule, 0)
