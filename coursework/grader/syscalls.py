"""Calls to the kernel that a submission never needs, and that hide what it takes.

A file in memory or a segment of System V belongs to no process: forty processes could hide gigabytes in them. So
bubblewrap is given a filter (seccomp) under which these calls fail as if the kernel didn't have them. With them fail a
few that look into other processes or into the kernel, and those by which a program steps back behind others or stays on
one processor: whoever waits for a processor on purpose would look like one whom a busy machine keeps waiting. Numbers
of calls differ by processor; two are known.
"""

import errno
import platform
import struct

DENIED = {  # call: its number on x86_64, on aarch64
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    "io_uring_setup": (425, 425),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "userfaultfd": (323, 282),
    "perf_event_open": (298, 241),
    "bpf": (321, 280),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "sched_setaffinity": (203, 122),
    "sched_setscheduler": (144, 119),
    "sched_setparam": (142, 118),
    "sched_setattr": (314, 274),
    "setpriority": (141, 140),
    "ioprio_set": (251, 30),
}
PROCESSORS = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}  # column above, AUDIT_ARCH of linux/audit.h
LOAD, EQUAL, AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06  # classic BPF, linux/bpf_common.h
ALLOW, DENY = 0x7FFF0000, 0x00050000 | errno.ENOSYS  # SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO
OTHER_WAY = 0x40000000  # x86_64's second set of numbers (x32) begins here


def program(machine: str | None = None) -> bytes | None:
    """The filter for a processor, by default this one's, as bubblewrap reads it; None where its numbers aren't known.

    Every instruction is (what, how many to skip if so, if not, value), as struct sock_filter has them.
    """
    column, architecture = PROCESSORS.get(machine or platform.machine(), (None, 0))
    if column is None:
        return None
    numbers = sorted(call[column] for call in DENIED.values())
    steps = [
        (LOAD, 0, 0, 4),  # the architecture of this call
        (EQUAL, 0, len(numbers) + 3, architecture),
        (LOAD, 0, 0, 0),  # its number
        (AT_LEAST, len(numbers) + 1, 0, OTHER_WAY),
        *((EQUAL, len(numbers) - i, 0, number) for i, number in enumerate(numbers)),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, DENY),
    ]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)
