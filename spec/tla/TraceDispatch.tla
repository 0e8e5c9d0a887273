---------------------------- MODULE TraceDispatch ----------------------------
(***************************************************************************)
(* Traces of a store against Dispatch, used unchanged within a life.       *)
(*                                                                         *)
(* Between lives: a crash cuts the log where the next life found its end,  *)
(* and dispatch begins again at its first event of that life, or where it  *)
(* says that it stands.  It may begin before the place to which it had     *)
(* come, never behind it.  That units below are right is Recovery's.       *)
(***************************************************************************)
EXTENDS Dispatch, TraceData, TLC
VARIABLES t, l, up      \* number of the trace, next event, the store serves

Trace == Traces[t]
Ev    == Trace[l]
Queue(event) == <<event.topic, event.queue_id>>
Appends(trace) == {i \in 1..Len(trace) : trace[i].e = "Append"}
TraceQueues == {<<"", 0>>} \cup
  UNION {{Queue(Traces[n][i]) : i \in Appends(Traces[n])} : n \in 1..Len(Traces)}

(* A trace that begins with an empty store knows every offset *)
Found == Traces[t][1]
Knows == Found.e = "Recovered" /\ Found.max_offset = 0
Next1 == CHOOSE k \in NextRecord : TRUE
NextIs(offset) == NextRecord # {} /\ log[Next1].at = offset
OffsetFits(q, unit, n) == ~Knows \/ n = (IF unit THEN NextQueueOffset(q) ELSE 0)

(* The next life: its Recovered, and what it dispatches before *)
Lives == {i \in l..Len(Trace) : Trace[i].e = "Recovered"}
NextLife == CHOOSE i \in Lives : \A j \in Lives : i <= j
Cut == Trace[NextLife].cut     \* there the records end that survived
Again == {i \in (l + 1)..NextLife : Trace[i].e = "Dispatch"}
BeginsAt == IF Again = {} THEN Trace[NextLife].reput
            ELSE Trace[CHOOSE i \in Again : \A j \in Again : i <= j].offset
Kept == SelectSeq(log, LAMBDA record : record.at + record.size <= Cut)
(* dispatched before, among what is kept: nothing between there and BeginsAt may be left out *)
LeavesNothingOut ==
  \A k \in 1..Len(log) : log[k].at >= reputFromOffset /\ End(k) <= Cut => log[k].at >= BeginsAt

(* Records of a batch have the sizes that their dispatch tells *)
RECURSIVE Parts(_, _, _)
Parts(at, n, left) ==
  IF left = 0 THEN <<>>
  ELSE LET told == {j \in l..Len(Trace) : Trace[j].e = "Dispatch" /\ Trace[j].offset = at}
           size == IF left = 1 THEN Ev.offset + Ev.size - at
                   ELSE IF told = {} THEN 1 ELSE Trace[CHOOSE j \in told : TRUE].size
       IN <<[at |-> at, size |-> size, queue |-> Queue(Ev), n |-> n, unit |-> TRUE]>>
          \o Parts(at + size, n + 1, left - 1)

(* A half message has no unit, and offset 0.  Of several records of a queue with that offset the
   last one is taken for the one that has a unit: their order makes no difference, but to a crash *)
Later == {i \in (l + 1)..Len(Trace) : Trace[i].e = "Append" /\ Queue(Trace[i]) = Queue(Ev)}
FirstLater == CHOOSE i \in Later : \A j \in Later : i <= j
Crashes == {i \in (l + 1)..Len(Trace) : Trace[i].e = "Crash"}
HasUnits == IF Ev.queue_offset > 0 THEN {TRUE}
            ELSE IF NextQueueOffset(Queue(Ev)) > 0 THEN {FALSE}
            ELSE IF Crashes # {} THEN BOOLEAN
            ELSE IF Later = {} THEN {TRUE} ELSE {Trace[FirstLater].queue_offset > 0}

Conditions ==
  CASE Ev.e = "Append" -> <<
         <<"up", up>>,
         <<"Place(size) = offset", Place(Ev.size) = Ev.offset>>,
         <<"NextQueueOffset = queue_offset",
           \E unit \in BOOLEAN : OffsetFits(Queue(Ev), unit, Ev.queue_offset)>> >>
    [] Ev.e = "Flushed" -> <<
         <<"flushed < where", flushed < Ev.where>>,
         <<"where <= wrote", Ev.where <= wrote>> >>
    [] Ev.e = "Dispatch" -> <<
         <<"it is the next record", NextIs(Ev.offset)>>,
         <<"the record has that size", NextRecord # {} => log[Next1].size = Ev.size>>,
         <<"and that queue", NextRecord # {} => log[Next1].queue = Queue(Ev)>>,
         <<"and that queue offset", NextRecord # {} => log[Next1].n = Ev.queue_offset>>,
         <<"it is confirmed", NextRecord # {} => End(Next1) <= Visible>> >>
    [] Ev.e = "Sync" -> <<
         <<"reputFromOffset <= reput", reputFromOffset <= Ev.reput>>,
         <<"no record in between", \A k \in NextRecord : Ev.reput <= log[k].at>>,
         <<"reput is confirmed", Ev.reput <= Visible>> >>
    [] Ev.e \in {"Crash", "Shutdown"} /\ Lives # {} -> <<
         <<"dispatch begins where it was or before", LeavesNothingOut>>,
         <<"a clean end dispatched everything",
           IF Ev.e = "Shutdown" THEN Ev.clean => NextRecord = {} ELSE TRUE>> >>
    [] Ev.e = "Recovered" -> <<
         <<"the store is down", ~up>>,
         <<"no record between dispatch and reput", \A k \in NextRecord : Ev.reput <= log[k].at>>,
         <<"reput <= max_offset", Ev.reput <= Ev.max_offset>>,
         <<"max_offset is the end", Ev.max_offset = wrote>> >>
    [] OTHER -> <<>>

Allows == LET all == Conditions IN \A i \in 1..Len(all) : all[i][2]
Refusing == SelectSeq(Conditions, LAMBDA condition : ~condition[2])
IsEvent(name) ==
  /\ l <= Len(Trace) /\ Ev.e = name /\ Allows
  /\ l' = l + 1 /\ t' = t
Stays == UNCHANGED up

TAppend ==
  /\ IsEvent("Append") /\ Ev.messages = 1 /\ Stays
  /\ \E unit \in HasUnits :
       /\ OffsetFits(Queue(Ev), unit, Ev.queue_offset)
       /\ Knows \/ unit
       /\ IF Knows THEN DoAppend(Queue(Ev), Ev.size, unit)
          ELSE /\ log' = Append(log, [at |-> Ev.offset, size |-> Ev.size, queue |-> Queue(Ev),
                                      n |-> Ev.queue_offset, unit |-> unit])
               /\ wrote' = Ev.offset + Ev.size
               /\ UNCHANGED <<flushed, reputFromOffset, gathered, units, waiting, arrived,
                              attempts, refusals, logicsQueueError>>
TAppendBatch ==
  /\ IsEvent("Append") /\ Ev.messages > 1 /\ Stays
  /\ log' = log \o Parts(Ev.offset, Ev.queue_offset, Ev.messages)
  /\ wrote' = Ev.offset + Ev.size
  /\ UNCHANGED <<flushed, reputFromOffset, gathered, units, waiting, arrived, attempts, refusals,
                 logicsQueueError>>
TFlushed == /\ IsEvent("Flushed") /\ Stays
            /\ FlushedTo(Ev.where)
TDispatch == IsEvent("Dispatch") /\ Dispatch /\ Stays
(* what was passed behind the last record is the blank end of its file *)
Passed(reput) == reputFromOffset' = reput
TSync == /\ IsEvent("Sync") /\ Stays
         /\ units' = [q \in Queues |-> units[q] \o gathered[q]]
         /\ gathered' = [q \in Queues |-> <<>>]
         /\ arrived' = arrived + waiting /\ waiting' = 0 /\ attempts' = 0
         /\ Passed(Ev.reput)
         /\ UNCHANGED <<log, wrote, flushed, refusals, logicsQueueError>>
TEnd ==
  /\ IsEvent("Crash") \/ IsEvent("Shutdown")
  /\ up' = FALSE
  /\ IF Lives = {} THEN UNCHANGED vars
     ELSE /\ log' = Kept /\ wrote' = Trace[NextLife].max_offset
          /\ flushed' = Trace[NextLife].flushed
          /\ reputFromOffset' = BeginsAt
          /\ gathered' = [q \in Queues |-> <<>>]
          /\ units' = [q \in Queues |->
               LET mine == SelectSeq(Kept, LAMBDA record : record.queue = q /\ record.unit
                                                          /\ record.at < BeginsAt)
               IN [n \in 1..Len(mine) |-> mine[n].at]]
          /\ waiting' = 0
          /\ arrived' = Len(SelectSeq(Kept, LAMBDA record : record.at < BeginsAt))
          /\ attempts' = 0 /\ UNCHANGED <<refusals, logicsQueueError>>
TRecovered == /\ IsEvent("Recovered") /\ up' = TRUE
              /\ flushed' = Ev.flushed /\ Passed(Ev.reput)
              /\ UNCHANGED <<log, wrote, gathered, units, waiting, arrived, attempts, refusals,
                             logicsQueueError>>
Step == \/ TAppend \/ TAppendBatch \/ TFlushed \/ TDispatch \/ TSync \/ TEnd \/ TRecovered

Choice(enabled, event) == IF enabled THEN <<ToString(event)>> ELSE <<>>
Allowed ==
  Choice(up, [e |-> "Append", offset |-> Place(1)])
  \o (IF NextRecord # {} THEN Choice(End(Next1) <= Visible,
        [e |-> "Dispatch", offset |-> log[Next1].at, size |-> log[Next1].size,
         topic |-> log[Next1].queue[1], queue_id |-> log[Next1].queue[2],
         queue_offset |-> log[Next1].n]) ELSE <<>>)
  \o Choice(waiting > 0, [e |-> "Sync", reput |-> reputFromOffset])
  \o Choice(flushed < wrote, [e |-> "Flushed", where |-> wrote])
  \o Choice(~up, [e |-> "Recovered", max_offset |-> wrote])

State ==
  [log |-> log, wrote |-> wrote, flushed |-> flushed, reputFromOffset |-> reputFromOffset,
   gathered |-> gathered, units |-> units, waiting |-> waiting, arrived |-> arrived, up |-> up]

Accept ==
  /\ l = Len(Trace) + 1 /\ PrintT(<<"ACCEPT", t>>)
  /\ l' = l + 1 /\ UNCHANGED <<vars, t, up>>
Stuck ==
  /\ l <= Len(Trace) /\ ~ENABLED Step
  /\ PrintT(<<"STUCK", t, l, ToString([i \in 1..Len(Refusing) |-> Refusing[i][1]]),
              ToString(State), ToString(Allowed)>>)
  /\ FALSE
Holds(name, ok) == ok \/ (PrintT(<<"VIOLATES", t, l, name>>) /\ FALSE)
Report ==
  /\ Holds("ShownIsConfirmed", up => ShownIsConfirmed)
  /\ Holds("UnitsFollowTheLog", UnitsFollowTheLog)
  /\ Holds("ToldIsReadable", arrived > 0 /\ log[arrived].unit =>
       \E n \in 1..Len(units[log[arrived].queue]) :
         units[log[arrived].queue][n] = log[arrived].at)

TInit ==
  /\ t \in 1..Len(Traces) /\ l = 1 /\ up = FALSE
  /\ log = <<>>
  /\ wrote = IF Found.e = "Recovered" THEN Found.max_offset ELSE 0
  /\ flushed = IF Found.e = "Recovered" THEN Found.flushed ELSE 0
  /\ reputFromOffset = IF Found.e = "Recovered" THEN Found.reput ELSE 0
  /\ gathered = [q \in Queues |-> <<>>] /\ units = [q \in Queues |-> <<>>]
  /\ waiting = 0 /\ arrived = 0 /\ attempts = 0 /\ refusals = 0 /\ logicsQueueError = FALSE
(* Verdicts for a batch; and for those that were not accepted, why *)
TSpec == TInit /\ [][Step \/ Accept]_<<vars, t, l, up>>
WhySpec == TInit /\ [][Step \/ Accept \/ Stuck]_<<vars, t, l, up>>
=============================================================================
