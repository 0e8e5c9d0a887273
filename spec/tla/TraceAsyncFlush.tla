--------------------------- MODULE TraceAsyncFlush ---------------------------
(***************************************************************************)
(* Traces of a store under ASYNC_FLUSH, with and without the transient     *)
(* store pool, against AsyncFlush, used unchanged.  See TraceGroupCommit   *)
(* for the pattern.                                                        *)
(*                                                                         *)
(* A round is one event, and its Commit or ForceLog the next: whether it   *)
(* follows, and where it reaches, must be what the round decides.  Time    *)
(* passes in a silent step before a round.  A crash may cut behind any     *)
(* record: their ends above what is durable are kept.                      *)
(***************************************************************************)
EXTENDS AsyncFlush, TraceData, Sequences, TLC
VARIABLES t, l,
          ends,        \* of the records that are not durable, in order
          batches,     \* [from, to]: one event, many records
          ticked,      \* the time before the next round has passed
          told,        \* where the round reaches of which the last event told; 0 for none
          goesOnAt,    \* where this life began to append
          draining,    \* the orderly end has begun
          dispatched,  \* where dispatch has come in this life; -1 before it did anything
          hollow,      \* beginnings of files that a blank fills
          looks,       \* observations of this life
          orderly,     \* how the last life ended: "clean", "unclean", or "" where nobody knows
          process      \* "serves", "closed" (after its orderly end), "gone", "off" (no power)

life == <<ticked, told, goesOnAt, draining, dispatched, looks, orderly, process>>
more == <<ends, batches, hollow, life>>
Trace == Traces[t]
Ev    == Trace[l]
Is(name) == IF l <= Len(Trace) THEN Ev.e = name ELSE FALSE
Follows(name) == IF l < Len(Trace) THEN Trace[l + 1].e = name ELSE FALSE
RangeOf(s) == {s[i] : i \in 1..Len(s)}

(* A blank is no record: where what must stay ends with one, `survived` is the record before *)
Closed(survived, end) == survived < end /\ NextFile(survived) = end
Left == IF up THEN Readable ELSE wrote      \* what the page cache has
Kept(survived) ==
  IF survived = -1 THEN Left ELSE IF Closed(survived, durable) THEN durable ELSE survived
InBatch(end) == \E b \in batches : b.from < end /\ end < b.to
IsEnd(end) ==
  end \in {durable, Left} \/ end % FileSize = 0 \/ end \in RangeOf(ends) \/ InBatch(end)

(* Where dispatch may be that came to `from` and found no record behind: a blank ends a file, or
   fills one of `blanks` *)
Hollow(from, to) == IF from < to /\ from % FileSize = 0 THEN {from} ELSE {}
Reaches(blanks, from, to) ==
  \/ to = from
  \/ LET next == IF from % FileSize = 0 THEN from ELSE NextFile(from) IN
       /\ to >= next /\ to % FileSize = 0
       /\ \A i \in 1..((to - next) \div FileSize) : next + (i - 1) * FileSize \in blanks
Behind(from, to) == Reaches(hollow, from, to)
Within == "within an action"
Refused == "a start that was refused"
(* The machine stops between a round and what tells of it: at the write from buffer to page cache,
   for nothing else of a round changes the disk *)
CutOff == IF Follows("Crash") THEN Trace[l + 1].power /\ Trace[l + 1].image = Within ELSE FALSE

(* Why an event may happen now, condition by condition: each can be evaluated in every state *)
Conditions ==
  CASE Ev.e = "Append" -> <<
         <<"up", up /\ ~draining>>,
         <<"what the round takes is told", told = 0>>,
         <<"it fits a file", Ev.size + MinBlank <= FileSize>>,
         <<"Place(size) = offset", Place(Ev.size) = Ev.offset>>,
         <<"somebody sent it", Ev.messages > 0 /\ Ev.size > 0>> >>
    [] Ev.e = "StepFlush" -> <<
         <<"up", up /\ ~draining>>,
         <<"what the round takes is told", told = 0>>,
         <<"time does not go back", Ev.passed >= 0>>,
         <<"no force is under way", forcing = 0>>,
         <<"flushAge = age", flushAge = Ev.age>>,
         <<"the round forces what is enough", Follows("ForceLog") = Forces>> >>
    [] Ev.e = "StepCommit" -> <<
         <<"up", up /\ ~draining>>,
         <<"there is a pool", PoolSize > 0>>,
         <<"what the round takes is told", told = 0>>,
         <<"time does not go back", Ev.passed >= 0>>,
         <<"commitAge = age", commitAge = Ev.age>>,
         <<"the round moves what is enough",
           (Follows("Commit") \/ Follows("CommitFailed") \/ CutOff) = Moves>> >>
    [] Ev.e = "Commit" /\ told > 0 -> <<
         <<"the round reaches where", committed = Ev.where>> >>
    [] Ev.e = "Commit" -> <<
         <<"up", up>>,
         <<"there is something to commit", PoolSize > 0 /\ CommitEnd > committed>>,
         <<"CommitEnd = where", CommitEnd = Ev.where>> >>
    [] Ev.e = "CommitFailed" -> <<
         <<"up", up>>,
         <<"there is something to commit", told > 0 \/ CommitEnd > committed>>,
         <<"committed = where", committed = Ev.where>> >>
    [] Ev.e = "ForceLog" /\ told > 0 -> <<
         <<"the round reaches where", forcing = Ev.where>> >>
    [] Ev.e = "ForceLog" -> <<
         <<"up", up>>,
         <<"no force is under way", forcing = 0>>,
         <<"there is something to force", FlushEnd > flushed>>,
         <<"FlushEnd = where", FlushEnd = Ev.where>> >>
    [] Ev.e \in {"Flushed", "ForceFailed"} -> <<
         <<"what the round takes is told", told = 0>>,
         <<"forcing = where", forcing > 0 /\ forcing = Ev.where>> >>
    [] Ev.e = "Dispatch" -> <<
         <<"it is readable", Ev.offset + Ev.size <= Left>>,
         <<"it follows what was dispatched",
           IF dispatched = -1 THEN orderly # "unclean" \/ Ev.offset % FileSize = 0
           ELSE Behind(dispatched, Ev.offset)>>,
         <<"no record is left out",
           \A end \in RangeOf(ends) :
             dispatched = -1 \/ end <= dispatched \/ end > Ev.offset>>,
         <<"it is a record",
           \/ ~up \/ Ev.offset < goesOnAt \/ Ev.offset + Ev.size <= durable
           \/ Ev.offset + Ev.size \in RangeOf(ends) \/ InBatch(Ev.offset + Ev.size)>> >>
    [] Ev.e = "Observed" -> <<
         <<"up", up>>,
         <<"what the round takes is told", told = 0>>,
         <<"the looks are counted", Ev.looks = looks + 1>>,
         <<"wrote", wrote = Ev.wrote>>,
         \* without a pool the end of a life moves it to the end of the log, and nothing else
         <<"committed", Ev.committed \in {committed} \cup (IF PoolSize = 0 THEN {wrote} ELSE {})>>,
         <<"flushed", flushed = Ev.flushed>>,
         <<"an orderly end commits all of it at once, or fails to",
           draining /\ PoolSize > 0 => CommitEnd <= committed>>,
         <<"forcing", forcing = Ev.forcing>>,
         <<"reput is where dispatch has come",
           dispatched = -1 \/ Behind(dispatched, Ev.reput)>>,
         <<"nobody waits",
           Ev.requests_write = 0 /\ Ev.requests_read = 0 /\ Ev.unanswered = 0>> >>
    [] Ev.e = "PutRefused" -> <<
         <<"up", up>>,
         <<"the log ends there, or behind a blank", Ev.where \in {wrote, NextFile(wrote)}>> >>
    [] Ev.e = "RemoveFirst" -> <<
         <<"up", up>>,
         <<"it begins with a file, and that is there",
           Ev.min_offset % FileSize = 0 /\ Ev.min_offset <= wrote>> >>
    [] Ev.e = "Crash" -> <<
         <<"the looks are counted", Ev.looks = looks>>,
         <<"somebody was there to fall",
           IF Ev.power THEN process # "off" \/ Ev.image = Within
           ELSE process \in {"serves", "closed"} \/ Ev.image = Refused>>,
         <<"what is durable survives", Ev.survived = -1 \/ Kept(Ev.survived) >= durable>>,
         <<"the page cache outlives the process",
           Ev.power \/ Ev.survived = -1 \/ Left = Ev.survived \/ Closed(Ev.survived, Left)>>,
         <<"no more is left than was written", Ev.survived <= Left>>,
         <<"the log ends behind a record",
           ~Ev.power \/ Ev.survived = -1 \/ IsEnd(Kept(Ev.survived))>> >>
    [] Ev.e = "Shutdown" /\ Ev.clean -> <<
         <<"up", up>>,
         <<"the looks are counted", Ev.looks = looks>>,
         <<"everything is durable", durable = wrote /\ flushed = wrote /\ forcing = 0>> >>
    [] Ev.e = "Shutdown" -> <<
         <<"up", up>>,
         <<"the looks are counted", Ev.looks = looks>> >>
    [] Ev.e = "Recovered" -> <<
         <<"the store is down", ~up>>,
         <<"clean says how the last life ended", orderly = "" \/ (orderly = "clean") = Ev.clean>>,
         <<"max_offset is where the log was left, or ends that file",
           Ev.max_offset \in {wrote, NextFile(wrote)}>>,
         <<"flushed is durable", Ev.flushed <= durable>>,
         <<"flushed is the end or begins a file",
           Ev.flushed = durable \/ Ev.flushed % FileSize = 0 \/ Closed(Ev.flushed, durable)>>,
         <<"the last record ends where the log was left",
           Ev.cut \in {wrote, Ev.flushed} \/ Behind(Ev.cut, wrote)>>,
         <<"reput is where dispatch has come",
           IF dispatched = -1 THEN Ev.reput <= Ev.max_offset
           ELSE Reaches(hollow \cup Hollow(wrote, Ev.max_offset), dispatched, Ev.reput)>> >>
    [] OTHER -> <<>>
Allows == LET all == Conditions IN \A i \in 1..Len(all) : all[i][2]
Refusing == SelectSeq(Conditions, LAMBDA condition : ~condition[2])

(* Steps between events *)
Passes ==
  /\ (Is("StepFlush") \/ Is("StepCommit")) /\ ~ticked /\ up
  /\ Ages(Ev.passed) /\ ticked' = TRUE
  /\ UNCHANGED <<ends, batches, hollow, told, goesOnAt, draining, dispatched, looks, orderly,
                 process>>
(* The machine may stop within an action of which nobody heard *)
Unheard ==
  /\ Is("Crash") /\ Ev.power /\ Ev.image = Within /\ up /\ Ev.survived > Readable
  /\ IF Ev.survived <= wrote THEN Drain /\ UNCHANGED ends
     ELSE /\ \E at \in {wrote, NextFile(wrote)} :
               at < Ev.survived /\ Writes(at, Ev.survived - at, FALSE)
          /\ ends' = Append(ends, Ev.survived)
  /\ UNCHANGED <<batches, hollow, life>>
Between == (Passes \/ Unheard) /\ UNCHANGED <<t, l>>

IsEvent(name) == Is(name) /\ Allows /\ l' = l + 1 /\ t' = t
Same == UNCHANGED vars
TAppend ==
  /\ IsEvent("Append")
  \* a file that recovery left empty is there already, and has no buffer
  /\ \E borrows \in {CanBorrow} \cup (IF Ev.offset = goesOnAt THEN {FALSE} ELSE {}) :
       Writes(Ev.offset, Ev.size, borrows)
  /\ ends' = Append(SelectSeq(ends, LAMBDA end : end > durable), wrote')
  /\ batches' = {b \in batches : b.to > durable} \cup
                (IF Ev.messages > 1 THEN {[from |-> Ev.offset, to |-> wrote']} ELSE {})
  /\ UNCHANGED <<hollow, life>>
Round ==
  /\ ticked /\ ticked' = FALSE
  /\ UNCHANGED <<ends, batches, hollow, goesOnAt, draining, dispatched, looks, orderly, process>>
TStepFlush ==
  /\ IsEvent("StepFlush") /\ Round
  /\ IF Forces \/ FlushThorough THEN StepFlush ELSE Same
  /\ told' = forcing'
TStepCommit ==
  /\ IsEvent("StepCommit") /\ Round
  /\ IF Follows("CommitFailed") THEN CommitFailed
     ELSE IF Moves \/ CommitThorough THEN StepCommit ELSE Same
  /\ told' = IF Moves THEN CommitEnd ELSE 0
Drains(name, where, now) ==
  /\ IsEvent(name)
  /\ IF told > 0 THEN Same /\ UNCHANGED draining ELSE draining' = TRUE /\ Drain /\ where' = now
  /\ told' = 0
  /\ UNCHANGED <<ends, batches, hollow, ticked, goesOnAt, dispatched, looks, orderly, process>>
TCommit == Drains("Commit", committed, Ev.where)
TForceLog == Drains("ForceLog", forcing, Ev.where)
TCommitFailed ==
  /\ IsEvent("CommitFailed") /\ Same
  /\ draining' = (draining \/ told = 0)
  /\ told' = 0
  /\ UNCHANGED <<ends, batches, hollow, ticked, goesOnAt, dispatched, looks, orderly, process>>
TFlushed == IsEvent("Flushed") /\ Flushed /\ UNCHANGED more
TDispatch ==
  /\ IsEvent("Dispatch") /\ Same
  /\ dispatched' = Ev.offset + Ev.size
  /\ UNCHANGED <<ends, batches, hollow, ticked, told, goesOnAt, draining, looks, orderly, process>>
TForceFailed == IsEvent("ForceFailed") /\ ForceFailed /\ UNCHANGED more
TObserved ==
  /\ IsEvent("Observed") /\ Same /\ looks' = Ev.looks
  /\ draining' = (draining \/ committed # Ev.committed)
  /\ UNCHANGED <<ends, batches, hollow, ticked, told, goesOnAt, dispatched, orderly, process>>
TRefused ==
  /\ IsEvent("PutRefused") /\ UNCHANGED <<ends, batches, life>>
  /\ hollow' = hollow \cup Hollow(wrote, Ev.where)
  /\ IF Ev.where > wrote THEN Writes(wrote, Ev.where - wrote, FALSE) ELSE Same
(* what is deleted need not be flushed any more *)
TRemove ==
  /\ IsEvent("RemoveFirst")
  /\ dispatched' = IF dispatched < Ev.min_offset THEN -1 ELSE dispatched
  /\ UNCHANGED <<ends, batches, hollow, ticked, told, goesOnAt, draining, looks, orderly, process>>
  /\ flushed' = Max(flushed, Ev.min_offset) /\ committed' = Max(committed, Ev.min_offset)
  /\ durable' = Max(durable, Ev.min_offset)
  /\ buffered' = {file \in buffered : file >= Ev.min_offset}
  /\ forcing' = forcing
  /\ UNCHANGED <<wrote, ages, up>>
Over(how) ==
  /\ ends' = SelectSeq(ends, LAMBDA end : end > durable /\ end <= wrote')
  /\ batches' = {b \in batches : b.to > durable /\ b.from < wrote'}
  /\ hollow' = {file \in hollow : file < wrote'}
  /\ ticked' = FALSE /\ told' = 0 /\ draining' = FALSE
  /\ dispatched' = -1 /\ looks' = 0
  /\ process' = how /\ UNCHANGED goesOnAt
TCrash ==
  /\ IsEvent("Crash")
  /\ IF Ev.power THEN PowerFails(Kept(Ev.survived)) ELSE IF up THEN Kill ELSE Same
  /\ Over(IF Ev.power THEN "off" ELSE "gone")
     \* a start that came to no end may have left its mark
  /\ orderly' = IF up THEN "unclean"
                ELSE IF Ev.image \in {Within, Refused} /\ orderly = "clean" THEN "" ELSE orderly
TShutdown ==
  /\ IsEvent("Shutdown")
  /\ IF Ev.clean THEN Shutdown ELSE Kill
  /\ Over("closed") /\ orderly' = IF Ev.clean THEN "clean" ELSE "unclean"
TRecovered ==
  /\ IsEvent("Recovered") /\ Recovered(Ev.flushed, Ev.max_offset)
  /\ goesOnAt' = Ev.max_offset /\ process' = "serves"
  /\ hollow' = hollow \cup Hollow(wrote, Ev.max_offset)
  /\ dispatched' = Ev.reput
  /\ UNCHANGED <<ends, batches, ticked, told, draining, looks, orderly>>
Step ==
  \/ Between \/ TAppend \/ TRefused \/ TStepFlush \/ TStepCommit \/ TCommit \/ TCommitFailed
  \/ TForceLog \/ TFlushed \/ TForceFailed \/ TDispatch \/ TRemove \/ TObserved \/ TCrash
  \/ TShutdown \/ TRecovered

(* What would have been allowed, as events *)
Choice(enabled, event) == IF enabled THEN <<ToString(event)>> ELSE <<>>
Allowed ==
  Choice(up /\ told = 0 /\ ~draining, [e |-> "Append", offset |-> wrote])
  \o Choice(up /\ told > 0 /\ told = forcing, [e |-> "ForceLog", where |-> told])
  \o Choice(up /\ told > 0 /\ told = committed, [e |-> "Commit", where |-> told])
  \o Choice(up /\ told = 0, [e |-> "Observed", looks |-> looks + 1, wrote |-> wrote,
       committed |-> committed, flushed |-> flushed, forcing |-> forcing, reput |-> dispatched,
       requests_write |-> 0, requests_read |-> 0, unanswered |-> 0])
  \o Choice(up /\ told = 0 /\ forcing = 0 /\ ~draining, [e |-> "StepFlush"])
  \o Choice(up /\ told = 0 /\ PoolSize > 0 /\ ~draining, [e |-> "StepCommit"])
  \o Choice(told = 0 /\ forcing > 0, [e |-> "Flushed", where |-> forcing])
  \o Choice(told = 0 /\ forcing > 0, [e |-> "ForceFailed", where |-> forcing])
  \o Choice(up, [e |-> "Crash", power |-> FALSE, survived |-> Readable])
  \o Choice(up, [e |-> "Crash", power |-> TRUE, survived |-> durable])
  \o Choice(up /\ durable = wrote /\ flushed = wrote, [e |-> "Shutdown", clean |-> TRUE])
  \o Choice(~up, [e |-> "Recovered", max_offset |-> wrote, flushed |-> durable, cut |-> wrote])

State ==
  [wrote |-> wrote, buffered |-> buffered, committed |-> committed, flushed |-> flushed,
   durable |-> durable, forcing |-> forcing, flushAge |-> flushAge, commitAge |-> commitAge,
   told |-> told, draining |-> draining, up |-> up, ends |-> ends, batches |-> batches,
   hollow |-> hollow, ticked |-> ticked, goesOnAt |-> goesOnAt, dispatched |-> dispatched,
   looks |-> looks, orderly |-> orderly, process |-> process]

Accept ==
  /\ l = Len(Trace) + 1 /\ PrintT(<<"ACCEPT", t>>)
  /\ l' = l + 1 /\ UNCHANGED <<vars, t, more>>
Stuck ==
  /\ l <= Len(Trace) /\ ~ENABLED Step
  /\ PrintT(<<"STUCK", t, l, ToString([i \in 1..Len(Refusing) |-> Refusing[i][1]]),
              ToString(State), ToString(Allowed)>>)
  /\ FALSE
Holds(name, ok) == ok \/ (PrintT(<<"VIOLATES", t, l, name>>) /\ FALSE)
Report ==
  /\ Holds("PositionsOrdered", PositionsOrdered)
  /\ Holds("FlushedIsDurable", FlushedIsDurable)
  /\ Holds("PoolIsNotOverdrawn", PoolIsNotOverdrawn)
  /\ Holds("BuffersAreUncommitted", BuffersAreUncommitted)

(* A trace begins with what its first start found, all of it below `flushed` durable *)
Found == Traces[t][1]
TInit ==
  /\ t \in 1..Len(Traces) /\ l = 1
  /\ ends = <<>> /\ batches = {} /\ ticked = FALSE /\ told = 0 /\ goesOnAt = 0
  /\ draining = FALSE /\ dispatched = -1 /\ hollow = {} /\ looks = 0
  /\ orderly = "" /\ process = "gone"
  /\ wrote = IF Found.e = "Recovered" THEN Found.cut ELSE 0
  /\ durable = IF Found.e = "Recovered" THEN Found.flushed ELSE 0
  /\ buffered = {} /\ committed = wrote /\ flushed = 0 /\ forcing = 0
  /\ flushAge = FlushInterval /\ commitAge = CommitInterval /\ up = FALSE
(* Verdicts for a batch; and for those that were not accepted, why *)
TSpec == TInit /\ [][Step \/ Accept]_<<vars, t, l, more>>
WhySpec == TInit /\ [][Step \/ Accept \/ Stuck]_<<vars, t, l, more>>
=============================================================================
