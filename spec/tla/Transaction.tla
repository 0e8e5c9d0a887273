---------------------------- MODULE Transaction ----------------------------
(***************************************************************************)
(* Half messages, their end, and the check-back, across crashes.           *)
(*                                                                         *)
(* Rules    BROKER-TRANS-1, -6, -8..10, -12, -14, -16, -22, -25            *)
(* Code     refimpl/broker/transaction.py,                                 *)
(*          refimpl/broker/transaction_check.py,                           *)
(*          refimpl/broker/processor/end_transaction.py                    *)
(*                                                                         *)
(* Says     What a producer was told is committed is visible and stays so; *)
(*          what was rolled back, or never decided, is not.  An undecided  *)
(*          transaction is asked for until it is decided or given up, also *)
(*          after a crash, so that every commit becomes visible.           *)
(*                                                                         *)
(* Leaves out, and why that is safe                                        *)
(*   - Times: a check may come at any time, which is more; a count gives   *)
(*     up.  Immunity of its own is a put back like any other.              *)
(*   - More half queues: each is walked alone.                             *)
(*   - That another record may stand at the offsets of a lost half         *)
(*     message: an end must name it and its group (BROKER-TRANS-5), and    *)
(*     under SYNC_FLUSH an acknowledged half message is not lost.          *)
(*   - Pages and images: the three queues stand in one log, of which a     *)
(*     crash takes an unforced suffix (Recovery).                          *)
(***************************************************************************)
EXTENDS Naturals, Sequences, FiniteSets

CONSTANTS Transactions, MaxLog, MaxCrashes,   \* bounds
          MaxBatch,     \* bound: half messages that one operation ends
          CheckMax,     \* transactionCheckMax
          Collects,     \* TRUE: operations are collected first (5.5)
          Changes,      \* TRUE: a producer may end again, and otherwise
          Design        \* "ends", or the name of a wrong design

ASSUME Design \in {"ends", "opBeforeFinal", "forgetsEnded", "walkNotBehindLog", "asksUnwalked"}

VARIABLES log,        \* <<[kind, tx, n, m]>>: "half" n, put back m times;
                      \* "op" m, which ends half n; "final" and "discard" of half n
          forced,     \* how many of them are durable
          decided,    \* what each producer has decided: "commit", "rollback", both or nothing
          told,       \* what the broker has answered
          asked,      \* half records whose producer may end them: <<tx, n>>
          ending,     \* commits whose final message is stored and not durable yet: <<tx, n, k>>,
                      \* the k-th for this half message
          halfOffset, \* of CID_RMQ_SYS_TRANS in the half queue
          opOffset,   \* and in the operation queue
          ended,      \* half offsets that this process has ended
          pending,    \* of them, those whose operation is not written
          file,       \* [half, op]: the offsets in consumerOffset.json
          mark,       \* end of the log when the offsets moved last
          up, crashes

vars == <<log, forced, decided, told, asked, ending, halfOffset, opOffset, ended, pending, file,
          mark, up, crashes>>

Kind(k) == {i \in 1..Len(log) : log[i].kind = k}
Halves == Cardinality(Kind("half"))
(* of one record: it may end several half messages *)
Operations == Cardinality({log[i].m : i \in Kind("op")})
(* the record with queue offset n of its queue *)
Half(n) == CHOOSE i \in Kind("half") : log[i].n = n
TxOf(n) == log[Half(n)].tx
IsHalfOf(tx, n) == n < Halves /\ TxOf(n) = tx
Put(kind, tx, n, m) == [kind |-> kind, tx |-> tx, n |-> n, m |-> m]
Visible(tx) == \E i \in Kind("final") : log[i].tx = tx
(* half offsets that an operation at or behind the operation offset ends *)
Removed == {log[i].n : i \in {j \in Kind("op") : log[j].m >= opOffset}}
Has(tx) == \E i \in Kind("half") : log[i].tx = tx

Init == /\ log = <<>> /\ forced = 0
        /\ decided = [t \in Transactions |-> {}] /\ told = [t \in Transactions |-> {}]
        /\ asked = {} /\ ending = {} /\ halfOffset = 0 /\ opOffset = 0
        /\ ended = {} /\ pending = <<>>
        /\ file = [half |-> 0, op |-> 0] /\ mark = 0 /\ up = TRUE /\ crashes = 0

-----------------------------------------------------------------------------
(* producers *)

(* PrepareMessage; the producer may end it at once: it is as if it was asked *)
PrepareMessage(tx) ==
  /\ up /\ ~Has(tx) /\ decided[tx] = {} /\ Len(log) < MaxLog
  /\ log' = Append(log, Put("half", tx, Halves, 0))
  /\ asked' = asked \cup {<<tx, Halves>>}
  /\ UNCHANGED <<ending, forced, decided, told, halfOffset, opOffset, ended, pending, file,
                 mark, up, crashes>>

(* the local transaction: once and for ever, unless the producer changes its mind *)
Decide(tx, what) ==
  /\ Has(tx) /\ what \notin decided[tx] /\ (Changes \/ decided[tx] = {})
  /\ decided' = [decided EXCEPT ![tx] = @ \cup {what}]
  /\ UNCHANGED <<ending, log, forced, told, asked, halfOffset, opOffset, ended, pending, file,
                 mark, up, crashes>>

(* an answer that nobody sends, or that is lost: a check asks again *)
Lose(tx, n) ==
  /\ <<tx, n>> \in asked /\ asked' = asked \ {<<tx, n>>}
  /\ UNCHANGED <<ending, log, forced, decided, told, halfOffset, opOffset, ended, pending, file,
                 mark, up, crashes>>

-----------------------------------------------------------------------------
(* EndTransaction: the final message, then the operation, then the answer *)

Deliver(tx, n) == <<Put("final", tx, n, 0)>>
OpOf(tx, n) == <<Put("op", tx, n, Operations)>>
(* DeletePrepareMessage, and the answer *)
Finish(tx, n, what, first) ==
  /\ told' = [told EXCEPT ![tx] = @ \cup {what}]
  /\ ended' = ended \cup {n}
  /\ IF Collects THEN log' = log \o first /\ pending' = Append(pending, n)
     ELSE log' = log \o first \o OpOf(tx, n) /\ UNCHANGED pending

Awaited(tx, n) == Cardinality({e \in ending : e[1] = tx /\ e[2] = n})
Awaits(tx, n) == ending' = ending \cup {<<tx, n, Awaited(tx, n) + 1>>}
EndTransaction(tx, n, what) ==
  /\ up /\ <<tx, n>> \in asked /\ what \in decided[tx] /\ Len(log) + 1 < MaxLog
  /\ IsHalfOf(tx, n)
  /\ asked' = IF Changes THEN asked ELSE asked \ {<<tx, n>>}
  /\ IF what = "rollback"
     THEN Finish(tx, n, what, <<>>) /\ UNCHANGED ending
     ELSE IF Design = "opBeforeFinal"
     THEN log' = log \o OpOf(tx, n) \o Deliver(tx, n) /\ Awaits(tx, n)
          /\ ended' = ended \cup {n} /\ UNCHANGED <<told, pending>>
     ELSE log' = log \o Deliver(tx, n) /\ Awaits(tx, n)
          /\ UNCHANGED <<told, ended, pending>>
  /\ UNCHANGED <<forced, decided, halfOffset, opOffset, file, mark, up, crashes>>

(* the final message is durable *)
Committed(tx, n) ==
  /\ up /\ Awaited(tx, n) > 0 /\ Len(log) < MaxLog
  /\ \E i \in Kind("final") : i <= forced /\ log[i].tx = tx /\ log[i].n = n
  /\ ending' = ending \ {<<tx, n, Awaited(tx, n)>>}
  /\ IF Design = "opBeforeFinal" THEN told' = [told EXCEPT ![tx] = @ \cup {"commit"}]
                                      /\ UNCHANGED <<log, ended, pending>>
     ELSE Finish(tx, n, "commit", <<>>)
  /\ UNCHANGED <<forced, decided, asked, halfOffset, opOffset, file, mark, up, crashes>>

(* One record for the first `count` that were collected *)
WriteOp(count) ==
  /\ up /\ count <= Len(pending) /\ Len(log) + count <= MaxLog
  /\ log' = log \o [i \in 1..count |->
                     Put("op", TxOf(pending[i]), pending[i], Operations)]
  /\ pending' = SubSeq(pending, count + 1, Len(pending))
  /\ UNCHANGED <<ending, forced, decided, told, asked, halfOffset, opOffset, ended, file, mark,
                 up, crashes>>

(* The store takes no operation: the walk knows what has ended while the process lives *)
RefuseOp(count) ==
  /\ up /\ count <= Len(pending)
  /\ pending' = SubSeq(pending, count + 1, Len(pending))
  /\ UNCHANGED <<log, ending, forced, decided, told, asked, halfOffset, opOffset, ended, file,
                 mark, up, crashes>>

-----------------------------------------------------------------------------
(* the walk over the half queue: one message at a time *)

Known(n) == n \in Removed \/ (n \in ended /\ Design # "forgetsEnded")
Moves == mark' = Len(log')

(* EndedBefore: it has ended, the walk goes on *)
SkipEnded ==
  /\ up /\ halfOffset < Halves /\ Known(halfOffset)
  /\ halfOffset' = halfOffset + 1 /\ UNCHANGED log /\ Moves
  /\ UNCHANGED <<ending, forced, decided, told, asked, opOffset, ended, pending, file, up,
                 crashes>>

(* Ask: put back at the end with one more check; then the producer is asked *)
Ask ==
  /\ up /\ halfOffset < Halves /\ ~Known(halfOffset) /\ Len(log) < MaxLog
  /\ LET half == log[Half(halfOffset)] IN
       /\ half.m < CheckMax
       /\ IF Design = "asksUnwalked" THEN UNCHANGED log
          ELSE log' = Append(log, Put("half", half.tx, Halves, half.m + 1))
       /\ asked' = asked \cup {<<half.tx, IF Design = "asksUnwalked" THEN halfOffset ELSE Halves>>}
  /\ halfOffset' = halfOffset + 1 /\ Moves
  /\ UNCHANGED <<ending, forced, decided, told, opOffset, ended, pending, file, up, crashes>>

(* Discard: asked too often, out of the way *)
Discard ==
  /\ up /\ halfOffset < Halves /\ ~Known(halfOffset) /\ Len(log) < MaxLog
  /\ LET half == log[Half(halfOffset)] IN
       /\ half.m = CheckMax
       /\ log' = Append(log, Put("discard", half.tx, halfOffset, 0))
  /\ halfOffset' = halfOffset + 1 /\ Moves
  /\ UNCHANGED <<ending, forced, decided, told, asked, opOffset, ended, pending, file, up,
                 crashes>>

(* NextOpOffset: past operations of what the walk has passed, without a gap; or of what a later
   operation ends, too *)
IsDone(i, offset) ==
  log[i].n < halfOffset \/ \E j \in Kind("op") : log[j].n = log[i].n /\ log[j].m >= offset
CommitOpOffset(to) ==
  /\ up /\ opOffset < to /\ to <= Operations
  /\ \A i \in Kind("op") : opOffset <= log[i].m /\ log[i].m < to => IsDone(i, to)
  /\ opOffset' = to /\ UNCHANGED log /\ Moves
  /\ UNCHANGED <<ending, forced, decided, told, asked, halfOffset, ended, pending, file, up,
                 crashes>>

(* Persist: the offsets, but not before the log that they speak of is durable *)
Persist ==
  /\ up /\ (mark <= forced \/ Design = "walkNotBehindLog")
  /\ file # [half |-> halfOffset, op |-> opOffset]
  /\ file' = [half |-> halfOffset, op |-> opOffset]
  /\ UNCHANGED <<ending, log, forced, decided, told, asked, halfOffset, opOffset, ended,
                 pending, mark, up, crashes>>

Flushed == /\ up /\ forced < Len(log) /\ forced' = Len(log)
           /\ UNCHANGED <<ending, log, decided, told, asked, halfOffset, opOffset, ended,
                          pending, file, mark, up, crashes>>

(* Crash: an unforced suffix of the log is gone, and all that was in memory *)
Crash ==
  /\ up /\ crashes < MaxCrashes /\ crashes' = crashes + 1 /\ up' = FALSE
  /\ \E keep \in forced..Len(log) : log' = SubSeq(log, 1, keep) /\ forced' = keep
  /\ ended' = {} /\ pending' = <<>> /\ mark' = 0 /\ ending' = {}
  /\ UNCHANGED <<decided, told, asked, halfOffset, opOffset, file>>

(* Load, CorrectOffsets *)
Min(a, b) == IF a < b THEN a ELSE b
Load ==
  /\ ~up /\ up' = TRUE
  /\ halfOffset' = Min(file.half, Halves) /\ opOffset' = Min(file.op, Operations)
  /\ UNCHANGED <<ending, log, forced, decided, told, asked, ended, pending, file, mark,
                 crashes>>

Next ==
  \/ \E tx \in Transactions : PrepareMessage(tx)
  \/ \E tx \in Transactions, what \in {"commit", "rollback"} : Decide(tx, what)
  \/ \E tx \in Transactions, n \in 0..MaxLog :
       \/ Lose(tx, n) \/ Committed(tx, n)
       \/ \E what \in {"commit", "rollback"} : EndTransaction(tx, n, what)
  \/ \E count \in 1..MaxBatch : WriteOp(count) \/ RefuseOp(count)
  \/ SkipEnded \/ Ask \/ Discard \/ CommitOpOffset(opOffset + 1)
  \/ Persist \/ Flushed \/ Crash \/ Load

Spec == Init /\ [][Next]_vars
(* messages are flushed, actors come again, a producer answers unless it is lost *)
FairSpec ==
  /\ Spec /\ WF_vars(Flushed) /\ WF_vars(SkipEnded) /\ WF_vars(Ask) /\ WF_vars(Discard)
  /\ WF_vars(Load)
  /\ \A tx \in Transactions, n \in 0..MaxLog :
       /\ WF_vars(\E what \in {"commit", "rollback"} : EndTransaction(tx, n, what))
       /\ WF_vars(Committed(tx, n))

-----------------------------------------------------------------------------

TypeOK == /\ forced <= Len(log) /\ Len(log) <= MaxLog /\ halfOffset <= MaxLog
          /\ \A i \in 1..Len(log) : log[i].kind \in {"half", "op", "final", "discard"}

OffsetsAreInTheirQueues == up => halfOffset <= Halves /\ opOffset <= Operations

(* what nobody committed is not visible *)
OnlyCommittedIsVisible == \A tx \in DOMAIN decided : Visible(tx) => "commit" \in decided[tx]

(* what was answered stays so *)
ToldIsVisible == \A tx \in DOMAIN decided : "commit" \in told[tx] => Visible(tx)

(* BROKER-TRANS-8: an operation ends nothing that must still be delivered *)
OpFollowsFinal ==
  \A i \in Kind("op") : decided[log[i].tx] = {"commit"} =>
    \E j \in 1..i : log[j].kind = "final" /\ log[j].tx = log[i].tx

(* BROKER-TRANS-22: an operation that is passed ends nothing in front of the walk *)
PassedOperationsAreDone ==
  \A i \in Kind("op") :
    /\ up /\ log[i].m < opOffset => IsDone(i, opOffset)
    /\ log[i].m < file.op =>
         \/ log[i].n < file.half
         \/ \E j \in Kind("op") : log[j].n = log[i].n /\ log[j].m >= file.op

(* BROKER-TRANS-14, -25: whatever falls, an open transaction is found by the next walk *)
Durable(i) == i <= forced
OpenIsFoundAgain ==
  \A tx \in DOMAIN decided :
    (\E i \in Kind("half") : log[i].tx = tx /\ Durable(i)) =>
      \/ Visible(tx) \/ "rollback" \in told[tx]
      \/ \E i \in Kind("discard") : log[i].tx = tx /\ Durable(i)
      \/ \E i \in Kind("half") : log[i].tx = tx /\ Durable(i) /\ log[i].n >= file.half

(* BROKER-TRANS-10: what this process has ended is not asked for *)
PutsBack == Len(log') = Len(log) + 1 /\ log'[Len(log')].kind = "half" /\ log'[Len(log')].m > 0
EndedIsNotAsked == [][PutsBack => halfOffset \notin (ended \cup Removed)]_vars

(* every committed transaction becomes visible, unless it was asked for too often *)
Full == Len(log) + 1 >= MaxLog   \* the bound stops the check, not the design
GivenUp(tx) == \E i \in Kind("discard") : log[i].tx = tx
EveryCommitBecomesVisible ==
  \A tx \in Transactions :
    ("commit" \in decided[tx] /\ \E i \in Kind("half") : log[i].tx = tx /\ Durable(i))
      ~> (Visible(tx) \/ GivenUp(tx) \/ Full)

(* Debug: reachable, so it must fail *)
NeverAskedAfterCrash == ~(up /\ crashes > 0 /\ \E i \in Kind("final") : log[i].n > 0)
=============================================================================
