from pathlib import Path

import pytest

from corrie.records.file_system import file_system, is_network

TABLE = """\
/dev/vda / ext4 rw,relatime 0 0
tmpfs /tmp tmpfs rw 0 0
server:/home /home nfs4 rw 0 0
/dev/sdb /home/scratch xfs rw 0 0
me@host:/ /mnt/far\\040away fuse.sshfs rw 0 0
/dev/sdc /mnt/stick fuse.ntfs-3g rw 0 0
overlay /srv ext4 rw 0 0
lab /srv lustre rw 0 0
"""


@pytest.mark.parametrize(
    ("path", "kind", "network"),
    [
        ("/opt/run", "ext4", False),
        ("/home/me/run", "nfs4", True),
        ("/home/scratch/run", "xfs", False),
        ("/homely", "ext4", False),
        ("/mnt/far away/run", "fuse.sshfs", True),
        ("/mnt/stick/run", "fuse.ntfs-3g", False),
        ("/srv/run", "lustre", True),
    ],
)
def test_the_longest_and_latest_mount_decides(path: str, kind: str, network: bool) -> None:
    assert file_system(Path(path), TABLE) == kind
    assert is_network(Path(path), TABLE) is network


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    (tmp_path / "near").symlink_to(tmp_path / "far")
    table = f"disk / ext4 rw 0 0\nserver:/ {tmp_path.resolve()}/far nfs rw 0 0\n"
    assert is_network(tmp_path / "near", table)


def test_an_unknown_file_system_counts_as_local() -> None:
    assert file_system(Path("/anywhere"), "") is None
    assert not is_network(Path("/anywhere"), "broken line\n")
