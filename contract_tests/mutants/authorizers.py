"""The mutants of authorizers, and what catches them."""

from __future__ import annotations

from typing import Final

from mutants import Mutant, account_faults, login_faults, loop_faults
from mutants.user_tables import AsyncTable, AsyncTableContract, Table, TableContract

__all__ = ["AUTHORIZER_MUTANTS"]

#: Mutant -> the test that must catch it.
_SYNCHRONOUS: Final[dict[type[Table], str]] = {
    login_faults.CaseInsensitive: "test_a_name_that_is_nearly_known_is_refused",
    login_faults.Prefix: "test_a_wrong_password_is_refused",
    login_faults.CText: "test_a_wrong_password_is_refused",
    login_faults.TrimmedPassword: "test_a_wrong_password_is_refused",
    login_faults.EmptyBind: "test_a_wrong_password_is_refused",
    login_faults.AnyPassword: "test_the_password_of_another_is_refused",
    login_faults.StrictText: "test_a_wrong_password_is_refused",
    login_faults.BlindLookup: "test_a_stranger_is_refused",
    login_faults.IPv4Only: "test_a_login_from_anywhere_is_answered",
    login_faults.LocksOut: "test_a_user_may_log_in_again",
    login_faults.ForgetsSessions: "test_a_refusal_leaves_sessions_alone",
    login_faults.UserOnItself: "test_logins_at_once_do_not_mix",
    login_faults.TellsUnknown: "test_strangers_are_told_what_users_are_told",
    login_faults.RefusesUnknownAtOnce: "test_a_stranger_takes_as_long_as_a_user",
    login_faults.Echoes: "test_a_refusal_tells_no_password",
    login_faults.EchoesCause: "test_a_refusal_tells_no_password",
    login_faults.TwoLines: "test_a_refusal_is_one_line",
    login_faults.KeepsPassword: "test_an_account_tells_no_password",
    account_faults.Renames: "test_the_right_password_opens",
    account_faults.RightsAsSet: "test_an_account_is_made_of_texts",
    account_faults.StartsNowhere: "test_the_start_can_be_entered",
    account_faults.PathForFilesystem: "test_an_account_brings_a_filesystem",
    account_faults.OneAccount: "test_an_account_stays_as_it_is",
    account_faults.BlockingIsAsked: "test_blocking_is_declared",
    account_faults.IgnoresPath: "test_each_path_has_its_rights",
    account_faults.CachesByLetter: "test_each_path_has_its_rights",
    account_faults.LooksForPath: "test_any_path_may_be_asked_for",
    account_faults.SaysNothingVaries: "test_an_account_says_what_holds_everywhere",
    account_faults.ListsMore: "test_rights_on_a_path_are_those_that_are_granted",
    account_faults.LetterCase: "test_a_letter_that_means_nothing_is_refused",
    account_faults.Truthy: "test_each_letter_is_granted_as_described",
    account_faults.LatestLogin: "test_the_account_counts_not_the_latest_login",
    account_faults.AccountOnItself: "test_questions_at_once_do_not_mix",
}

_ASYNCHRONOUS: Final[dict[type[AsyncTable], str]] = {
    loop_faults.ComputesInLoop: "test_a_login_does_not_compute_in_the_loop",
    loop_faults.WaitsInLoop: "test_a_login_does_not_wait_in_the_loop",
    loop_faults.RefusesTheCancelled: "test_a_cancelled_login_is_no_refusal",
    loop_faults.PlainMethod: "test_methods_are_awaited",
}


def _mutant(broken: type, contract: type, catches: str) -> Mutant:
    fault = (broken.__doc__ or "").partition("\n")[0].rstrip(".")
    return Mutant(fault, type(broken.__name__, (contract,), {"made": broken}), catches)


AUTHORIZER_MUTANTS: Final[tuple[Mutant, ...]] = (
    *(_mutant(broken, TableContract, catches) for broken, catches in _SYNCHRONOUS.items()),
    *(_mutant(broken, AsyncTableContract, catches) for broken, catches in _ASYNCHRONOUS.items()),
)
