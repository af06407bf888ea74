"""Run a program as a hardened service runs it: no memory that is written and run, files read-only.

    python -m tests.support.confined WRITABLE -- COMMAND...

The kernel refuses (Linux 6.3 or newer, with Landlock): writing outside the folder WRITABLE and
`/dev`, and memory that is both writable and executable. What it cannot refuse ends this program.
"""

import ctypes
import os
import sys

PR_SET_NO_NEW_PRIVS = 38
PR_SET_MDWE = 65
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
WRITE_FILE, REMOVE_DIR, REMOVE_FILE = 1 << 1, 1 << 4, 1 << 5
MAKE_ANY = sum(1 << bit for bit in range(6, 13))
WRITING = WRITE_FILE | REMOVE_DIR | REMOVE_FILE | MAKE_ANY
PATH_BENEATH = 1
FAILED = 3

_libc = ctypes.CDLL(None, use_errno=True)


class Ruleset(ctypes.Structure):
    """`struct landlock_ruleset_attr`, its first member."""

    _fields_ = (("handled_access_fs", ctypes.c_uint64),)


class Beneath(ctypes.Structure):
    """`struct landlock_path_beneath_attr`."""

    _pack_ = 1
    _fields_ = (("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


def call(name: str, result: int) -> int:
    """The result of a system call; one that failed ends the program."""
    if result < 0:
        sys.exit(f"{name}: {os.strerror(ctypes.get_errno())}")
    return result


def confine(*writable: str) -> None:
    """From now on, for this process and whatever it starts."""
    rules = Ruleset(WRITING)
    ruleset = call(
        "landlock_create_ruleset",
        _libc.syscall(CREATE_RULESET, ctypes.byref(rules), ctypes.sizeof(rules), 0),
    )
    for folder in writable:
        beneath = Beneath(WRITING, os.open(folder, os.O_PATH))
        call(
            "landlock_add_rule",
            _libc.syscall(ADD_RULE, ruleset, PATH_BENEATH, ctypes.byref(beneath), 0),
        )
        os.close(beneath.parent_fd)
    call("no new privileges", _libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    call("landlock_restrict_self", _libc.syscall(RESTRICT_SELF, ruleset, 0))
    os.close(ruleset)
    call("memory-deny-write-execute", _libc.prctl(PR_SET_MDWE, 1, 0, 0, 0))


if __name__ == "__main__":
    folder, separator, *command = sys.argv[1:]
    if separator != "--" or not command:
        sys.exit(__doc__)
    confine(folder, "/dev")
    os.execvp(command[0], command)
