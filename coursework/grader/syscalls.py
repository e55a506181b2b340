"""Calls to the kernel that a submission never needs, and that hide what it takes, hold others up or blame the machine.

A file in memory or a segment of System V belongs to no process: forty processes could hide gigabytes in them. So
bubblewrap is given a filter (seccomp) under which these calls fail as if the kernel didn't have them. With them fail

- what takes the kernel's memory on nobody's account: semaphores, locks, rules, pages lent to a pipe,
- what looks into other processes or into the kernel,
- what others wait for or share: leases and locks on the libraries, which all sandboxes read; the user's watches of
  files, the machine's asynchronous reads; writing out all disks, and putting libraries out of memory,
- what sets a cap on another process: the kernel would end the runner for the submission, and the machine look guilty,
- all sockets but those between two processes of the sandbox: some kinds know no borders, and some keep a lot of memory,
- and that by which a program steps back behind others or stays on one processor: whoever waits for a processor on
  purpose would look like one whom a busy machine keeps waiting.

Numbers of calls differ by processor; two are known.
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
    "semget": (64, 190),
    "landlock_create_ruleset": (444, 444),
    "vmsplice": (278, 75),
    "flock": (73, 32),
    "inotify_init": (253, 26),  # on aarch64 there is only the next one
    "inotify_init1": (294, 26),
    "fanotify_init": (300, 262),
    "io_setup": (206, 0),
    "sync": (162, 81),
    "syncfs": (306, 267),
    "fadvise64": (221, 223),
}
F_SETLK, F_SETLKW, F_OFD_SETLK, F_OFD_SETLKW, F_SETLEASE, F_NOTIFY = 6, 7, 37, 38, 1024, 1026  # linux/fcntl.h
MADV_COLD, MADV_PAGEOUT, SO_SNDBUF, AF_UNIX, MYSELF = 20, 21, 7, 1, 0
BUT_FOR = {  # call: its numbers, which argument decides, and the values of it for which the call fails
    "fcntl": ((72, 25), 1, (F_SETLK, F_SETLKW, F_OFD_SETLK, F_OFD_SETLKW, F_SETLEASE, F_NOTIFY)),
    "madvise": ((28, 233), 2, (MADV_COLD, MADV_PAGEOUT)),
    "setsockopt": ((54, 208), 2, (SO_SNDBUF,)),
}
ONLY_FOR = {  # the same with the only value for which it doesn't
    "prlimit64": ((302, 261), 0, MYSELF),
    "socket": ((41, 198), 0, AF_UNIX),
    "socketpair": ((53, 199), 0, AF_UNIX),
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

    def deny(value: int, unless: bool = False) -> list[tuple[int, int, int, int]]:
        return [(EQUAL, int(unless), int(not unless), value), (RETURN, 0, 0, DENY)]

    steps = [
        (LOAD, 0, 0, 4),  # the architecture of this call
        *deny(architecture, unless=True),
        (LOAD, 0, 0, 0),  # its number
        (AT_LEAST, 0, 1, OTHER_WAY),
        (RETURN, 0, 0, DENY),
    ]
    for call in DENIED.values():
        steps += deny(call[column])
    some = []
    for numbers, at, values in BUT_FOR.values():
        some.append((numbers, at, [step for value in values for step in deny(value)]))
    some += [(numbers, at, deny(value, unless=True)) for numbers, at, value in ONLY_FOR.values()]
    for numbers, at, tests in some:
        body = [(LOAD, 0, 0, 16 + 8 * at), *tests, (RETURN, 0, 0, ALLOW)]  # of an argument the lower half: an int
        steps += [(EQUAL, 0, len(body), numbers[column]), *body]
    steps.append((RETURN, 0, 0, ALLOW))
    return b"".join(struct.pack("=HBBI", *step) for step in steps)
