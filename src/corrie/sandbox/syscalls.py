"""Which calls of the kernel are refused inside: a seccomp filter, assembled here.

A filter is a list of 8-byte instructions (classic BPF) that look at the number of each call. The numbers are those of
the kernel's tables (``asm/unistd_64.h``, ``asm-generic/unistd.h``); they never change. A refused call gives EPERM, so a
program sees an ordinary error. ``clone3`` gives ENOSYS, since its arguments cannot be looked at: libraries then fall
back to ``clone``, which is refused as well. So a program has one process with one thread.
"""

from __future__ import annotations

import errno
import platform
import struct

from corrie.errors import InputError

_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

_X86_64 = {
    "fork": 57, "vfork": 58, "clone": 56, "clone3": 435,
    "socket": 41, "connect": 42, "bind": 49, "listen": 50,
    "ptrace": 101, "process_vm_readv": 310, "process_vm_writev": 311, "pidfd_getfd": 438, "process_madvise": 440,
    "memfd_create": 319, "memfd_secret": 447, "shmget": 29, "shmat": 30, "msgget": 68, "semget": 64, "mq_open": 240,
    "mount": 165, "umount2": 166, "pivot_root": 155, "chroot": 161, "unshare": 272, "setns": 308,
    "open_tree": 428, "move_mount": 429, "fsopen": 430, "mount_setattr": 442,
    "keyctl": 250, "add_key": 248, "request_key": 249, "bpf": 321, "perf_event_open": 298, "userfaultfd": 323,
    "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427, "open_by_handle_at": 304,
    "kexec_load": 246, "init_module": 175, "finit_module": 313, "delete_module": 176, "syslog": 103, "reboot": 169,
}  # fmt: skip

_AARCH64 = {
    "clone": 220, "clone3": 435,
    "socket": 198, "connect": 203, "bind": 200, "listen": 201,
    "ptrace": 117, "process_vm_readv": 270, "process_vm_writev": 271, "pidfd_getfd": 438, "process_madvise": 440,
    "memfd_create": 279, "memfd_secret": 447, "shmget": 194, "shmat": 196, "msgget": 186, "semget": 190, "mq_open": 180,
    "mount": 40, "umount2": 39, "pivot_root": 41, "chroot": 51, "unshare": 97, "setns": 268,
    "open_tree": 428, "move_mount": 429, "fsopen": 430, "mount_setattr": 442,
    "keyctl": 219, "add_key": 217, "request_key": 218, "bpf": 280, "perf_event_open": 241, "userfaultfd": 282,
    "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427, "open_by_handle_at": 265,
    "kexec_load": 104, "init_module": 105, "finit_module": 273, "delete_module": 106, "syslog": 116, "reboot": 142,
}  # fmt: skip

_TABLES = {"x86_64": _X86_64, "aarch64": _AARCH64}
_NETWORK = frozenset({"socket", "connect", "bind", "listen"})
_PROCESSES = frozenset({"fork", "vfork", "clone", "clone3"})

_LOAD, _EQUAL, _ABOVE, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_X32 = 0x40000000
"""Calls of the x32 table have this bit: the numbers above would not stop them."""


def seccomp_filter(*, network: bool = True, processes: bool = True, machine: str | None = None) -> bytes:
    """The filter, as ``bwrap --seccomp`` reads it.

    Args:
        network, processes: refuse these calls too.
        machine: of another machine than this one.

    Raises:
        InputError: the numbers of this kind of machine are not known here.

    >>> len(seccomp_filter(machine="x86_64")) % 8
    0
    """
    kind = platform.machine() if machine is None else machine
    if kind not in _TABLES:
        raise InputError(
            f"a sandbox on a {kind} machine", found="its kernel calls are not known here", advice="x86_64 or aarch64"
        )
    spared = (frozenset() if network else _NETWORK) | (frozenset() if processes else _PROCESSES)
    refused = {name: number for name, number in _TABLES[kind].items() if name not in spared}
    lines = [(_LOAD, 0, 0, 4), (_EQUAL, 1, 0, _ARCHITECTURES[kind]), (_RETURN, 0, 0, _KILL), (_LOAD, 0, 0, 0)]
    if kind == "x86_64":
        lines += [(_ABOVE, 0, 1, _X32), (_RETURN, 0, 0, _KILL)]
    for name, number in refused.items():
        error = errno.ENOSYS if name == "clone3" else errno.EPERM
        lines += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _REFUSE | error)]
    lines.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(struct.pack("=HBBI", *line) for line in lines)
