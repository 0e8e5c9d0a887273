--------------------------- MODULE StoreObservable ---------------------------
(***************************************************************************)
(* The promise to clients alone: what may be lost, by which accident, of   *)
(* what was answered and of what was shown.                                *)
(*                                                                         *)
(* Rules    STORE-PROMISE-1..3, -8, -9, STORE-FLUSH-1, -2, -5, -9          *)
(* Code     refimpl/sim/ledger.py keeps the same promises of a real store. *)
(*                                                                         *)
(* Says     A store is a sequence of messages, each with what its producer *)
(*          was told, and a prefix of it has been shown to readers.  An    *)
(*          accident takes messages from the end only: there is never a    *)
(*          hole below one that stays.  What it may not take depends on    *)
(*          the flush mode.  Whoever waits is answered, and once.          *)
(*                                                                         *)
(* Leaves out, and why that is safe                                        *)
(*   - Topics and queues: a queue is the log with other messages left out, *)
(*     and a prefix of the log is a prefix of every queue.                 *)
(*   - Contents: a message is its place.  That its bytes are the sent ones *)
(*     is checked on the implementation, record by record.                 *)
(*   - Retention: what is old enough to be deleted was promised to nobody  *)
(*     beyond that time, and it goes from the front.                       *)
(*   - How anything is done: that is GroupCommit, AsyncFlush, Recovery,    *)
(*     which implement this module (PROPERTY ObservableSpec there).        *)
(***************************************************************************)
EXTENDS Integers, Sequences, FiniteSets

CONSTANTS
  MaxMessages,    \* bound: so many messages in the store at once
  Accidents,      \* "kill" (the process) and "power" (the machine), or one of them
  NeverLost,      \* accident -> answers whose messages it never takes
  ShownIsSafe     \* accident -> whether a message that was shown may not go

VARIABLES
  log,     \* what each message's producer was told: see Answers; by place
  shown,   \* how many messages readers were shown
  up       \* the store takes requests

vars == <<log, shown, up>>

(* "waits"    nothing yet
   "ok"       PUT_OK to a producer that waited for durability
   "cached"   PUT_OK to a producer that did not, at once
   "unknown"  FLUSH_DISK_TIMEOUT, or no answer any more: it may be there or not *)
Answers == {"waits", "ok", "cached", "unknown"}

Init == log = <<>> /\ shown = 0 /\ up = FALSE

(* Where everything was shown, the new message may be readable at once *)
Send(answer) ==
  /\ up /\ Len(log) < MaxMessages /\ answer \in {"waits", "cached"}
  /\ log' = Append(log, answer)
  /\ shown' \in {shown, IF shown = Len(log) /\ answer = "cached" THEN shown + 1 ELSE shown}
  /\ UNCHANGED up

(* A second answer has nobody to go to *)
Answer(i, answer) ==
  /\ up /\ i <= Len(log) /\ log[i] = "waits" /\ answer \in {"ok", "unknown"}
  /\ log' = [log EXCEPT ![i] = answer]
  /\ UNCHANGED <<shown, up>>

(* In the order of the log, and never back *)
Show(n) ==
  /\ up /\ shown < n /\ n <= Len(log)
  /\ shown' = n
  /\ UNCHANGED <<log, up>>

Promised(accident, i) ==
  \/ log[i] \in NeverLost[accident]
  \/ ShownIsSafe[accident] /\ i <= shown

(* Whoever waited will hear nothing; what stays is a prefix that covers every promise.  It may
   happen while the store opens, too *)
Fail(accident, keep) ==
  /\ keep <= Len(log)
  /\ \A i \in (keep + 1)..Len(log) : ~Promised(accident, i)
  /\ log' = [i \in 1..keep |-> IF log[i] = "waits" THEN "unknown" ELSE log[i]]
  /\ shown' = IF shown > keep THEN keep ELSE shown
  /\ up' = FALSE

Shutdown ==
  /\ up /\ up' = FALSE
  /\ \A i \in 1..Len(log) : log[i] # "waits"
  /\ UNCHANGED <<log, shown>>

Open == ~up /\ up' = TRUE /\ UNCHANGED <<log, shown>>

Places == 1..MaxMessages
Next ==
  \/ \E answer \in Answers : Send(answer)
  \/ \E i \in Places, answer \in Answers : Answer(i, answer)
  \/ \E n \in Places : Show(n)
  \/ \E accident \in Accidents, keep \in 0..MaxMessages : Fail(accident, keep)
  \/ Shutdown \/ Open
Spec == Init /\ [][Next]_vars
FairSpec == Spec /\ \A i \in Places : WF_vars(\E answer \in Answers : Answer(i, answer))
----------------------------------------------------------------------------
TypeOK ==
  /\ log \in Seq(Answers) /\ Len(log) <= MaxMessages
  /\ shown \in 0..Len(log)

Waits(i) == i <= Len(log) /\ log[i] = "waits"
(* Liveness: every waiting put is answered, or the store goes down *)
EveryPutIsAnswered == \A i \in Places : Waits(i) ~> ~Waits(i)
(* After the end of a life nobody waits *)
NobodyWaitsForTheDead == ~up => \A i \in 1..Len(log) : log[i] # "waits"

(* An answer that was given stands, and what was told OK stays: as a property of steps *)
Lasting == {a \in Answers : \A accident \in Accidents : a \in NeverLost[accident]}
OkIsForEver ==
  [][\A i \in 1..Len(log) : log[i] \in Lasting =>
       i <= Len(log') /\ log'[i] = log[i]]_vars
OneAnswer ==
  [][\A i \in 1..Len(log) : log[i] # "waits" /\ i <= Len(log') => log'[i] = log[i]]_vars

(* Reachable, so false as an invariant: an acknowledged message stays, one without an answer
   stays although it was never acknowledged, and one that was not waited for went *)
NeverIndefinite ==
  ~(up /\ Len(log) = MaxMessages /\ log[1] = "ok" /\ log[2] = "unknown" /\ shown = 2)
=============================================================================
