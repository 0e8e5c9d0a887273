------------------------- MODULE GroupCommitPromise -------------------------
(***************************************************************************)
(* GroupCommit implements the promise of SYNC_FLUSH.                       *)
(*                                                                         *)
(* Says     GroupCommit with a history: every record of the log with what  *)
(*          its producer was told.  The steps of that history are steps of *)
(*          StoreObservable (PROPERTY ObservableSpec), so that nothing     *)
(*          that clients were promised is lost by what GroupCommit does.   *)
(*                                                                         *)
(* Leaves out, and why that is safe                                        *)
(*   - Retention: the history never loses its front.                       *)
(*   - When readers look: what may be shown (below flushed_where) is taken   *)
(*     as shown at once, which promises the most.                          *)
(***************************************************************************)
EXTENDS GroupCommit

VARIABLE told     \* records of the log: <<[end |-> .., answer |-> ..], ...>>
everything == <<vars, told>>

AllAnswers == {"waits", "ok", "cached", "unknown"}
NeverLostSync == [kill |-> AllAnswers, power |-> {"ok"}]
ShownIsSafeSync == [kill |-> TRUE, power |-> TRUE]
MaxMessages == MaxOffset

Retold(i, answer) == told' = [told EXCEPT ![i].answer = answer]
PlaceOf(end) == CHOOSE i \in 1..Len(told) : told[i].end = end
Told == UNCHANGED told

HInit == Init /\ told = <<>>
HDoAppend(size, waits) ==
  /\ DoAppend(size, waits)
  /\ told' = Append(told, [end |-> Place(size) + size,
                           answer |-> IF waits THEN "waits" ELSE "cached"])
HWakeupCustomer ==
  /\ WakeupCustomer
  /\ Retold(PlaceOf(Head1.next), IF IsDurable THEN "ok" ELSE "unknown")
HExpire(ticket) == Expire(ticket) /\ Retold(PlaceOf(ticket), "unknown")
HCrash(keep) ==
  /\ Crash(keep)
  /\ LET end == IF keep = 0 THEN durable ELSE live[keep]
         stays == SelectSeq(told, LAMBDA record : record.end <= end)
     IN told' = [i \in 1..Len(stays) |->
                   IF stays[i].answer = "waits"
                   THEN [end |-> stays[i].end, answer |-> "unknown"] ELSE stays[i]]
HPutRequest(next) == PutRequest(next, next) /\ Told
HSwapRequests == SwapRequests /\ Told
HFlush == Flush /\ Told
HDropRequest == DropRequest /\ Told
HForceLog == ForceLog /\ Told
HFlushed == Flushed /\ Told
HForceFailed == ForceFailed /\ Told
HShutdown == Shutdown /\ Told
HRecovered(from, to) == Recovered(from, to) /\ Told
HNext ==
  \/ \E size \in Sizes, waits \in BOOLEAN : HDoAppend(size, waits)
  \/ \E next \in Offsets : HPutRequest(next)
  \/ HSwapRequests
  \/ HFlush
  \/ HWakeupCustomer
  \/ HDropRequest
  \/ HForceLog
  \/ HFlushed
  \/ HForceFailed
  \/ \E ticket \in Offsets : HExpire(ticket)
  \/ \E keep \in Offsets : HCrash(keep)
  \/ HShutdown
  \/ \E from \in Offsets, to \in Offsets : HRecovered(from, to)
HSpec == HInit /\ [][HNext]_everything

Observable == INSTANCE StoreObservable WITH
  log <- [i \in 1..Len(told) |-> told[i].answer],
  shown <- Cardinality({i \in 1..Len(told) : told[i].end <= Max(durable, flushed)}),
  up <- up,
  Accidents <- {"kill", "power"}, NeverLost <- NeverLostSync, ShownIsSafe <- ShownIsSafeSync

ObservableSpec == Observable!Spec
TheirInvariants == Observable!TypeOK /\ Observable!NobodyWaitsForTheDead
=============================================================================
