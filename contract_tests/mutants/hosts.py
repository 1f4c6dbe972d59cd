"""Hosts with one fault each, beside the test that must find it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import ClassVar, Final

import pytest

from ftpcore import Address
from ftpcore_adapters.handlers import FTPHandler
from ftpcore_contracts import ContractHandler, ServerContract
from mutants import Mutant, control_faults, data_faults, effect_faults
from tests.adapters.small_asyncio_host import SmallAsyncioHost
from tests.adapters.small_asyncio_server import SmallAsyncioServer

__all__ = ["HOST_MUTANTS", "SmallHostContract"]


class SmallHostContract(ServerContract):
    """The contract with the small host on asyncio, which has no fault that is known."""

    concurrent = True
    concurrent_lanes = True
    host: ClassVar[type[SmallAsyncioHost]] = SmallAsyncioHost

    @pytest.fixture
    def serve(self) -> Iterator[Callable[[type[ContractHandler]], Address]]:
        with ExitStack() as stack:

            def serve(handler_class: type[ContractHandler]) -> Address:
                handler = type("Handler", (handler_class, FTPHandler), {})
                return stack.enter_context(SmallAsyncioServer(handler, self.host)).address

            yield serve
        for sock in getattr(self.host, "forgotten", []):
            sock.close()


_CATCHES: Final[dict[type[SmallAsyncioHost], str]] = {
    control_faults.LatestReplyFirst: "test_pipelined_commands_are_answered_in_order",
    control_faults.TellsTooMuch: "test_pipelined_commands_are_answered_in_order",
    control_faults.TellsBeforeItSends: "test_all_replies_leave_before_the_close",
    control_faults.ReadsOn: "test_unread_replies_stop_the_reading",
    control_faults.EndIsLoss: "test_what_came_before_the_end_is_answered",
    control_faults.UrgentElsewhere: "test_urgent_bytes_keep_their_place",
    control_faults.LossUntold: "test_a_client_may_vanish_during_a_port_call",
    control_faults.DropsOutputs: "test_quit_lets_a_transfer_end",
    control_faults.NoDeadlines: "test_a_data_connection_without_a_command_is_closed",
    control_faults.OneDeadline: "test_a_deadline_may_move",
    control_faults.LeavesTimerAlone: "test_nobody_connects",
    control_faults.Milliseconds: "test_a_penalty_is_served",
    effect_faults.AnswersTwice: "test_the_server_connects_to_the_client",
    effect_faults.NeverAnswers: "test_hooks_are_called_in_their_places",
    effect_faults.HookInBackground: "test_a_hook_is_waited_for",
    effect_faults.CallsTwice: "test_listings_go_over_data_connections",
    effect_faults.SwallowsErrors: "test_what_a_filesystem_raises_ends_a_download",
    effect_faults.AnyThread: "test_an_ordinary_client_is_served",
    effect_faults.RunsAnywhere: "test_a_suspended_session_is_left_alone",
    effect_faults.WaitsInLoop: "test_a_port_call_that_waits_delays_its_own_session",
    effect_faults.WithinTheHook: "test_what_a_hook_asks_of_its_session_is_done_behind_it",
    effect_faults.AbandonsAsComplete: "test_a_session_that_raises_is_given_up",
    effect_faults.KeepsTheFailed: "test_a_session_that_raises_is_given_up",
    effect_faults.ForgetsLateFiles: "test_a_server_that_stops_loses_no_file",
    data_faults.SendsAll: "test_a_download_is_answered_at_the_first_progress",
    data_faults.CancelledThoughMoved: "test_an_aborted_download_counts_what_left",
    data_faults.IgnoresCancel: "test_nobody_connects",
    data_faults.WaitsBeforeItTries: "test_a_data_connection_that_the_client_left_vanishes",
    data_faults.CountsAll: "test_an_aborted_download_counts_what_left",
    data_faults.FillsBlocks: "test_an_upload_is_answered_at_the_first_progress",
    data_faults.LosesLastBlock: "test_transfers_begin_where_rest_says",
    data_faults.WritesLater: "test_transfers_begin_where_rest_says",
    data_faults.ResetIsEnd: "test_a_reset_is_no_end",
    data_faults.AnybodyIsTheClient: "test_the_peer_of_a_data_connection_is_told",
    data_faults.ListensOn: "test_a_listener_is_closed_when_it_is_given_up",
    data_faults.KeepsConnection: "test_an_unused_connection_is_closed",
    data_faults.ClosesByReset: "test_a_slow_reader_gets_all",
    data_faults.ConnectsAtOnce: "test_a_connection_that_can_not_be_made_fails",
}


def _mutant(broken: type[SmallAsyncioHost], catches: str) -> Mutant:
    fault = (broken.__doc__ or "").partition("\n")[0].rstrip(".")
    # It takes milliseconds where there is no fault, and the original gets more time.
    members = {"host": broken, "patience": 0.3}
    return Mutant(fault, type(broken.__name__, (SmallHostContract,), members), catches)


HOST_MUTANTS: Final[tuple[Mutant, ...]] = tuple(_mutant(broken, catches) for broken, catches in _CATCHES.items())
