"""Counterexamples as tests of the implementation: they pass, and with the bug they do not."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from unittest.mock import patch

import pytest
from click.testing import CliRunner

from fuzz.on_purpose.edited import edited
from fuzz.planted import store_side
from fuzz.planted.broker_side import PLANTED
from refimpl.broker.consumer_offset_manager import ConsumerOffsetManager
from refimpl.broker.processor import end_transaction
from refimpl.broker.schedule_message import ScheduleMessageService
from refimpl.broker.transaction import TransactionalMessageService
from refimpl.broker.transaction_check import TransactionCheck
from refimpl.cli.__main__ import main
from refimpl.model.ids import Millis, QueueId, QueueOffset, Topic
from refimpl.model.message import MessageExt, MessageExtBrokerInner
from refimpl.sim.mapped_file_scope import ScopeDisk
from refimpl.store import recovery
from refimpl.store.commit_log import CommitLog
from refimpl.store.consume_queue_table import ConsumeQueueTable
from refimpl.store.mapped_file import MappedFile
from refimpl.store.mapped_file_queue import MappedFileQueue
from refimpl.store.message_arriving import MessageArrived
from refimpl.store.reput import ReputMessageService
from refimpl.store.transient_store_pool import TransientStorePool
from tests.tlc.judging import need_tlc

Bug = Callable[[], AbstractContextManager[object]]


def names_are_not_synced() -> AbstractContextManager[object]:
    right = MappedFileQueue.create

    def wrong(queue: MappedFileQueue, file_from_offset: int) -> MappedFile:
        with patch.object(ScopeDisk, "sync_directory", lambda _disk, _path: None):
            return right(queue, file_from_offset)

    return patch.object(MappedFileQueue, "create", wrong)


def tells_before_written() -> AbstractContextManager[object]:
    right = ReputMessageService._dispatch_data

    def wrong(reput: ReputMessageService, data: bytes, end: int, now: Millis) -> bool:
        going_on = right(reput, data, end, now)
        reput._arrived += reput._waiting
        reput._waiting.clear()
        return going_on

    return patch.object(ReputMessageService, "_dispatch_data", wrong)


def skips_refused() -> AbstractContextManager[object]:
    right = ReputMessageService.step

    def wrong(reput: ReputMessageService, now: Millis) -> Millis | None:
        due = right(reput, now)
        if reput._attempts >= 30:
            reput._attempts = 0
            reput._flags.flag_bits = 0
            size = int.from_bytes(reput._log.get_data(reput.reput_from_offset, 4) or b"", "big")
            reput.reput_from_offset += size
            reput._waiting.append(
                MessageArrived(Topic("q0"), QueueId(0), QueueOffset(1), 0, now, None, None)
            )
        return due

    return patch.object(ReputMessageService, "step", wrong)


def moves_first() -> AbstractContextManager[object]:
    right = ScheduleMessageService._deliver_one

    def wrong(service: ScheduleMessageService, inner: MessageExtBrokerInner, now: Millis) -> bool:
        service.offset_table[1] = service.offset_table.get(1, 0) + 1
        return right(service, inner, now)

    return patch.object(ScheduleMessageService, "_deliver_one", wrong)


def persists_undurable() -> AbstractContextManager[object]:
    def wrong(service: ScheduleMessageService) -> None:
        service._file.persist(service.encode())

    return patch.object(ScheduleMessageService, "persist", wrong)


@contextmanager
def starts_unclamped() -> Iterator[None]:
    with (
        persists_undurable(),
        patch.object(ScheduleMessageService, "correct_delay_offset", lambda _service: None),
    ):
        yield


def skips_failed() -> AbstractContextManager[object]:
    right = ScheduleMessageService._deliver_one

    def wrong(service: ScheduleMessageService, inner: MessageExtBrokerInner, now: Millis) -> bool:
        right(service, inner, now)
        return True

    return patch.object(ScheduleMessageService, "_deliver_one", wrong)


def delivers_early() -> AbstractContextManager[object]:
    return patch.object(ScheduleMessageService, "_countdown", lambda *_: 0)


def pool_has_no_end() -> AbstractContextManager[object]:
    def wrong(pool: TransientStorePool) -> bytearray:
        return bytearray(pool._file_size)

    return patch.object(TransientStorePool, "borrow_buffer", wrong)


def keeps_the_tail() -> AbstractContextManager[object]:
    return patch.object(recovery, "_close_dirty_tail", lambda _queue: None)


def blanks_in_place() -> AbstractContextManager[object]:
    def wrong(queue: MappedFileQueue) -> None:
        last = queue.last_mapped_file
        if last is not None:
            last.write_at(last.wrote_position, bytes(last.file_size - last.wrote_position))

    return patch.object(recovery, "_close_dirty_tail", wrong)


def trusts_units() -> AbstractContextManager[object]:
    return patch.object(ConsumeQueueTable, "forget_from", lambda *_: None)


def believes_the_checkpoint_alone() -> AbstractContextManager[object]:
    right = recovery._read

    def wrong(
        log: CommitLog, start: int, *, check_crc: bool
    ) -> tuple[recovery.LogScan, recovery.Recovered, int]:
        scan, found, newest = right(log, start, check_crc=check_crc)
        scan.end = start  # in these behaviours no checkpoint was ever written
        return scan, found, newest

    return patch.object(recovery, "_read", wrong)


def takes_what_was_shown_for_consumed() -> AbstractContextManager[object]:
    right = ConsumerOffsetManager.commit_offset

    def wrong(  # noqa: PLR0917 - as the right one
        table: ConsumerOffsetManager,
        group: str,
        topic: str,
        queue_id: int,
        offset: int,
        now: Millis,
    ) -> None:
        shown = table._ctx.store.next_offset(Topic(topic), QueueId(queue_id))
        right(table, group, topic, queue_id, max(offset, shown), now)

    return patch.object(ConsumerOffsetManager, "commit_offset", wrong)


def asks_unwalked() -> AbstractContextManager[object]:
    def wrong(check: TransactionCheck, message: MessageExt, now: Millis) -> bool:
        check.send_check_message(message, now)
        return True

    return patch.object(TransactionCheck, "_ask", wrong)


def forgets_ended() -> AbstractContextManager[object]:
    return patch.object(TransactionalMessageService, "ended", lambda *_: {})


def operation_before_final() -> AbstractContextManager[object]:
    put = "    result = ctx.store.put_message(inner, now)"
    delete = "    service.delete_prepare_message(message, now)"
    return edited(end_transaction, "end_transaction", put, f"{delete}\n{put}")


BUGS: dict[str, Bug] = {
    "AsyncFlushDebug": pool_has_no_end,  # the code gets there with a pool that has an end
    "AsyncFlushIgnoresPool": store_side.flushes_what_stands_in_the_pool,
    "AsyncFlushNeverThorough": store_side.flush_never_thorough,
    "MappedFileQueueNamesUnsynced": names_are_not_synced,
    "MappedFileQueueFailedForceCounts": store_side.failed_force_counts,
    "DispatchSkipsRefused": skips_refused,
    "DispatchTellsBeforeWritten": tells_before_written,
    "DispatchDispatchesWritten": store_side.shows_what_is_written,
    "DelayQueueMovesFirst": moves_first,
    "DelayQueuePersistsUndurable": persists_undurable,
    "DelayQueueStartsUnclamped": starts_unclamped,
    "DelayQueueSkipsFailed": skips_failed,
    "DelayQueueDeliversEarly": delivers_early,
    "RecoveryKeepsTail": keeps_the_tail,
    "RecoveryBlanksInPlace": blanks_in_place,
    "RecoveryTrustsUnits": trusts_units,
    "RecoveryToTheCheckpoint": believes_the_checkpoint_alone,
    "RecoveryCountsAsFlushed": store_side.recovery_takes_the_checkpoint_for_the_end,
    "RecoveryDispatchesWritten": store_side.shows_what_is_written,
    "GroupCommitAcksOnWrote": store_side.acks_on_wrote,
    "ConsumeOffsetCommitsPulled": takes_what_was_shown_for_consumed,
    "ConsumeOffsetBacksUpUnforced": PLANTED["9705-backup-of-a-torn-file"].patch,
    "ConsumeOffsetDeletesFirst": PLANTED["5905-deleted-before-the-new-one-is-durable"].patch,
    "ConsumeOffsetTrustsLoaded": PLANTED["own-file-of-before-the-kill-is-believed"].patch,
    "ConsumeOffsetShowsWritten": store_side.shows_what_is_written,
    "TransactionOpBeforeFinal": operation_before_final,
    "TransactionWalkNotBehindLog": PLANTED["own-walk-ahead-of-the-log"].patch,
    "TransactionAsksUnwalked": asks_unwalked,
    "TransactionForgetsEnded": forgets_ended,
}


def written(config: str, folder: Path) -> Callable[[], None]:
    """The test that `rmqref model explain --test` writes."""
    need_tlc()
    path = folder / "test_replay.py"
    result = CliRunner().invoke(main, ["model", "explain", config, "--test", str(path)])
    assert result.exit_code == 0, result.output
    names: dict[str, object] = {}
    exec(compile(path.read_text("utf-8"), config, "exec"), names)  # noqa: S102 - our own text
    (test,) = [thing for name, thing in names.items() if name.startswith("test_")]
    assert callable(test)

    def run() -> None:
        test()

    return run


@pytest.mark.slow
@pytest.mark.parametrize("config", BUGS)
def test_a_counterexample_is_refused_unless_the_bug_is_there(config: str, tmp_path: Path) -> None:
    test = written(config, tmp_path)
    test()
    with BUGS[config](), pytest.raises(AssertionError):
        test()
    test()


@pytest.mark.slow
@pytest.mark.parametrize("config", ["ConsumeOffsetDebug", "TransactionDebug"])
def test_the_implementation_reaches_what_the_model_reaches(config: str, tmp_path: Path) -> None:
    written(config, tmp_path)()
