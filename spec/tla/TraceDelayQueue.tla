--------------------------- MODULE TraceDelayQueue ---------------------------
(***************************************************************************)
(* Traces of a broker against DelayQueue, used unchanged within a life:    *)
(* one level, the first of which the trace tells.                          *)
(*                                                                         *)
(* A message is due as soon as it stands in the queue: the trace tells how *)
(* late each delivery was instead, which must not be negative.             *)
(***************************************************************************)
EXTENDS DelayQueue, TraceData, TLC
VARIABLES t, l,
          ends,        \* where in the log the entries of the queue end
          copies,      \* and the deliveries
          files,       \* offsets that were ever written down, and 0
          durable      \* flushedWhere

more == <<ends, copies, files, durable>>
Trace == Traces[t]
Ev    == Trace[l]
Told == {i \in 1..Len(Trace) : Trace[i].e \in {"DeliverDelayed", "RefuseDelayed"}}
Level == IF Told = {} THEN 1 ELSE Trace[CHOOSE i \in Told : \A j \in Told : i <= j].level
IsMine == Ev.level = Level
IsEntry == Ev.topic = "SCHEDULE_TOPIC_XXXX" /\ Ev.queue_id = Level - 1
Below(places, where) == Len(SelectSeq(places, LAMBDA place : place <= where))
Max(a, b) == IF a > b THEN a ELSE b

Lives == {i \in l..Len(Trace) : Trace[i].e = "Recovered"}
NextLife == CHOOSE i \in Lives : \A j \in Lives : i <= j
Cut == IF Lives = {} THEN 0 ELSE Trace[NextLife].cut
Settled == Max(DurableOffset(Len(marks)), file)

Conditions ==
  CASE Ev.e = "Append" -> <<
         <<"up", up>>,
         <<"the offset is the end of the queue",
           IsEntry => Ev.queue_offset = Len(queue)>> >>
    [] Ev.e = "DeliverDelayed" /\ IsMine -> <<
         <<"up", up>>,
         <<"position = offset", position = Ev.offset>>,
         <<"there is a message", position < Len(queue)>>,
         <<"it is due", Ev.late >= 0>>,
         <<"the log grows", \A k \in 1..Len(copies) : copies[k] <= Ev.where>> >>
    [] Ev.e = "RefuseDelayed" /\ IsMine -> <<
         <<"up", up>>,
         <<"position = offset", position = Ev.offset>>,
         <<"there is a message", position < Len(queue)>>,
         <<"it is due", Ev.late >= 0>> >>
    [] Ev.e = "PassDelayed" /\ IsMine -> <<
         <<"up", up>>,
         <<"position = offset", position = Ev.offset>>,
         <<"there is a message", position < Len(queue)>>,
         <<"the log grows", \A k \in 1..Len(copies) : copies[k] <= Ev.where>> >>
    [] Ev.e = "PersistDelay" /\ IsMine -> <<
         <<"all that it passes is durable", Ev.offset <= Settled>>,
         <<"it is not behind the file", Ev.offset >= file>> >>
    [] Ev.e = "DelayStarted" /\ IsMine -> <<
         <<"the store is down or has just come up", ~up>>,
         <<"the offset was written down, or is the end of the queue",
           Ev.offset \in files \/ Ev.offset = Len(queue)>>,
         <<"it is in the queue", Ev.offset <= Len(queue)>> >>
    [] Ev.e = "Crash" /\ Lives # {} -> <<
         <<"what is durable survives",
           acknowledged <= Below(ends, Cut) /\ forced <= Below(copies, Cut)>> >>
    [] OTHER -> <<>>

Allows == LET all == Conditions IN \A i \in 1..Len(all) : all[i][2]
Refusing == SelectSeq(Conditions, LAMBDA condition : ~condition[2])
IsEvent(name) ==
  /\ l <= Len(Trace) /\ Ev.e = name /\ Allows
  /\ l' = l + 1 /\ t' = t
Same == UNCHANGED <<vars, more>>

TAppend ==
  /\ IsEvent("Append")
  /\ IF IsEntry THEN AppendDelayed /\ ends' = Append(ends, Ev.offset + Ev.size)
                     /\ UNCHANGED <<copies, files, durable>>
     ELSE Same
TFlushed ==
  /\ IsEvent("Flushed")
  /\ acknowledged' = Max(acknowledged, Below(ends, Ev.where))
  /\ forced' = Max(forced, Below(copies, Ev.where)) /\ durable' = Ev.where
  /\ UNCHANGED <<now, queue, offsetTable, position, real, marks, file, up, crashes, refusals,
                 nextId, ends, copies, files>>
TDeliver ==
  /\ IsEvent("DeliverDelayed")
  /\ IF IsMine THEN Deliver /\ copies' = Append(copies, Ev.where) /\ UNCHANGED <<ends, files, durable>>
     ELSE Same
TRefuse == IsEvent("RefuseDelayed") /\ IF IsMine THEN Refuse /\ UNCHANGED more ELSE Same
(* as one that is delivered to nobody: what is written down of it waits for the log as ever *)
TPass ==
  /\ IsEvent("PassDelayed")
  /\ IF IsMine
     THEN /\ real' = Append(real, queue[position + 1].id)
          /\ forced' = forced + (IF forced = Len(real) /\ Ev.where <= durable THEN 1 ELSE 0)
          /\ position' = position + 1 /\ offsetTable' = position + 1
          /\ marks' = Append(marks, [offset |-> position + 1, at |-> Len(real) + 1])
          /\ copies' = Append(copies, Ev.where)
          /\ UNCHANGED <<now, queue, acknowledged, file, up, crashes, refusals, nextId, ends,
                         files, durable>>
     ELSE Same
TPersist ==
  /\ IsEvent("PersistDelay")
  /\ IF IsMine THEN /\ file' = Ev.offset /\ files' = files \cup {Ev.offset}
                    /\ UNCHANGED <<now, queue, acknowledged, offsetTable, position, real, forced,
                                   marks, up, crashes, refusals, nextId, ends, copies,
                                   durable>>
     ELSE Same
(* an orderly end forces everything *)
TEnd ==
  /\ IsEvent("Crash") \/ IsEvent("Shutdown")
  /\ LET q == IF Lives = {} THEN Len(queue) ELSE Below(ends, Cut)
         r == IF Lives = {} THEN Len(real) ELSE Below(copies, Cut)
     IN /\ queue' = SubSeq(queue, 1, q) /\ ends' = SubSeq(ends, 1, q)
        /\ real' = SubSeq(real, 1, r) /\ copies' = SubSeq(copies, 1, r)
        /\ acknowledged' = Max(0, acknowledged) /\ forced' = Max(0, forced)
  /\ up' = FALSE /\ offsetTable' = 0 /\ position' = 0 /\ marks' = <<>>
  /\ UNCHANGED <<now, file, crashes, refusals, nextId, files, durable>>
TRecovered == /\ IsEvent("Recovered") /\ durable' = Ev.flushed
              /\ UNCHANGED <<vars, ends, copies, files>>
TStarted ==
  /\ IsEvent("DelayStarted")
  /\ IF IsMine THEN /\ up' = TRUE /\ offsetTable' = Ev.offset /\ position' = Ev.offset
                    /\ file' = Ev.offset
                    /\ UNCHANGED <<now, queue, acknowledged, real, forced, marks, crashes,
                                   refusals, nextId, more>>
     ELSE Same
Step == \/ TAppend \/ TFlushed \/ TDeliver \/ TRefuse \/ TPass \/ TPersist \/ TEnd \/ TRecovered \/ TStarted

Choice(enabled, event) == IF enabled THEN <<ToString(event)>> ELSE <<>>
Allowed ==
  Choice(up /\ position < Len(queue), [e |-> "DeliverDelayed", level |-> Level,
                                       offset |-> position])
  \o Choice(up, [e |-> "PersistDelay", level |-> Level, offset |-> Settled])
  \o Choice(~up, [e |-> "DelayStarted", level |-> Level, offset |-> file])

State ==
  [queue |-> Len(queue), acknowledged |-> acknowledged, position |-> position,
   offsetTable |-> offsetTable, real |-> real, forced |-> forced, marks |-> marks, file |-> file,
   ends |-> ends, copies |-> copies, files |-> files, up |-> up]

Accept ==
  /\ l = Len(Trace) + 1 /\ PrintT(<<"ACCEPT", t>>)
  /\ l' = l + 1 /\ UNCHANGED <<vars, more, t>>
Stuck ==
  /\ l <= Len(Trace) /\ ~ENABLED Step
  /\ PrintT(<<"STUCK", t, l, ToString([i \in 1..Len(Refusing) |-> Refusing[i][1]]),
              ToString(State), ToString(Allowed)>>)
  /\ FALSE
Holds(name, ok) == ok \/ (PrintT(<<"VIOLATES", t, l, name>>) /\ FALSE)
Report ==
  /\ Holds("OffsetNamesTheFirstUndelivered", OffsetNamesTheFirstUndelivered)
  /\ Holds("FileNamesWhatIsDurable", FileNamesWhatIsDurable)
  /\ Holds("InOrder", InOrder)
  /\ Holds("OffsetIsInTheQueue", OffsetIsInTheQueue)

TInit ==
  /\ t \in 1..Len(Traces) /\ l = 1
  /\ now = 0 /\ queue = <<>> /\ acknowledged = 0 /\ offsetTable = 0 /\ position = 0
  /\ real = <<>> /\ forced = 0 /\ marks = <<>> /\ file = 0
  /\ up = FALSE /\ crashes = 0 /\ refusals = 0 /\ nextId = 1
  /\ ends = <<>> /\ copies = <<>> /\ files = {0} /\ durable = 0
(* Verdicts for a batch; and for those that were not accepted, why *)
TSpec == TInit /\ [][Step \/ Accept]_<<vars, more, t, l>>
WhySpec == TInit /\ [][Step \/ Accept \/ Stuck]_<<vars, more, t, l>>
=============================================================================
