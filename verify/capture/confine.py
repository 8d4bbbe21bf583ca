"""Locking the child in, from inside, before it sees any candidate code: limits, Landlock, seccomp.

By ctypes on the kernel's own interfaces, so that no package or privilege is needed. What the kernel does
not have is left out and the tier says so.
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import signal
import struct
import sys
from collections.abc import Sequence
from typing import Final

MEMORY: Final = 24 << 30  # bytes of address space: torch and triton map much and use little
FILE_SIZE: Final = 32 << 20
PROCESSOR_SECONDS: Final = 600
OPEN_FILES: Final = 256

_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446
_FILE_RIGHTS: Final = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}  # Landlock ABI -> number of file rights it knows
_READ: Final = (1 << 2) | (1 << 3)  # read a file, read a folder
_EXECUTE: Final = 1 << 0
_PATH_ONLY: Final = getattr(os, "O_PATH", 0) | os.O_CLOEXEC

_ARCHITECTURES: Final = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_CLONE_THREAD: Final = 0x00010000
_ALLOW, _EPERM, _ENOSYS, _KILL = 0x7FFF0000, 0x00050001, 0x00050026, 0x80000000
# System calls without which nothing can leave the child, by architecture.
_DENIED: Final = {
    "x86_64": (
        *(
            41,
            42,
            43,
            49,
            50,
            53,
            57,
            58,
            59,
            62,
            101,
            155,
            161,
            165,
            166,
            167,
            169,
            175,
            176,
            200,
            234,
            246,
            248,
        ),
        *(
            249,
            250,
            272,
            288,
            298,
            304,
            308,
            310,
            311,
            312,
            313,
            320,
            321,
            322,
            323,
            424,
            425,
            426,
            427,
            428,
            429,
        ),
        *(430, 432, 434, 438, 440, 442),
    ),
    "aarch64": (
        *(
            198,
            199,
            200,
            201,
            202,
            203,
            221,
            129,
            130,
            131,
            117,
            41,
            51,
            40,
            39,
            224,
            142,
            105,
            106,
            104,
            217,
            218,
        ),
        *(
            219,
            97,
            242,
            241,
            265,
            268,
            270,
            271,
            272,
            273,
            280,
            281,
            282,
            294,
            424,
            425,
            426,
            427,
            428,
            429,
            430,
        ),
        *(432, 434, 438, 440, 442),
    ),
}
_CLONE: Final = {"x86_64": 56, "aarch64": 220}
_CLONE3: Final = 435

_libc = ctypes.CDLL(None, use_errno=True)


def limit() -> None:
    """Resource limits, and death together with the parent."""
    for what, most in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, PROCESSOR_SECONDS),
        (resource.RLIMIT_FSIZE, FILE_SIZE),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(what)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (most, most))
    if sys.platform == "linux":
        _libc.prctl(1, signal.SIGKILL, 0, 0, 0)


def lock(readable: Sequence[str], writable: Sequence[str]) -> str:
    """Shut the child in for good; the tier reached, such as `process+rlimits+landlock+seccomp`."""
    reached = ["process", "rlimits"]
    if sys.platform != "linux" or _libc.prctl(38, 1, 0, 0, 0) != 0:
        return "+".join(reached)
    if _landlock(readable, writable):
        reached.append("landlock")
    if _seccomp():
        reached.append("seccomp")
    return "+".join(reached)


def _landlock(readable: Sequence[str], writable: Sequence[str]) -> bool:
    version = _libc.syscall(_LANDLOCK_CREATE, None, 0, 1)
    if version < 1:
        return False
    rights = (1 << _FILE_RIGHTS.get(version, 16)) - 1
    network = 3 if version >= 4 else 0
    scope = 3 if version >= 6 else 0
    attributes = struct.pack("QQQ", rights, network, scope)[: 8 if version < 4 else 16 if version < 6 else 24]
    rules = _libc.syscall(_LANDLOCK_CREATE, attributes, ctypes.c_size_t(len(attributes)), 0)
    if rules < 0:
        return False
    granted = [(path, _READ) for path in readable] + [(path, rights & ~_EXECUTE) for path in writable]
    for path, allowed in granted:
        _grant(rules, path, allowed)
    done: int = _libc.syscall(_LANDLOCK_RESTRICT, rules, 0)
    os.close(rules)
    return done == 0


def _grant(rules: int, path: str, allowed: int) -> None:
    try:
        handle = os.open(path, _PATH_ONLY)
    except OSError:
        return
    if not os.path.isdir(path):
        allowed &= (1 << 0) | (1 << 1) | (1 << 2) | (1 << 14)  # what a plain file can grant
    _libc.syscall(_LANDLOCK_ADD, rules, 1, struct.pack("=Qi", allowed, handle), 0)
    os.close(handle)


def _seccomp() -> bool:
    """Refuse system calls that reach out: sockets, new processes, other programs, tracing, mounts.

    New threads of this process are left alone: the compiler's passes start some.
    """
    machine = platform.machine()
    if machine not in _ARCHITECTURES:
        return False
    load, equal, above, test, give = 0x20, 0x15, 0x35, 0x45, 0x06
    program = [
        (load, 0, 0, 4),
        (equal, 1, 0, _ARCHITECTURES[machine]),
        (give, 0, 0, _KILL),
        (load, 0, 0, 0),
        (above, 0, 1, 0x40000000),  # the other calling convention of the same machine
        (give, 0, 0, _KILL),
        (equal, 0, 1, _CLONE3),
        (
            give,
            0,
            0,
            _ENOSYS,
        ),  # its flags lie in memory that a filter cannot read; callers fall back to clone
    ]
    for number in _DENIED[machine]:
        program += [(equal, 0, 1, number), (give, 0, 0, _EPERM)]
    program += [
        (equal, 0, 3, _CLONE[machine]),
        (load, 0, 0, 16),
        (test, 1, 0, _CLONE_THREAD),
        (give, 0, 0, _EPERM),
        (give, 0, 0, _ALLOW),
    ]
    code = b"".join(struct.pack("HBBI", *line) for line in program)
    buffer = ctypes.create_string_buffer(code)
    header = struct.pack("HxxxxxxP", len(program), ctypes.addressof(buffer))
    done: int = _libc.prctl(22, 2, ctypes.create_string_buffer(header), 0, 0)
    return done == 0
