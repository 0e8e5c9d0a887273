---------------------------- MODULE GroupCommit ----------------------------
(***************************************************************************)
(* How SYNC_FLUSH turns "appended" into "durable" and tells producers.     *)
(*                                                                         *)
(* Rules    STORE-FLUSH-1..5, STORE-FLUSH-13 (spec/store/flush.md)         *)
(* Code     refimpl/store/group_commit.py: an action is the function of    *)
(*          the same name; refimpl/store/flush_manager.py joins it to the  *)
(*          log.  Trace events: refimpl/model/trace.py.  The table of      *)
(*          names is in manifest.json and checked by tests/test_parity.py. *)
(*                                                                         *)
(* Says     A log of records in files of equal length.  Producers append   *)
(*          and ask; the flusher swaps two lists, and for the oldest       *)
(*          request it forces one file at a time, until the request is     *)
(*          durable or its attempts are spent; a clock may answer first.   *)
(*          Forces may fail or never end.  The process may be killed and   *)
(*          the power may fail; after either the store recovers.           *)
(*                                                                         *)
(* Leaves out, and why that is safe                                        *)
(*   - The bytes: a record is the offset behind it.  What a torn record    *)
(*     looks like is the matter of Recovery, which cuts it; here a crash   *)
(*     keeps whole records.                                                *)
(*   - Which sectors survive: a crash keeps a prefix of what is written    *)
(*     and not durable.  Recovery scans from the front and stops at the    *)
(*     first hole, so that every other image is seen as such a prefix.     *)
(*   - Milliseconds: a producer's patience may end at any moment, which    *)
(*     allows more than any clock does.                                    *)
(*   - Durable records: only the window above `durable` is kept, so that   *)
(*     a state does not grow with a trace.                                 *)
(***************************************************************************)
EXTENDS Integers, Sequences, FiniteSets

CONSTANTS
  FileSize,          \* bytes of a mapped file
  MinBlank,          \* a record leaves at least this much room for a blank in its file
  Sizes,             \* sizes of records in bytes
  MaxOffset,         \* bound: nothing is written above
  Producers,         \* bound: so many producers, each waits for its answer before it goes on
  FlushAttemptsMax,  \* release switch flush_attempts_max: 2, in 5.5 1000
  SeesLastFlush,     \* release switch sees_last_flush: FALSE in 4.6
  Design             \* "right", or the name of a wrong design kept on purpose

Designs == {"right", "acks-on-wrote", "recovered-is-durable"}
ASSUME Design \in Designs

VARIABLES
  durable,        \* everything below survives every crash (what forces have achieved)
  live,           \* ends of records and blanks above `durable`, growing: the page cache
  flushed,        \* flushed_where: everything below is durable, as the store knows
  forcing,        \* where the force under way will reach; 0 for none
  appended,       \* ends of records whose producer has not asked yet
  requestsWrite,  \* requests_write: producers join here
  requestsRead,   \* requests_read: the flusher drains this
  unanswered,     \* requests whose producer still waits
  attempts,       \* forces spent on the head of requestsRead
  recoveredTo,    \* what recovery found is forced up to here before any request is looked at
  okAtRisk,       \* ends answered PUT_OK that are not durable: what must never be
  up              \* the process runs

log     == <<durable, live>>
disk    == <<flushed, forcing, recoveredTo>>
lists   == <<appended, requestsWrite, requestsRead, unanswered, attempts>>
vars    == <<durable, live, flushed, forcing, appended, requestsWrite, requestsRead,
             unanswered, attempts, recoveredTo, okAtRisk, up>>

Request == [ticket : 1..MaxOffset, next : 1..MaxOffset]
Wrote   == IF live = <<>> THEN durable ELSE live[Len(live)]
NextFile(offset) == (offset \div FileSize + 1) * FileSize
RangeOf(s) == {s[i] : i \in 1..Len(s)}
Max(a, b)  == IF a > b THEN a ELSE b
Min(a, b)  == IF a < b THEN a ELSE b
(* where the file begins that a force to `offset` forces, all of it *)
FileOf(offset) == ((offset - 1) \div FileSize) * FileSize
(* STORE-FLUSH-3: one force reaches no further than the end of its file *)
Target  == Min(NextFile(flushed), Wrote)
Above(s, offset) == SelectSeq(s, LAMBDA end : end > offset)

Init ==
  /\ durable = 0 /\ live = <<>> /\ flushed = 0 /\ forcing = 0
  /\ appended = {} /\ requestsWrite = <<>> /\ requestsRead = <<>> /\ unanswered = {}
  /\ attempts = 0 /\ recoveredTo = 0 /\ okAtRisk = {} /\ up = FALSE

----------------------------------------------------------------------------
(* do_append of the commit log: a record of `size` bytes stands in the page cache at `at`; a record that does not
   fit leaves a blank and begins the next file.  Its producer will ask, or does not care. *)
Fits(size) == (Wrote % FileSize) + size + MinBlank <= FileSize
Place(size) == IF Fits(size) THEN Wrote ELSE NextFile(Wrote)
DoAppend(size, waits) ==
  /\ up
  /\ size + MinBlank <= FileSize /\ Place(size) + size <= MaxOffset
  /\ live' = live \o (IF Fits(size) THEN <<>> ELSE <<NextFile(Wrote)>>)
                  \o <<Place(size) + size>>
  /\ waits => Cardinality(appended) + Cardinality(unanswered) < Producers
  /\ appended' = IF waits THEN appended \cup {Place(size) + size} ELSE appended
  /\ UNCHANGED <<durable, disk, requestsWrite, requestsRead, unanswered, attempts, okAtRisk, up>>

(* put_request: a producer joins the write list.  Producers that appended one after the other
   may ask in another order: Java asks outside the lock. *)
PutRequest(ticket, next) ==
  /\ up /\ next \in appended
  /\ \A r \in unanswered : r.ticket # ticket
  /\ appended' = appended \ {next}
  /\ LET request == [ticket |-> ticket, next |-> next] IN
       /\ requestsWrite' = requestsWrite \o <<request>>
       /\ unanswered' = unanswered \cup {request}
  /\ UNCHANGED <<log, disk, requestsRead, attempts, okAtRisk, up>>

(* swap_requests: the lists trade places once the read list is drained *)
FlusherIsFree == up /\ forcing = 0 /\ flushed >= recoveredTo
SwapRequests ==
  /\ FlusherIsFree /\ requestsRead = <<>> /\ requestsWrite # <<>>
  /\ requestsRead' = requestsWrite /\ requestsWrite' = <<>> /\ attempts' = 0
  /\ UNCHANGED <<log, disk, appended, unanswered, okAtRisk, up>>

(* do_commit: one step for the oldest request.  STORE-FLUSH-4 *)
Head1   == requestsRead[1]
Looks   == attempts < FlushAttemptsMax \/ SeesLastFlush
Reached == IF Design = "acks-on-wrote" THEN Wrote ELSE flushed
IsDurable == Looks /\ Reached >= Head1.next
Commits == FlusherIsFree /\ requestsRead # <<>>
(* IF, for TLC would take a step once for each side of a disjunction that holds *)
Decided == IF IsDurable THEN TRUE ELSE attempts = FlushAttemptsMax
Answered == requestsRead' = Tail(requestsRead) /\ attempts' = 0

Flush ==
  /\ Commits /\ ~Decided
  /\ attempts' = attempts + 1
  /\ forcing' = IF Target > flushed THEN Target ELSE 0
  /\ UNCHANGED <<log, flushed, recoveredTo, appended, requestsWrite, requestsRead, unanswered,
                 okAtRisk, up>>

WakeupCustomer ==
  /\ Commits /\ Decided /\ Head1 \in unanswered
  /\ Answered /\ unanswered' = unanswered \ {Head1}
  /\ okAtRisk' = IF IsDurable /\ Head1.next > durable
                 THEN okAtRisk \cup {Head1.next} ELSE okAtRisk
  /\ UNCHANGED <<log, disk, appended, requestsWrite, up>>

DropRequest ==          \* Expire got there first, and the first answer stands
  /\ Commits /\ Decided /\ Head1 \notin unanswered
  /\ Answered
  /\ UNCHANGED <<log, disk, appended, requestsWrite, unanswered, okAtRisk, up>>

DoCommit == Flush \/ WakeupCustomer \/ DropRequest

(* Nobody waits, or recovery's remainder is not forced yet: the flusher forces unasked *)
ForceLog ==
  /\ up /\ forcing = 0 /\ Target > flushed
  /\ flushed < recoveredTo \/ (requestsRead = <<>> /\ requestsWrite = <<>>)
  /\ forcing' = Target
  /\ UNCHANGED <<log, flushed, recoveredTo, lists, okAtRisk, up>>

(* flushed: the disk replies.  STORE-FLUSH-1 *)
Flushed ==
  /\ up /\ forcing > 0
  /\ flushed' = Max(flushed, forcing) /\ forcing' = 0
  /\ durable' = IF FileOf(forcing) <= durable THEN Max(durable, forcing) ELSE durable
  /\ live' = Above(live, durable')
  /\ okAtRisk' = {end \in okAtRisk : end > durable'}
  /\ UNCHANGED <<recoveredTo, lists, up>>

ForceFailed ==          \* the bytes are written again, so that the next force covers them
  /\ up /\ forcing > 0 /\ forcing' = 0
  /\ UNCHANGED <<log, flushed, recoveredTo, lists, okAtRisk, up>>

(* expire: a producer's patience ends.  STORE-FLUSH-5: its flush still goes on *)
Expire(ticket) ==
  /\ up
  /\ \E r \in unanswered : r.ticket = ticket /\ unanswered' = unanswered \ {r}
  /\ UNCHANGED <<log, disk, appended, requestsWrite, requestsRead, attempts, okAtRisk, up>>

(* The process is killed (everything written stays) or the power fails (a prefix stays) *)
Crash(keep) ==          \* also while the store recovers
  /\ keep <= Len(live)
  /\ live' = SubSeq(live, 1, keep) /\ up' = FALSE
  /\ forcing' = 0 /\ flushed' = 0 /\ recoveredTo' = 0
  /\ appended' = {} /\ requestsWrite' = <<>> /\ requestsRead' = <<>> /\ unanswered' = {}
  /\ attempts' = 0
  /\ UNCHANGED <<durable, okAtRisk>>

(* STORE-FLUSH-13: the orderly end comes when everything is durable and everybody answered *)
Shutdown ==
  /\ up /\ forcing = 0 /\ live = <<>> /\ flushed = Wrote
  /\ appended = {} /\ requestsWrite = <<>> /\ requestsRead = <<>> /\ unanswered = {}
  /\ up' = FALSE /\ flushed' = 0 /\ recoveredTo' = 0 /\ attempts' = 0
  /\ UNCHANGED <<log, forcing, appended, requestsWrite, requestsRead, unanswered, okAtRisk>>

(* The store opens again: it trusts what it knows to be durable, or the beginning of a file.
   Where something stood behind the last record, blanks close its file, `to` its end
   (STORE-RECOVERY-6); a recovery that was cut off may have done that before *)
Recovered(from, to) ==
  /\ ~up /\ up' = TRUE
  /\ IF Design = "recovered-is-durable"
     THEN from = Wrote
     ELSE from <= durable /\ (from = durable \/ from % FileSize = 0)
  /\ to = Wrote \/ (to % FileSize = 0 /\ to > Wrote)
  /\ live' = live \o [i \in 1..((to \div FileSize) - (Wrote \div FileSize)) |->
                       ((Wrote \div FileSize) + i) * FileSize]
  /\ flushed' = from /\ recoveredTo' = to
  /\ UNCHANGED <<durable, forcing, lists, okAtRisk>>

Offsets == 0..MaxOffset
Next ==
  \/ \E size \in Sizes, waits \in BOOLEAN : DoAppend(size, waits)
  \/ \E next \in Offsets : PutRequest(next, next)
  \/ SwapRequests \/ Flush \/ WakeupCustomer \/ DropRequest
  \/ ForceLog \/ Flushed \/ ForceFailed
  \/ \E ticket \in Offsets : Expire(ticket)
  \/ \E keep \in Offsets : Crash(keep)
  \/ Shutdown
  \/ \E from \in Offsets, to \in Offsets : Recovered(from, to)
Spec == Init /\ [][Next]_vars

(* The clock alone is fair: a force may never end, and the flusher may never run *)
ClockSpec == Spec /\ \A ticket \in Offsets : WF_vars(Expire(ticket))
(* The flusher runs, and of the forces asked again and again one succeeds; no clock at all.
   A producer that appended asks. *)
FlusherSpec ==
  /\ Spec
  /\ WF_vars(SwapRequests) /\ WF_vars(DoCommit) /\ WF_vars(ForceLog)
  /\ WF_vars(Flushed \/ ForceFailed) /\ SF_vars(Flushed)
----------------------------------------------------------------------------
TypeOK ==
  /\ durable \in Offsets /\ flushed \in Offsets /\ forcing \in Offsets
  /\ recoveredTo \in Offsets /\ attempts \in 0..FlushAttemptsMax
  /\ RangeOf(live) \subseteq Offsets /\ appended \subseteq Offsets
  /\ RangeOf(requestsWrite) \cup RangeOf(requestsRead) \cup unanswered \subseteq Request

(* STORE-FLUSH-2: an acknowledged record survives every crash *)
OkIsDurable == okAtRisk = {}
(* STORE-FLUSH-1: what the store takes for durable is *)
FlushedIsDurable == flushed <= durable
PositionsOrdered == flushed <= Wrote /\ forcing <= Wrote /\ recoveredTo <= Wrote
(* STORE-FLUSH-3 *)
ForceStaysInItsFile == forcing > 0 => flushed < forcing /\ forcing <= NextFile(flushed)
(* Fault B17: whoever waits is in a list, so that somebody will answer *)
WaitingIsListed == unanswered \subseteq RangeOf(requestsWrite) \cup RangeOf(requestsRead)
WindowIsSorted == \A i \in 1..Len(live) : live[i] > durable /\ (i > 1 => live[i] > live[i - 1])

(* Every waiting put is answered, or its process dies *)
EveryPutIsAnswered ==
  \A t \in Offsets : (\E r \in unanswered : r.ticket = t) ~> ~(\E r \in unanswered : r.ticket = t)

(* Reachable, so false as an invariant: a put that rolled into the next file became durable
   with its second force after a crash took something, while another producer waits *)
NeverASecondForce ==
  ~(/\ attempts = 2 /\ recoveredTo > 0 /\ requestsRead # <<>> /\ flushed >= Head1.next
    /\ requestsWrite # <<>>)
(* Reachable: an answer that came too late for its producer *)
NeverTooLate == ~(Commits /\ Decided /\ Head1 \notin unanswered /\ attempts > 0)
=============================================================================
