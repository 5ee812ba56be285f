"""On what kind of file system a folder lies.

SQLite's write-ahead log keeps an index in memory that all its users share, which only works when they are on
one machine. On a network file system the rollback journal is used instead.
"""

from __future__ import annotations

from pathlib import Path

NETWORK = frozenset(
    {
        "9p",
        "acfs",
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "coda",
        "davfs",
        "gfs2",
        "glusterfs",
        "gpfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs4",
        "ocfs2",
        "orangefs",
        "panfs",
        "pvfs2",
        "smb3",
        "smbfs",
        "virtiofs",
        "wekafs",
    }
)
"""Names that Linux gives to file systems which other machines may be writing to at the same time."""

LOCAL_FUSE = frozenset({"fuse.fuse-overlayfs", "fuse.ntfs-3g", "fuse.exfat"})
"""File systems in user space that are local disks after all; every other ``fuse.…`` counts as a network."""


def file_system(path: Path, mounts: str | None = None) -> str | None:
    """The type of file system under a path (``ext4``, ``nfs4``, …), or None where it cannot be told.

    Read from the mount table: the longest mount point that leads to the path.

    Args:
        path: an existing file or folder.
        mounts: the mount table's text (default: that of this process, on Linux).

    >>> table = "disk / ext4 rw 0 0\\nserver:/x /mnt/my\\\\040lab nfs4 rw 0 0\\n"
    >>> file_system(Path("/mnt/my lab/runs"), table), file_system(Path("/mnt/my"), table)
    ('nfs4', 'ext4')
    """
    if mounts is None:
        if str(path.absolute()).startswith("\\\\"):  # Windows: \\server\share
            return "smbfs"
        try:
            mounts = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="surrogateescape")
        except OSError:
            return None
    place = path.resolve()
    best: tuple[int, str] | None = None
    for line in mounts.splitlines():
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        mount = Path(_unescape(fields[1]))
        depth = len(mount.parts)
        if place.is_relative_to(mount) and (best is None or depth >= best[0]):  # of two on one place, the later
            best = (depth, fields[2])
    return best[1] if best else None


def is_network(path: Path, mounts: str | None = None) -> bool:
    """Whether other machines may write where this path lies. Unknown counts as local.

    >>> is_network(Path("/home/me"), "server:/home /home fuse.sshfs rw 0 0")
    True
    """
    kind = file_system(path, mounts)
    return kind is not None and (kind in NETWORK or (kind.startswith("fuse.") and kind not in LOCAL_FUSE))


def _unescape(field: str) -> str:
    """Undo the mount table's octal escapes of space, tab, newline and backslash."""
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        field = field.replace(code, character)
    return field
