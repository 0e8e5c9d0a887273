--------------------------- MODULE DispatchStates ---------------------------
(***************************************************************************)
(* Dispatch as an implementation shows it from outside, whose steps nobody *)
(* interrupts: its states are compared with those of the code, set by set  *)
(* (rmqref model parity DispatchStates).                                   *)
(*                                                                         *)
(* Says     A step dispatches all that is confirmed, and writes its units; *)
(*          a flush goes to the end of one file.  Every state of this      *)
(*          module is one of Dispatch, between two steps of the actor.     *)
(*                                                                         *)
(* Leaves out, and why that is safe                                        *)
(*   - Refusals of the disk: Dispatch has them; the tests of reput too.    *)
(***************************************************************************)
EXTENDS Dispatch

Confirmed == {k \in 1..Len(log) : End(k) <= Visible}
Step ==
  /\ \E k \in Confirmed : log[k].at >= reputFromOffset
  /\ LET last == CHOOSE k \in Confirmed : \A j \in Confirmed : j <= k
     IN /\ reputFromOffset' = End(last) /\ arrived' = last
        /\ units' = [q \in Queues |-> OffsetsOf(q, End(last))]
  /\ UNCHANGED <<log, wrote, flushed, gathered, waiting, attempts, refusals, logicsQueueError>>

FlushOneFile ==
  /\ SyncFlush /\ flushed < wrote
  /\ FlushedTo(IF RollNextFile(flushed) < wrote THEN RollNextFile(flushed) ELSE wrote)

StatesNext ==
  \/ \E q \in Queues, size \in Sizes, unit \in BOOLEAN : DoAppend(q, size, unit)
  \/ FlushOneFile \/ Step
StatesSpec == Init /\ [][StatesNext]_vars
NeverASecondFile == wrote < FileSize
=============================================================================
