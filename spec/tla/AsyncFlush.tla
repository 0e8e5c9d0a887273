----------------------------- MODULE AsyncFlush -----------------------------
(***************************************************************************)
(* ASYNC_FLUSH, with and without the transient store pool: what is written *)
(* becomes visible, and sooner or later durable.                           *)
(*                                                                         *)
(* Rules    STORE-FLUSH-1, 3, 6, 7, 9, 10 (spec/store/flush.md)            *)
(* Code     refimpl/store/flush_real_time.py (the rhythm),                 *)
(*          refimpl/store/flush_manager.py (its rounds),                   *)
(*          refimpl/store/transient_store_pool.py                          *)
(*                                                                         *)
(* Says     A put is answered at once.  With a pool it stands in a buffer  *)
(*          until a round of commit copies it to the page cache; a round   *)
(*          of flush forces one file.  A round takes what makes enough     *)
(*          whole pages, a full file always, and once in an interval       *)
(*          everything.  A file for which no buffer is left is written     *)
(*          without one.  What is readable is a prefix and survives the    *)
(*          end of the process; what is flushed survives a power failure.  *)
(*          Implements StoreObservable (PROPERTY ObservableSpec).          *)
(*                                                                         *)
(* Leaves out, and why that is safe                                        *)
(*   - What stands in a record, and where a crash may cut: in the bounds   *)
(*     below a record has the length one, and recovery cuts at records     *)
(*     (Recovery; TraceAsyncFlush keeps their ends).                       *)
(*   - Milliseconds: time is counted in ticks, up to the interval, beyond  *)
(*     which its length makes no difference to any round.                  *)
(*   - Wake-ups (STORE-FLUSH-8): a round may happen at any time.           *)
(***************************************************************************)
EXTENDS Integers, FiniteSets

CONSTANTS
  FileSize, PageSize,
  FlushLeastPages, CommitLeastPages,   \* what a round that is not thorough leaves
  FlushInterval, CommitInterval,       \* ticks between two thorough rounds
  PoolSize,                            \* buffers; 0 for no pool
  Sizes,                               \* bound: of records
  MinBlank,                            \* room that a record leaves for a blank in its file
  MaxOffset,                           \* bound
  Design                               \* "right", or a wrong design kept on purpose

Designs == {"right", "flush-ignores-pool", "never-thorough"}
ASSUME Design \in Designs

VARIABLES
  wrote,       \* everything below was answered with PUT_OK
  buffered,    \* beginnings of the files that stand in a buffer of the pool
  committed,   \* committed_where: below, everything is in the page cache
  flushed,     \* flushed_where
  durable,     \* what a power failure cannot take
  forcing,     \* where the force under way will reach; 0 for none
  flushAge, commitAge,   \* ticks since the last thorough round, up to the interval
  up

vars == <<wrote, buffered, committed, flushed, durable, forcing, flushAge, commitAge, up>>
ages == <<flushAge, commitAge>>

Offsets == 0..MaxOffset
Min(a, b) == IF a < b THEN a ELSE b
Max(a, b) == IF a > b THEN a ELSE b
FileOf(offset) == (offset \div FileSize) * FileSize
NextFile(offset) == FileOf(offset) + FileSize
(* Pages that end between two places of a file; they are counted from its beginning *)
Pages(from, to) == ((to - FileOf(from)) \div PageSize) - ((from - FileOf(from)) \div PageSize)

(* What a reader that goes from the front may see: a file without a buffer to its end, one with
   a buffer as far as it is committed *)
Readable ==
  IF \E file \in buffered : file >= FileOf(committed)
  THEN Max(committed, CHOOSE file \in buffered :
             /\ file >= FileOf(committed)
             /\ \A other \in buffered : other >= FileOf(committed) => other >= file)
  ELSE wrote

Init ==
  /\ wrote = 0 /\ buffered = {} /\ committed = 0 /\ flushed = 0 /\ durable = 0 /\ forcing = 0
  /\ flushAge = FlushInterval /\ commitAge = CommitInterval /\ up = FALSE
----------------------------------------------------------------------------
(* A record that does not fit leaves a blank and begins the next file.
   STORE-FLUSH-9: a new file borrows a buffer, or is written without one *)
Fits(size) == (wrote % FileSize) + size + MinBlank <= FileSize
Place(size) == IF Fits(size) THEN wrote ELSE NextFile(wrote)
CanBorrow == Cardinality(buffered) < PoolSize
Writes(at, size, borrows) ==
  /\ up /\ at + size <= MaxOffset
  /\ wrote' = at + size
  /\ buffered' = IF at % FileSize = 0 /\ borrows THEN buffered \cup {at} ELSE buffered
  /\ UNCHANGED <<committed, flushed, durable, forcing, ages, up>>
DoAppend(size) == size + MinBlank <= FileSize /\ Writes(Place(size), size, CanBorrow)

Ages(ticks) ==
  /\ flushAge' = Min(flushAge + ticks, FlushInterval)
  /\ commitAge' = Min(commitAge + ticks, CommitInterval)
  /\ UNCHANGED <<wrote, buffered, committed, flushed, durable, forcing, up>>
Tick == up /\ (flushAge < FlushInterval \/ commitAge < CommitInterval) /\ Ages(1)

(* STORE-FLUSH-6, STORE-FLUSH-7: enough pages, a full file, or everything now and then *)
Thorough(age, interval) == age = interval /\ Design # "never-thorough"
Enough(from, to, full, least, thorough) ==
  to > from /\ (full \/ thorough \/ Pages(from, to) >= least)

(* CommitRealTimeService: one file's bytes from the buffer to the page cache *)
CommitEnd == Min(NextFile(committed), wrote)
CommitThorough == Thorough(commitAge, CommitInterval)
Moves ==
  IF FileOf(committed) \in buffered
  THEN Enough(committed, CommitEnd, wrote >= NextFile(committed), CommitLeastPages, CommitThorough)
  ELSE CommitEnd > committed
Move ==
  /\ committed' = CommitEnd
     \* STORE-FLUSH-10: a buffer that is copied to its end comes back
  /\ buffered' = IF CommitEnd = NextFile(committed)
                 THEN buffered \ {FileOf(committed)} ELSE buffered
StepCommit ==
  /\ up /\ PoolSize > 0 /\ (Moves \/ CommitThorough)
  /\ IF Moves THEN Move ELSE UNCHANGED <<committed, buffered>>
  /\ commitAge' = 0
  /\ UNCHANGED <<wrote, flushed, durable, forcing, flushAge, up>>

(* The disk refused the round: the bytes stay in the buffer, and the next round takes them *)
CommitFailed ==
  /\ up /\ Moves /\ FileOf(committed) \in buffered
  /\ commitAge' = IF CommitThorough THEN 0 ELSE commitAge
  /\ UNCHANGED <<wrote, buffered, committed, flushed, durable, forcing, flushAge, up>>

(* FlushRealTimeService: one file, as far as it is in the page cache *)
FlushEnd ==
  LET inCache == IF FileOf(flushed) \in buffered /\ Design # "flush-ignores-pool"
                 THEN committed ELSE wrote
  IN Max(flushed, Min(NextFile(flushed), inCache))
FlushThorough == Thorough(flushAge, FlushInterval)
Forces ==
  Enough(flushed, FlushEnd, wrote >= NextFile(flushed), FlushLeastPages, FlushThorough)
StepFlush ==
  /\ up /\ forcing = 0 /\ (Forces \/ FlushThorough)
  /\ forcing' = IF Forces THEN FlushEnd ELSE 0
  /\ flushAge' = IF FlushThorough THEN 0 ELSE flushAge
  /\ UNCHANGED <<wrote, buffered, committed, flushed, durable, commitAge, up>>

(* STORE-FLUSH-13: the orderly end takes everything, file by file, and asks for no pages *)
Drain ==
  /\ up
  /\ \/ /\ CommitEnd > committed /\ PoolSize > 0 /\ Move
        /\ UNCHANGED <<wrote, flushed, durable, forcing, ages, up>>
     \/ /\ forcing = 0 /\ FlushEnd > flushed /\ forcing' = FlushEnd
        /\ UNCHANGED <<wrote, buffered, committed, flushed, durable, ages, up>>

Flushed ==
  /\ up /\ forcing > 0
  /\ flushed' = Max(flushed, forcing) /\ forcing' = 0
     \* a force takes what the page cache has of its file, and makes no hole below it
  /\ durable' = IF FileOf(forcing - 1) <= durable
                THEN Max(durable, Min(forcing, Readable)) ELSE durable
  /\ UNCHANGED <<wrote, buffered, committed, ages, up>>

ForceFailed ==
  /\ up /\ forcing > 0 /\ forcing' = 0
  /\ UNCHANGED <<wrote, buffered, committed, flushed, durable, ages, up>>

Ends(keep) ==
  /\ up' = FALSE /\ wrote' = keep /\ buffered' = {} /\ committed' = keep
  /\ flushed' = 0 /\ forcing' = 0
  /\ flushAge' = FlushInterval /\ commitAge' = CommitInterval
  /\ UNCHANGED durable
Kill == up /\ Ends(Readable)     \* the process: the page cache stays, the buffers go
(* It may fail while the store opens, too *)
PowerFails(keep) == durable <= keep /\ keep <= Readable /\ Ends(keep)
Shutdown == up /\ durable = wrote /\ Ends(wrote)

(* The log goes on at `to`: where the crash left it, or behind a blank that closes that file.
   Flushes go on at what is durable, or at the blank that ends it, or where a file begins *)
Recovered(from, to) ==
  /\ ~up /\ up' = TRUE
  /\ from <= durable /\ (durable \in {from, NextFile(from)} \/ from % FileSize = 0)
  /\ to >= wrote /\ wrote' = to /\ committed' = to
  /\ flushed' = from
  /\ UNCHANGED <<buffered, durable, forcing, ages>>

Next ==
  \/ \E size \in Sizes : DoAppend(size)
  \/ Tick \/ StepCommit \/ CommitFailed \/ StepFlush \/ Drain \/ Flushed \/ ForceFailed
  \/ Kill \/ \E keep \in Offsets : PowerFails(keep)
  \/ Shutdown \/ \E from \in Offsets : Recovered(from, wrote)
Spec == Init /\ [][Next]_vars

(* Time passes, rounds are made, and of what is asked of the disk again and again one succeeds *)
FairSpec ==
  /\ Spec
  /\ WF_vars(Tick) /\ SF_vars(StepCommit) /\ WF_vars(StepFlush)
  /\ WF_vars(Flushed \/ ForceFailed) /\ SF_vars(Flushed)
----------------------------------------------------------------------------
TypeOK ==
  /\ {wrote, committed, flushed, durable, forcing} \subseteq Offsets
  /\ flushAge \in 0..FlushInterval /\ commitAge \in 0..CommitInterval
  /\ \A file \in buffered : file % FileSize = 0
PositionsOrdered == flushed <= Readable /\ Readable <= wrote /\ committed <= Readable
(* STORE-FLUSH-1, STORE-FLUSH-9 *)
FlushedIsDurable == flushed <= durable
(* STORE-FLUSH-10 *)
PoolIsNotOverdrawn == Cardinality(buffered) <= PoolSize
BuffersAreUncommitted == \A file \in buffered : committed < file + FileSize

(* STORE-FLUSH-7: whatever is written becomes durable, or its process dies *)
EverythingIsFlushed == \A o \in Offsets : (up /\ wrote >= o) ~> (durable >= o \/ ~up)

AllAnswers == {"waits", "ok", "cached", "unknown"}
Observable == INSTANCE StoreObservable WITH
  log <- [i \in 1..wrote |-> "cached"],
  shown <- Readable,
  up <- up,
  MaxMessages <- MaxOffset,
  Accidents <- {"kill", "power"},
  NeverLost <- [kill |-> IF PoolSize = 0 THEN AllAnswers ELSE {}, power |-> {}],
  ShownIsSafe <- [kill |-> TRUE, power |-> FALSE]
ObservableSpec == Observable!Spec
(* Reachable: a file without a buffer is written behind one whose buffer is not committed *)
NeverAHoleInThePageCache == ~(\E file \in buffered : wrote > file + FileSize /\ committed <= file)
=============================================================================
