"""`LocalFileSystem` under the contract of filesystems, each way to open a directory."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest

from ftpcore import VirtualPath
from ftpcore.ports import FileSystem
from ftpcore_adapters.local import Confinement, FollowSymlinks, LocalFileSystem
from ftpcore_contracts import FileSystemContract


class OnDisk(FileSystemContract):
    """Below `tmp_path`, so that what the contract makes outside has a path that begins as the root's."""

    confinement: ClassVar[Confinement]
    follow_symlinks: ClassVar = FollowSymlinks.INSIDE

    @pytest.fixture(autouse=True)
    def root(self, tmp_path: Path) -> None:
        self.path = tmp_path

    @pytest.fixture
    def filesystem(self, tmp_path: Path) -> FileSystem:
        return LocalFileSystem(tmp_path, confinement=self.confinement, follow_symlinks=self.follow_symlinks)

    def make_link(self, filesystem: FileSystem, path: VirtualPath, target: str) -> None:
        (self.path / path[1:]).symlink_to(target)


class TestKernel(OnDisk):
    confinement = Confinement.KERNEL


@pytest.mark.derived
class TestWalk(OnDisk):
    confinement = Confinement.WALK
    many = 1000


class TestPath(OnDisk):
    confinement = Confinement.PATH
    many = 1000


@pytest.mark.derived
class TestNoLinks(OnDisk):
    """Links are seen, and lead nowhere."""

    confinement = Confinement.KERNEL
    follow_symlinks = FollowSymlinks.NEVER
    many = 1000
    beyond = dict.fromkeys(
        (
            "test_a_file_is_made_through_a_link",
            "test_a_followed_link_is_what_it_leads_to",
            "test_a_link_has_the_identifier_of_its_target",
            "test_a_link_is_read_through",
            "test_a_link_is_written_through",
            "test_a_link_to_a_directory_is_one",
            "test_changes_go_through_links",
            "test_links_lead_through_others",
            "test_set_mode_goes_through_links",
            "test_set_modified_goes_through_links",
            "test_targets_count_from_the_link",
        ),
        "links that lead somewhere",
    )
