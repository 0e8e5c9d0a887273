------------------------------ MODULE Dispatch ------------------------------
(***************************************************************************)
(* Reput: what makes a record of the log visible to readers.               *)
(*                                                                         *)
(* Rules    STORE-CQ-1, -2, -13, -15, -16, -18                             *)
(* Code     refimpl/store/reput.py                                         *)
(*                                                                         *)
(* Says     Every confirmed record gets its unit, exactly once, in the     *)
(*          order of the log; nothing above the confirmed end is           *)
(*          dispatched; a reader hears of a record only after its unit is  *)
(*          written; where the disk refuses, nothing is skipped; the blank *)
(*          end of a file is passed.                                       *)
(*                                                                         *)
(* Leaves out, and why that is safe                                        *)
(*   - Restarts and crashes: Recovery begins with what is on disk.         *)
(*   - The index: built from the same records, promised to nobody.         *)
(*   - Damaged records (STORE-CQ-17): no action of a running store makes   *)
(*     one, and recovery cuts the log before the first.                    *)
(*   - The bytes of a unit: it is known by the offset of its record.       *)
(***************************************************************************)
EXTENDS Naturals, Sequences

CONSTANTS Queues,       \* topic and queue id, as one name
          Sizes,        \* sizes of records
          FileSize,     \* of a mapped file of the log
          BlankSize,    \* END_FILE_MIN_BLANK_LENGTH: room that a file's end needs
          MaxRecords,   \* bound
          Attempts,     \* 30: refusals before the store stops to accept puts
          MaxRefusals,  \* bound
          SyncFlush,    \* TRUE: readers see what is durable; FALSE: what is written
          Design        \* "reput", or the name of a wrong design

ASSUME Design \in {"reput", "skipsRefused", "tellsBeforeWritten", "dispatchesWritten"}

VARIABLES log,              \* records in order: [at, size, queue, n, unit]
          wrote,            \* end of the log
          flushed,          \* flushedWhere
          reputFromOffset,
          gathered,         \* by queue: offsets whose units are not written yet
          units,            \* by queue: offsets whose units are written
          waiting,          \* records dispatched in this step, nobody heard of them
          arrived,          \* records that readers heard of
          attempts, refusals, logicsQueueError

vars == <<log, wrote, flushed, reputFromOffset, gathered, units, waiting, arrived,
          attempts, refusals, logicsQueueError>>

End(k) == log[k].at + log[k].size
ConfirmOffset == IF SyncFlush THEN flushed ELSE wrote
Visible == IF Design = "dispatchesWritten" THEN wrote ELSE ConfirmOffset

RollNextFile(offset) == offset + FileSize - (offset % FileSize)
(* a record stands in one file, and its file keeps room for the blank *)
Place(size) ==
  IF (wrote % FileSize) + size + BlankSize > FileSize THEN RollNextFile(wrote) ELSE wrote

HasUnit(k, q) == log[k].queue = q /\ log[k].unit
(* offsets of records of q with a unit that stand below a place *)
OffsetsOf(q, below) ==
  LET mine == SelectSeq(log, LAMBDA r : r.queue = q /\ r.unit /\ r.at < below)
  IN [n \in 1..Len(mine) |-> mine[n].at]
NextQueueOffset(q) == Len(OffsetsOf(q, wrote + 1))

(* where the next record stands that is not dispatched: behind a blank perhaps *)
NextRecord == {k \in 1..Len(log) : log[k].at >= reputFromOffset
                                  /\ (k = 1 \/ log[k - 1].at < reputFromOffset)}

Init == /\ log = <<>> /\ wrote = 0 /\ flushed = 0 /\ reputFromOffset = 0
        /\ gathered = [q \in Queues |-> <<>>] /\ units = [q \in Queues |-> <<>>]
        /\ waiting = 0 /\ arrived = 0
        /\ attempts = 0 /\ refusals = 0 /\ logicsQueueError = FALSE

-----------------------------------------------------------------------------

(* a record stands in the page cache; a half message has no unit *)
DoAppend(q, size, unit) ==
  /\ ~logicsQueueError /\ Len(log) < MaxRecords
  /\ log' = Append(log, [at |-> Place(size), size |-> size, queue |-> q,
                         n |-> IF unit THEN NextQueueOffset(q) ELSE 0, unit |-> unit])
  /\ wrote' = Place(size) + size
  /\ UNCHANGED <<flushed, reputFromOffset, gathered, units, waiting, arrived, attempts,
                 refusals, logicsQueueError>>

(* the disk answered *)
FlushedTo(where) ==
  /\ where > flushed /\ where <= wrote
  /\ flushed' = where
  /\ UNCHANGED <<log, wrote, reputFromOffset, gathered, units, waiting, arrived, attempts, refusals,
                 logicsQueueError>>

(* the next record is told to its queue *)
Dispatch ==
  \E k \in NextRecord :
    /\ End(k) <= Visible
    /\ reputFromOffset' = End(k)
    /\ gathered' = IF log[k].unit
                   THEN [gathered EXCEPT ![log[k].queue] = Append(@, log[k].at)]
                   ELSE gathered
    /\ waiting' = IF Design = "tellsBeforeWritten" THEN waiting ELSE waiting + 1
    /\ arrived' = IF Design = "tellsBeforeWritten" THEN arrived + 1 ELSE arrived
    /\ UNCHANGED <<log, wrote, flushed, units, attempts, refusals, logicsQueueError>>

(* what was gathered is written, then what waits has arrived *)
Sync ==
  /\ waiting > 0 \/ \E q \in Queues : gathered[q] # <<>>
  /\ units' = [q \in Queues |-> units[q] \o gathered[q]]
  /\ gathered' = [q \in Queues |-> <<>>]
  /\ arrived' = arrived + waiting /\ waiting' = 0
  /\ attempts' = 0
  /\ UNCHANGED <<log, wrote, flushed, reputFromOffset, refusals, logicsQueueError>>

(* the disk cannot make a file for the next unit; the step ends before it *)
Refuse ==
  \E k \in NextRecord :
    /\ End(k) <= Visible /\ log[k].unit /\ refusals < MaxRefusals
    /\ refusals' = refusals + 1
    /\ IF Design = "skipsRefused" /\ attempts + 1 >= Attempts
       THEN /\ reputFromOffset' = End(k) /\ attempts' = 0 /\ waiting' = waiting + 1
            /\ UNCHANGED logicsQueueError
       ELSE /\ attempts' = attempts + 1
            /\ logicsQueueError' = (logicsQueueError \/ attempts + 1 >= Attempts)
            /\ UNCHANGED <<reputFromOffset, waiting>>
    /\ UNCHANGED <<log, wrote, flushed, gathered, units, arrived>>

(* the disk does not take what was gathered; it waits *)
RefuseSync ==
  /\ \E q \in Queues : gathered[q] # <<>>
  /\ refusals < MaxRefusals /\ refusals' = refusals + 1
  /\ attempts' = attempts + 1
  /\ logicsQueueError' = (logicsQueueError \/ attempts + 1 >= Attempts)
  /\ UNCHANGED <<log, wrote, flushed, reputFromOffset, gathered, units, waiting, arrived>>

Flushed == SyncFlush /\ \E k \in 1..Len(log) : FlushedTo(End(k))

Next ==
  \/ \E q \in Queues, size \in Sizes, unit \in BOOLEAN : DoAppend(q, size, unit)
  \/ Flushed \/ Dispatch \/ Sync \/ Refuse \/ RefuseSync

Spec == Init /\ [][Next]_vars
(* the actor comes again, the disk does not refuse for ever, the log is flushed *)
FairSpec == Spec /\ WF_vars(Dispatch) /\ WF_vars(Sync) /\ WF_vars(Flushed)

-----------------------------------------------------------------------------

TypeOK == /\ flushed \in 0..wrote /\ reputFromOffset \in Nat
          /\ waiting \in 0..MaxRecords /\ arrived \in 0..MaxRecords
          /\ attempts \in Nat /\ logicsQueueError \in BOOLEAN
          /\ DOMAIN units = Queues /\ DOMAIN gathered = Queues

(* STORE-CQ-18 *)
ShownIsConfirmed == reputFromOffset <= ConfirmOffset

(* STORE-CQ-1, -2, -15: units are those of the dispatched records, in order, each once *)
UnitsFollowTheLog ==
  \A q \in Queues : units[q] \o gathered[q] = OffsetsOf(q, reputFromOffset)

(* the unit at n is that of the record which carries queue offset n *)
UnitsPointToTheirRecords ==
  \A q \in Queues : \A n \in 1..Len(units[q]) :
    \E k \in 1..Len(log) : log[k].at = units[q][n] /\ HasUnit(k, q) /\ log[k].n = n - 1

(* STORE-CQ-13 *)
ToldIsReadable ==
  \A k \in 1..arrived : log[k].unit =>
    \E n \in 1..Len(units[log[k].queue]) : units[log[k].queue][n] = log[k].at

(* every record of the log is told of in the end *)
EveryRecordArrives == \A k \in 1..MaxRecords : (Len(log) >= k) ~> (arrived >= k)

(* Debug: reachable, so each of these must fail *)
NeverArrives == arrived < MaxRecords
NeverRolls == \A k \in 1..Len(log) : log[k].at < FileSize
NeverStops == ~logicsQueueError
=============================================================================
