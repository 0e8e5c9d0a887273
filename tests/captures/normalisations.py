"""The named volatile fields: what may differ between a recorded answer and ours, and why.

Each names a field by code of the request and path (`*` stands for anything), and a relation that
the two values must still have: an address may have another port but not another host, a time of
the store may lie some seconds apart but not in another year. What no entry explains is an error.
"""

import re
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import NamedTuple

from refimpl.model.ids import JsonValue
from tests.captures.comparison import Difference
from tests.captures.replay import Exchange, Replay

_APART = 15_000  # milliseconds between a recorded event and ours
_DAY = 86_400_000
_POP_CODES = {400, 401, 200_050, 200_051, 200_053, 200_050 & 0xFFFF}  # the last: cut to 16 bits
Relation = Callable[[JsonValue, JsonValue, Replay], bool]


def _anything(_recorded: JsonValue, _ours: JsonValue, _replay: Replay) -> bool:
    return True


def _both_there(recorded: JsonValue, ours: JsonValue, _replay: Replay) -> bool:
    return type(recorded) is type(ours) and recorded is not None


def _near(recorded: JsonValue, ours: JsonValue, _replay: Replay) -> bool:
    if type(recorded) is not type(ours) or not isinstance(recorded, int | str):
        return False
    return abs(int(recorded) - int(str(ours))) < _APART


def _other_port(recorded: JsonValue, ours: JsonValue, _replay: Replay) -> bool:
    def host(value: JsonValue) -> str:
        return str(value).rpartition(":")[0]

    return bool(host(recorded)) and host(recorded) == host(ours)


def _same_but(pattern: str) -> Relation:
    """Equal where everything that `pattern` matches is left out."""

    def same(recorded: JsonValue, ours: JsonValue, _replay: Replay) -> bool:
        return re.sub(pattern, "", str(recorded)) == re.sub(pattern, "", str(ours))

    return same


def _same_record(recorded: JsonValue, ours: JsonValue, replay: Replay) -> bool:
    """The offset of one record in two logs: always the same pair."""
    theirs = int(str(recorded))
    return replay.offsets.setdefault(theirs, int(str(ours))) == int(str(ours))


def _same_ids(recorded: JsonValue, ours: JsonValue, replay: Replay) -> bool:
    theirs = str(recorded).split(",")
    return [replay.our_id(one) for one in theirs] == str(ours).split(",")


def _same_members(recorded: JsonValue, ours: JsonValue, _replay: Replay) -> bool:
    return (
        isinstance(recorded, list)
        and isinstance(ours, list)
        and sorted(map(str, recorded)) == sorted(map(str, ours))
    )


def _same_day(recorded: JsonValue, ours: JsonValue, _replay: Replay) -> bool:
    return abs(int(str(recorded)) - int(str(ours))) < _DAY


def _rates(recorded: JsonValue, ours: JsonValue, _replay: Replay) -> bool:
    numbers = [[float(one) for one in str(value).split()] for value in (recorded, ours)]
    return all(numbers) and all(one >= 0 for one in numbers[0] + numbers[1])


def _at_most(recorded: JsonValue, ours: JsonValue, _replay: Replay) -> bool:
    return 0 < int(str(ours)) <= int(str(recorded))


def _ours_missing(recorded: JsonValue, ours: JsonValue, _replay: Replay) -> bool:
    return isinstance(recorded, str) and ours is None


def _to_zero(recorded: JsonValue, ours: JsonValue, replay: Replay) -> bool:
    return replay.release.name == "4.6" and recorded == "0" and ours != "0"


def _unfilled(recorded: JsonValue, _ours: JsonValue, replay: Replay) -> bool:
    return replay.release.name == "4.6" and recorded in {None, 0}


def _more_in_5_5(recorded: JsonValue, ours: JsonValue, replay: Replay) -> bool:
    return replay.release.name == "5.5" and float(str(recorded)) >= float(str(ours))


def _where_checked(_recorded: JsonValue, _ours: JsonValue, replay: Replay) -> bool:
    return replay.recording.checked_although_ended()


class Normalisation(NamedTuple):
    """One kind of volatile field."""

    name: str
    reason: str
    places: tuple[tuple[set[int] | None, str], ...]  # request codes (None: all), path
    related: Relation

    def explains(self, difference: Difference, exchange: Exchange, replay: Replay) -> bool:
        """True where this names the field and the values are related as they must be."""
        named = any(
            (codes is None or exchange.request.code in codes)
            and fnmatchcase(difference.path, pattern)
            for codes, pattern in self.places
        )
        try:
            return named and self.related(difference.recorded, difference.ours, replay)
        except ValueError:  # no number where there must be one
            return False


TABLE = (
    Normalisation(
        "store time",
        "the recorded broker stored some milliseconds to seconds earlier or later than ours",
        (
            (None, "body.*.storeTimestamp"),
            (None, "body[[]*[]].storeTimestamp"),
            ({326}, "ext.storeTimestamp"),
            ({32}, "ext.timestamp"),
            ({12}, "ext.indexLastUpdateTimestamp"),
            ({202}, "body.offsetTable.*.lastUpdateTimestamp"),
            ({208, 317}, "body.*lastTimestamp"),
            ({303}, "body.consumeTimeSpanSet[[]*[]].*TimeStamp"),
            ({21, 201}, "body.dataVersion.timestamp"),
            ({21}, "body.mappingDataVersion.timestamp"),
            ({303}, "body.consumeTimeSpanSet[[]*[]].delayTime"),
            ({28}, "body.table.*[tT]ime[sS]tamp"),
        ),
        _near,
    ),
    Normalisation(
        "port of a client",
        "the operating system chose it",
        (
            (None, "body[[]*[]].bornHost"),
            ({326}, "ext.bornHost"),
            ({203, 204}, "body.connectionSet[[]*[]].clientAddr"),
        ),
        _other_port,
    ),
    Normalisation(
        "port of a client in a remark",
        "the same, within a sentence",
        (({310}, "remark"),),
        _same_but(r"127\.0\.0\.1:\d+"),
    ),
    Normalisation(
        "physical offset",
        "messages that the broker itself writes come in another order between those of clients",
        (
            (None, "body[[]*[]].physicalOffset"),
            ({39}, "ext.commitLogOffset"),
            ({12}, "ext.indexLastUpdatePhyoffset"),
            ({321}, "body.queueData[[]*[]].physicOffset"),
        ),
        _same_record,
    ),
    Normalisation(
        "offset message id",
        "it is made of the physical offset",
        (({310, 320, 325}, "ext.msgId"), ({39}, "ext.offsetMsgId"), ({309}, "ext.msgId")),
        _same_ids,
    ),
    Normalisation(
        "time within a text",
        "store times and the time of the start, printed within a sentence",
        (
            ({303}, "body.consumeTimeSpanSet[[]*[]].*TimeStampStr"),
            ({26}, "ext.version"),
            ({326}, "ext.properties"),
            ({28}, "body.table.runtime"),
        ),
        _same_but(r"\d{13}|:\d\d:\d\d:\d{3}$|\d+ (minutes, \d+ )?seconds"),
    ),
    Normalisation(
        "version of a subscription",
        "the client's clock when it subscribed; of dropped heartbeats we only know the day",
        (
            ({203}, "body.subscriptionTable.*.subVersion"),
            ({321}, "body.subscriptionData.subVersion"),
        ),
        _same_day,
    ),
    Normalisation(
        "rate",
        "samples of one recorded minute, with pulls that the recording dropped",
        (
            ({208}, "body.consumeTps"),
            ({317}, "body.consumeStatsList.*.consumeTps"),
            ({315}, "body.stats*.tps"),
            ({28}, "body.table.*Tps"),
        ),
        _rates,
    ),
    Normalisation(
        "counter of pulls",
        "the recording dropped repeats of pulls",
        (({28}, "body.table.msgGetTotalTodayNow"),),
        _at_most,
    ),
    Normalisation(
        "machine",
        "duration of a put or a pull, how much was not yet flushed, size and use of its disk",
        (
            ({28}, "body.table.*EntireTimeMax"),
            ({28}, "body.table.*DiskRatio"),
            ({28}, "body.table.commitLogDirCapacity"),
            ({28}, "body.table.remainHowManyDataToFlush"),
            ({28}, "body.table.putMessageDistributeTime"),
            ({28}, "body.table.putLatency*"),
        ),
        _both_there,
    ),
    Normalisation(
        "folder",
        "where the recorded processes kept their files; the name of a ratio has the folder",
        (
            ({26, 319}, "body.storePath*"),
            ({26, 319}, "body.rocketmqHome"),
            ({26, 319}, "body.kvConfigPath"),
            ({26, 319}, "body.configStorePath"),
            ({28}, "body.table.commitLogDiskRatio_*"),
        ),
        _anything,
    ),
    Normalisation(
        "name of the file",
        "the recorded processes were started with one file for all releases: names of others",
        tuple(
            ({26, 319}, f"body.{name}")
            for name in (
                "bindAddress",
                "mapedFileSizeCommitLog",
                "mapedFileSizeConsumeQueue",
                "mappedFileSizeTimerLog",
                "timerMaxDelaySec",
            )
        ),
        _anything,
    ),
    Normalisation(
        "order in a hash table",
        "names of one bucket stand in the order of their arrival, which dropped requests decided",
        (({206, 224}, "body.topicList"),),
        _same_members,
    ),
    Normalisation(
        "handle to recall a timed message",
        "5.5's timer wheel is not part of the reference",
        (({310}, "ext.recallHandle"),),
        _ours_missing,
    ),
    Normalisation(
        "timer wheel and pop",
        "5.5 stores messages for them that the reference, which has neither, does not",
        (
            ({28}, "body.table.timerCongestNum"),
            ({28}, "body.table.putMessage*"),
            ({28}, "body.table.msgPutTotalTodayNow"),
            ({28}, "body.table.commitLogMaxOffset"),
        ),
        _more_in_5_5,
    ),
    Normalisation(
        "check of an ended transaction",
        "5.5 notes ends in batches: with its short time-out it checked a committed message",
        (
            ({317}, "body.consumeStatsList.CG_TX.*"),
            ({317}, "body.consumeStatsList.CID_RMQ_SYS_TRANS.*"),
            ({317}, "body.total*Diff"),
        ),
        _where_checked,
    ),
    Normalisation(
        "STORE-READ-5",
        "deviation: 4.6.1 sends a consumer that is ahead to 0, and it gets every message again",
        (({11}, "ext.nextBeginOffset"),),
        _to_zero,
    ),
    Normalisation(
        "BROKER-ADMIN-38",
        "deviation: 4.6.1 writes the body before it fills it",
        (({321}, "body.*"),),
        _unfilled,
    ),
)


def explanation(difference: Difference, exchange: Exchange, replay: Replay) -> str | None:
    """Name of the normalisation that allows `difference`; None where it is an error."""
    for one in TABLE:
        if one.explains(difference, exchange, replay):
            return one.name
    return None


class Incomparable(NamedTuple):
    """One kind of exchange that is not compared at all."""

    name: str
    reason: str
    meant: Callable[[Exchange, Replay], bool]


def _pops(exchange: Exchange, _replay: Replay) -> bool:
    return exchange.request.code in _POP_CODES


def _reads_checked(exchange: Exchange, replay: Replay) -> bool:
    topic = (exchange.request.ext_fields or {}).get("topic")
    named = exchange.request.code == 39 or (exchange.request.code == 11 and topic == "T_TX")
    return named and replay.recording.checked_although_ended()


INCOMPARABLE = (
    Incomparable("pop", "5.5's consumption by pop is not part of the reference", _pops),
    Incomparable(
        "check of an ended transaction",
        "the record that is checked, and later delivered twice, is that of another message",
        _reads_checked,
    ),
)


def incomparable(exchange: Exchange, replay: Replay) -> str | None:
    """Name of the rule by which `exchange` is not compared; None where it is."""
    return next((one.name for one in INCOMPARABLE if one.meant(exchange, replay)), None)
