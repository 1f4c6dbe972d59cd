"""The mutants of filesystems of the seed API, and what catches them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Final

import pytest

from ftpcore_adapters.filesystems import AbstractedFS
from ftpcore_contracts import SeedFileSystemContract
from mutants import Mutant, seed_file_faults, seed_line_faults, seed_look_faults, seed_path_faults

__all__ = ["SEED_FILESYSTEM_MUTANTS"]


class SeedContract(SeedFileSystemContract):
    """A class of filesystems on the disk."""

    made: ClassVar[type[AbstractedFS]] = AbstractedFS

    @pytest.fixture
    def filesystem(self, tmp_path: Path) -> Iterator[AbstractedFS]:
        before = os.getcwd()
        yield self.made(str(tmp_path), None)
        os.chdir(before)  # one of the mutants leaves it


#: Mutant -> the test that must catch it.
_CAUGHT_BY: Final[dict[type[AbstractedFS], str]] = {
    seed_path_faults.AllValid: "test_validpath_refuses_what_is_outside",
    seed_path_faults.PrefixValid: "test_validpath_compares_whole_components",
    seed_path_faults.UnresolvedValid: "test_validpath_refuses_links_that_lead_out",
    seed_path_faults.ExistingValid: "test_validpath_accepts_what_is_inside",
    seed_path_faults.JoinedPaths: "test_ftp2fs_leads_nowhere_else",
    seed_path_faults.AbsoluteWins: "test_ftp2fs_takes_what_a_client_typed",
    seed_path_faults.StrippedPaths: "test_ftpnorm_counts_from_the_current_directory",
    seed_path_faults.NoWayBack: "test_fs2ftp_is_the_way_back",
    seed_path_faults.TellsOutside: "test_fs2ftp_tells_nothing_of_outside",
    seed_path_faults.ForgetsToMove: "test_chdir_moves_the_client",
    seed_path_faults.MovesAnywhere: "test_chdir_refuses_what_is_no_directory",
    seed_path_faults.MovesProcess: "test_chdir_leaves_the_process_where_it_is",
    seed_file_faults.NamedByFtp: "test_mkstemp_makes_a_file",
    seed_file_faults.NotUnique: "test_mkstemp_makes_another_each_time",
    seed_file_faults.AppendsForUpdate: "test_open_an_existing_file",
    seed_file_faults.MakesForUpdate: "test_open_does_not_make_what_is_read",
    seed_file_faults.KeepsTail: "test_open_an_existing_file",
    seed_file_faults.RenameCopies: "test_rename_keeps_the_file",
    seed_file_faults.RenameIntoDirectory: "test_rename_is_refused",
    seed_file_faults.RemovesTrees: "test_rmdir_is_refused",
    seed_file_faults.RemovesTarget: "test_remove_removes_the_link",
    seed_file_faults.RemovesDirectories: "test_remove_is_refused",
    seed_file_faults.MakesParents: "test_mkdir_is_refused",
    seed_file_faults.KeepsQuiet: "test_mkdir_is_refused",
    seed_file_faults.NoGroup: "test_chmod_sets_the_mode",
    seed_file_faults.AccessTime: "test_utime_sets_the_times",
    seed_look_faults.ForgetsHidden: "test_listdir_returns_every_name",
    seed_look_faults.ListsDots: "test_listdir_returns_every_name",
    seed_look_faults.MissingIsEmpty: "test_listdir_is_refused",
    seed_look_faults.SwallowsErrors: "test_stat_raises_for_what_is_missing",
    seed_look_faults.FollowsAlways: "test_stat_follows_links",
    seed_look_faults.LostIsMissing: "test_questions_follow_links",
    seed_look_faults.SizeOnDisk: "test_sizes_and_times_agree_with_stat",
    seed_look_faults.Resolved: "test_readlink_returns_what_is_stored",
    seed_look_faults.NameOrError: "test_owners_have_names_or_numbers",
    seed_line_faults.DropsLine: "test_every_name_has_a_line",
    seed_line_faults.Eager: "test_names_may_come_one_by_one",
    seed_line_faults.UnixLines: "test_lines_look_as_those_of_ls",
    seed_line_faults.IgnoresAlways: "test_errors_of_entries_are_dropped_or_raised",
    seed_line_faults.ThisYear: "test_dates_have_the_time_or_the_year",
    seed_line_faults.Forgeable: "test_a_name_makes_no_line_of_its_own",
    seed_line_faults.WrongSize: "test_facts_are_sorted",
    seed_line_faults.AllPerms: "test_perm_tells_what_may_be_done",
    seed_line_faults.TellsMore: "test_only_facts_asked_for_are_told",
    seed_line_faults.ShowsLost: "test_links_are_followed",
}

SEED_FILESYSTEM_MUTANTS: Final[tuple[Mutant, ...]] = tuple(
    Mutant(made.__doc__ or "", type(made.__name__, (SeedContract,), {"made": made}), catches)
    for made, catches in _CAUGHT_BY.items()
)
