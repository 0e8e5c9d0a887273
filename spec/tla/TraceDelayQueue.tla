--------------------------- MODULE TraceDelayQueue ---------------------------
(***************************************************************************)
(* Traces of a broker against DelayQueue, used unchanged within a life but *)
(* for one thing: queue and real topic are windows.  The trace has one     *)
(* level.  A message is forgotten when it and its delivery are durable and *)
(* no later life of the trace begins at or before it.  So an event costs   *)
(* what waits and what may be delivered again, however long the trace is.  *)
(* `gone` messages were forgotten; the offsets of DelayQueue, position and *)
(* file among them, are counted from there.                                *)
(*                                                                         *)
(* A message is due as soon as it stands in the queue: the trace tells how *)
(* late each delivery was instead, which must not be negative.             *)
(***************************************************************************)
EXTENDS DelayQueue, TraceData, TLC
CONSTANT FileSize
VARIABLES t, l,
          gone,        \* how many messages of the queue were forgotten
          ends,        \* where in the log the messages of the window end
          copies,      \* and the deliveries: [end, need], durable when all below need is
          files,       \* what a start may find in the file, from the front of the queue
          certain,     \* it finds the newest: the power did not fail
          appended,    \* end of the newest record, while nobody said whose it is
          wrote, flushed, looks,
          overtaken,   \* flushed before retention passed it; -1 where no force may end below
          begun,       \* lives of the level that began
          life,        \* "down", "open", "starting" (its services), "serves"
          orderly,     \* the last came to its orderly end: "yes", "no", and "maybe" where a start
                       \* that crashed stands between
          saving,      \* the file: "ended" with the process, "loaded", "written" beside it, "backed" up, "replaced",
                       \* "named" as PersistDelay does, "durable"
          kept,        \* before it was written it was durable: "yes", "no", "maybe"
          there,       \* it exists: "no", "yes", "maybe" after the power failed, and "forced" once
          unsettled,   \* a look showed that what was loaded is not known to be durable
          due          \* the file told something, and no look has shown it yet

phase == <<life, orderly, saving, kept, there, unsettled, due>>
more == <<gone, ends, copies, files, certain, appended, wrote, flushed, looks, overtaken,
          begun>>
Trace == Traces[t]
Ev    == Trace[l]
Max(a, b) == IF a > b THEN a ELSE b
Least(numbers) == CHOOSE a \in numbers : \A b \in numbers : a <= b
Indices(n, names) ==
  SelectSeq([i \in 1..Len(Traces[n]) |-> i], LAMBDA i : Traces[n][i].e \in names)
Below(places, where) == Len(SelectSeq(places, LAMBDA place : place <= where))
CopiesBelow(where) == Len(SelectSeq(copies, LAMBDA copy : copy.end <= where))
LastCopy == IF copies = <<>> THEN 0 ELSE copies[Len(copies)].end

(* Of each trace its level, its lives, and by life the least offset at which a later one begins:
   constants, which TLC computes once *)
Begins == [n \in 1..Len(Traces) |-> Indices(n, {"DelayStarted"})]
Starts == [n \in 1..Len(Traces) |-> Indices(n, {"Recovered"})]
Levels == [n \in 1..Len(Traces) |-> Traces[n][Begins[n][1]].level]
RECURSIVE NeedsFrom(_, _)
NeedsFrom(n, k) ==
  IF k >= Len(Begins[n]) THEN <<2^30>>
  ELSE LET rest == NeedsFrom(n, k + 1)
       IN <<Min(Traces[n][Begins[n][k + 1]].offset, rest[1])>> \o rest
Needs == [n \in 1..Len(Traces) |-> NeedsFrom(n, 0)]
Needed == Needs[t][begun + 1]

Level == Levels[t]
IsEntry == Ev.topic = "SCHEDULE_TOPIC_XXXX" /\ Ev.queue_id = Level - 1
Ahead == SelectSeq(Starts[t], LAMBDA i : i > l)   \* at ends of lives only
HasNext == Ahead # <<>>
Cut == Trace[Ahead[1]].cut
IsNext == HasNext /\ Ahead[1] = l + 1     \* no other crash before it
Queued == IF HasNext THEN Below(ends, Cut) ELSE Len(queue)
Stored == IF HasNext THEN CopiesBelow(Cut) ELSE Len(real)
Settled == DurableOffset(Len(marks))
At(offset) == offset - gone

(* nobody is in the middle of writing the file; and what it has of the level was told *)
IsWhole == /\ saving \notin {"written", "backed"}
           /\ saving = "replaced" => offsetTable + gone = 0

Placed == saving \in {"replaced", "named", "durable"}

(* Retention took the file of a force that was under way: it ends below what counts as flushed by
   then, and no second one does *)
Overtaken == -1 < overtaken /\ overtaken < Ev.where /\ Ev.where <= flushed

Conditions ==
  CASE Ev.e = "Append" -> <<
         <<"it stands behind the others",
           Ev.offset = wrote \/ (Ev.offset > wrote /\ Ev.offset % FileSize = 0)>>,
         <<"the store is open", life \in {"open", "serves"}>>,
         <<"up", IsEntry => up>>,
         <<"the offset is the end of the queue",
           IsEntry => At(Ev.queue_offset) = Len(queue)>> >>
    [] Ev.e = "PutRefused" -> <<
         <<"at most its file is closed",
           Ev.where = wrote \/ (Ev.where > wrote /\ Ev.where % FileSize = 0)>> >>
    [] Ev.e = "TransactionStarted" -> << <<"the store is open", life = "open">> >>
    [] Ev.e = "Load" -> <<
         <<"the process begins", life = "down" /\ saving = "ended">>,
         <<"the backup is for files that the power tore",
           Ev.backup => ~certain /\ there # "no">> >>
    [] Ev.e = "Persist" -> <<
         <<"the store is open", life # "down">>,
         <<"the last one took its place", saving \notin {"written", "backed"}>> >>
    [] Ev.e = "RenameToBackup" -> <<
         <<"another is written, and this one was durable",
           saving = "written" /\ kept # "no">> >>
    [] Ev.e = "RenameToMain" -> <<
         <<"it is written, and the last is in the backup, if it was durable",
           saving = "backed" \/ (saving = "written" /\ kept # "yes")>> >>
    [] Ev.e = "Forced" -> <<
         <<"the store is open", life # "down">>,
         <<"it was loaded, or took its place",
           IsWhole /\ saving \in {"loaded", "replaced", "named"}>> >>
    [] Ev.e = "ObservedFile" -> <<
         <<"the store is open", life # "down">>,
         <<"it told something", due>>,
         <<"no file is half written", IsWhole>>,
         <<"what is not there is neither", there = "no" => ~Ev.durable /\ ~Ev.loaded>>,
         <<"what is durable is settled", ~(Ev.durable /\ Ev.loaded)>>,
         <<"it is durable where it was forced", Placed => Ev.durable = (saving = "durable")>>,
         <<"what was loaded is not settled by itself",
           ~Placed /\ unsettled => Ev.loaded /\ ~Ev.durable>> >>
    [] Ev.e = "Flushed" -> <<
         <<"the store is open", life \in {"open", "serves"}>>,
         <<"the log is so long, and more of it is durable now",
           Ev.where <= wrote /\ (flushed < Ev.where \/ Overtaken)>> >>
    [] Ev.e = "RemoveFirst" -> <<
         <<"it begins with a file", Ev.min_offset % FileSize = 0 /\ Ev.min_offset <= wrote>> >>
    [] Ev.e = "Observed" -> <<
         <<"the store is open", life \in {"open", "serves"}>>,
         <<"no file is half written, or told and not looked at", IsWhole /\ ~due>>,
         <<"the looks are counted", Ev.looks = looks + 1>>,
         <<"wrote", Ev.wrote = wrote>>,
         <<"flushed", Ev.flushed = flushed>> >>
    [] Ev.e = "DeliverDelayed" -> <<
         <<"up", up>>,
         <<"position = offset", position = At(Ev.offset)>>,
         <<"there is a message", position < Len(queue)>>,
         <<"it is due", Ev.late >= 0>>,
         <<"it was stored just now", Ev.where = appended>> >>
    [] Ev.e = "RefuseDelayed" -> <<
         <<"up", up>>,
         <<"position = offset", position = At(Ev.offset)>>,
         <<"there is a message", position < Len(queue)>>,
         <<"it is due", Ev.late >= 0>> >>
    [] Ev.e = "PassDelayed" -> <<
         <<"up", up>>,
         <<"position = offset", position = At(Ev.offset)>>,
         <<"there is a message", position < Len(queue)>>,
         <<"the log is written up to there", Ev.where = wrote>> >>
    [] Ev.e = "PersistDelay" -> <<
         <<"the file took its place, and nobody looked", saving = "replaced" /\ due>>,
         <<"all that it passes is durable, and all that is durable",
           IF up THEN At(Ev.offset) = Settled ELSE Ev.offset \in files>> >>
    [] Ev.e = "DelayStarted" -> <<
         <<"the services start", life = "starting">>,
         <<"it was written down last, or is the end of the queue",
           certain => At(Ev.offset) = Min(file, Len(queue))>>,
         <<"it was written down, or is the end of the queue",
           Ev.offset \in files \/ At(Ev.offset) = Len(queue)>>,
         <<"it is in the queue", At(Ev.offset) <= Len(queue)>> >>
    [] Ev.e = "Crash" -> <<
         <<"the looks are counted", Ev.looks = looks>>,
         <<"what is durable survives", acknowledged <= Queued /\ forced <= Stored>>,
         <<"a kill takes nothing",
           ~Ev.power /\ IsNext => Queued = Len(queue) /\ Stored = Len(real)>> >>
    [] Ev.e = "Shutdown" -> <<
         <<"the store is open", life \in {"open", "serves"}>>,
         <<"the looks are counted", Ev.looks = looks>>,
         <<"a clean end made everything durable", Ev.clean => flushed = wrote>>,
         <<"and the file", Ev.clean => saving \in {"loaded", "durable"}>>,
         <<"an orderly end takes nothing",
           IsNext => Queued = Len(queue) /\ Stored = Len(real)>> >>
    [] Ev.e = "Recovered" -> <<
         <<"the store is down", life = "down" /\ saving = "loaded">>,
         <<"it knows how the last life ended",
           (begun > 0 \/ Ev.max_offset = 0) /\ orderly # "maybe" => Ev.clean = (orderly = "yes")>>,
         <<"it begins with a file", Ev.min_offset = -1 \/ Ev.min_offset % FileSize = 0>>,
         <<"it ends behind what is durable", Ev.cut >= Ev.flushed /\ Ev.flushed >= 0>>,
         <<"nothing is missing that was kept",
           Ev.cut >= Max(IF ends = <<>> THEN 0 ELSE ends[Len(ends)],
                         LastCopy)>>,
         <<"it goes on there, or behind the blank end of that file",
           Ev.max_offset = Ev.cut \/ (Ev.max_offset > Ev.cut
                                      /\ Ev.max_offset % FileSize = 0)>> >>
    [] OTHER -> <<>>

Allows == LET all == Conditions IN \A i \in 1..Len(all) : all[i][2]
Refusing == SelectSeq(Conditions, LAMBDA condition : ~condition[2])

(* What each event does; Step says when *)
Nothing == UNCHANGED <<vars, gone, ends, copies, files, certain, begun>>
DoAppend ==
  /\ wrote' = Ev.offset + Ev.size /\ UNCHANGED <<flushed, looks, overtaken>>
  /\ IF IsEntry
     THEN /\ AppendDelayed /\ ends' = Append(ends, Ev.offset + Ev.size) /\ appended' = 0
          /\ UNCHANGED <<gone, copies, files, certain, begun>>
     ELSE appended' = Ev.offset + Ev.size /\ Nothing
DoRefused == /\ wrote' = Ev.where /\ Nothing
             /\ UNCHANGED <<appended, flushed, looks, overtaken>>
DoRemove == /\ flushed' = Max(flushed, Ev.min_offset) /\ Nothing
            /\ overtaken' = IF flushed < Ev.min_offset /\ overtaken = -1 THEN flushed ELSE overtaken
            /\ UNCHANGED <<appended, wrote, looks>>
DoObserved == /\ looks' = Ev.looks /\ Nothing /\ appended' = 0
              /\ UNCHANGED <<wrote, flushed, overtaken>>
(* all below is durable; what nobody will ask for again is forgotten *)
RECURSIVE Done(_, _, _)
Done(k, most, first) ==      \* deliveries at the front of which no message is in the window
  IF k < most THEN IF real[k + 1] < first THEN Done(k + 1, most, first) ELSE k ELSE k
DoFlushed ==
  LET durable == Max(acknowledged, Below(ends, Ev.where))
      stored  == Max(forced, Len(SelectSeq(copies, LAMBDA copy : copy.need <= Ev.where)))
      old     == SelectSeq(marks, LAMBDA mark : mark.at <= stored)
      safe    == IF old = <<>> THEN 0 ELSE old[Len(old)].offset
      k       == IF up THEN Max(0, Min(Min(durable, safe), At(Needed))) ELSE 0
      first   == IF k < Len(queue) THEN queue[k + 1].id ELSE nextId
      j       == Done(0, stored, first)
  IN /\ gone' = gone + k
     /\ queue' = SubSeq(queue, k + 1, Len(queue)) /\ ends' = SubSeq(ends, k + 1, Len(ends))
     /\ real' = SubSeq(real, j + 1, Len(real)) /\ copies' = SubSeq(copies, j + 1, Len(copies))
     /\ acknowledged' = durable - k /\ forced' = stored - j
     /\ position' = position - k /\ offsetTable' = offsetTable - k /\ file' = file - k
     /\ LET left == SubSeq(marks, Max(1, Len(old)), Len(marks))
        IN marks' = [i \in 1..Len(left) |-> [offset |-> left[i].offset - k, at |-> left[i].at - j]]
     /\ flushed' = Max(flushed, Ev.where) /\ overtaken' = -1
     /\ UNCHANGED <<now, up, crashes, refusals, nextId, files, certain, appended, wrote, looks,
                    begun>>
DoDeliver == /\ Deliver /\ copies' = Append(copies, [end |-> Ev.where, need |-> Ev.where])
             /\ appended' = 0
             /\ UNCHANGED <<gone, ends, files, certain, wrote, flushed, looks, overtaken, begun>>
DoRefuse == /\ Refuse /\ UNCHANGED more
(* as one that is delivered to nobody: what is written down of it waits for the log as ever *)
DoPass ==
  /\ real' = Append(real, queue[position + 1].id)
  /\ forced' = forced + (IF forced = Len(real) /\ Ev.where <= flushed THEN 1 ELSE 0)
  /\ position' = position + 1 /\ offsetTable' = position + 1
  /\ marks' = Append(marks, [offset |-> position + 1, at |-> Len(real) + 1])
  /\ copies' = Append(copies, [end |-> LastCopy, need |-> Ev.where])
  /\ UNCHANGED <<now, queue, acknowledged, file, up, crashes, refusals, nextId, gone, ends, files,
                 certain, appended, wrote, flushed, looks, overtaken, begun>>
DoPersist == /\ saving' = "named" /\ UNCHANGED <<life, orderly, kept, there, unsettled, due>>
             /\ file' = At(Ev.offset) /\ files' = files \cup {Ev.offset}
             /\ UNCHANGED <<now, queue, acknowledged, offsetTable, position, real, forced, marks,
                            up, crashes, refusals, nextId, gone, ends, copies, certain, appended,
                            wrote, flushed, looks, overtaken, begun>>
(* the file, as it is, is durable *)
DoForced == /\ saving' = "durable" /\ there' = "forced" /\ unsettled' = FALSE /\ due' = TRUE
            /\ UNCHANGED <<life, orderly, kept>>
            /\ files' = {file + gone}
            /\ UNCHANGED <<vars, gone, ends, copies, certain, appended, wrote, flushed, looks, overtaken,
                           begun>>
DoEnd ==
  /\ queue' = SubSeq(queue, 1, Queued) /\ ends' = SubSeq(ends, 1, Queued)
  /\ real' = SubSeq(real, 1, Stored) /\ copies' = SubSeq(copies, 1, Stored)
  /\ up' = FALSE /\ offsetTable' = 0 /\ position' = 0 /\ marks' = <<>>
  /\ looks' = 0 /\ overtaken' = -1 /\ appended' = 0 /\ life' = "down" /\ saving' = "ended" /\ kept' = "no"
  /\ unsettled' = FALSE /\ due' = FALSE
  /\ there' = IF there = "yes" /\ (IF Ev.e = "Crash" THEN Ev.power ELSE FALSE) THEN "maybe" ELSE there
  /\ orderly' = IF Ev.e = "Shutdown" THEN "yes"
                ELSE IF life # "down" \/ orderly = "no" THEN "no" ELSE "maybe"
  /\ certain' = (certain /\ IF Ev.e = "Crash" THEN ~Ev.power ELSE TRUE)
  /\ UNCHANGED <<now, acknowledged, forced, file, crashes, refusals, nextId, gone, files, wrote,
                 flushed, begun>>
DoRecovered == /\ life' = "open" /\ UNCHANGED <<orderly, saving, kept, there, unsettled, due>>
               /\ wrote' = Ev.max_offset /\ flushed' = Ev.flushed /\ Nothing
               /\ UNCHANGED <<appended, looks, overtaken>>
DoStarted == /\ up' = TRUE /\ offsetTable' = At(Ev.offset) /\ position' = At(Ev.offset)
             /\ life' = "serves" /\ UNCHANGED <<orderly, saving, kept, there, unsettled, due>>
             /\ file' = At(Ev.offset) /\ begun' = begun + 1 /\ certain' = TRUE
             /\ files' = files \cup {Ev.offset}
             /\ UNCHANGED <<now, queue, acknowledged, real, forced, marks, crashes, refusals,
                            nextId, gone, ends, copies, appended, wrote, flushed, looks, overtaken>>
(* the steps of the file, and of the start *)
Moved(its, state) ==
  /\ saving' = state /\ kept' = its /\ due' = TRUE
  /\ there' = IF state = "replaced" /\ there # "forced" THEN "yes" ELSE there
  /\ UNCHANGED <<life, orderly, unsettled, vars, more>>
DoServices == life' = "starting" /\ UNCHANGED <<orderly, saving, kept, there, unsettled, due, vars, more>>
DoObservedFile == /\ unsettled' = (~Placed /\ Ev.loaded) /\ due' = FALSE
                  /\ UNCHANGED <<life, orderly, saving, kept, there, vars, more>>
(* what was read and has no backup is durable, and else it is not replaced before it is *)
WasDurable == IF saving = "durable" THEN "yes"
              ELSE IF saving = "loaded" THEN kept ELSE "no"
Loaded == IF Ev.backup THEN "no" ELSE IF there = "forced" THEN "yes" ELSE there
Step ==
  /\ l <= Len(Trace) /\ Allows /\ l' = l + 1 /\ t' = t
  /\ CASE Ev.e = "Observed" -> DoObserved /\ UNCHANGED phase
       [] Ev.e = "Append" -> DoAppend /\ UNCHANGED phase
       [] Ev.e = "Flushed" -> DoFlushed /\ UNCHANGED phase
       [] Ev.e = "PersistDelay" -> DoPersist
       [] Ev.e = "Forced" -> DoForced
       [] Ev.e = "ObservedFile" -> DoObservedFile
       [] Ev.e = "Load" -> Moved(Loaded, "loaded")
       [] Ev.e = "Persist" -> Moved(WasDurable, "written")
       [] Ev.e = "RenameToBackup" -> Moved(kept, "backed")
       [] Ev.e = "RenameToMain" -> Moved(kept, "replaced")
       [] Ev.e = "TransactionStarted" -> DoServices
       [] Ev.e = "DeliverDelayed" -> DoDeliver /\ UNCHANGED phase
       [] Ev.e = "RefuseDelayed" -> DoRefuse /\ UNCHANGED phase
       [] Ev.e = "PassDelayed" -> DoPass /\ UNCHANGED phase
       [] Ev.e = "DelayStarted" -> DoStarted
       [] Ev.e = "Recovered" -> DoRecovered
       [] Ev.e = "PutRefused" -> DoRefused /\ UNCHANGED phase
       [] Ev.e = "RemoveFirst" -> DoRemove /\ UNCHANGED phase
       [] Ev.e \in {"Crash", "Shutdown"} -> DoEnd

Choice(enabled, event) == IF enabled THEN <<ToString(event)>> ELSE <<>>
Allowed ==
  Choice(up /\ position < Len(queue), [e |-> "DeliverDelayed", level |-> Level,
                                       offset |-> position + gone, where |-> appended])
  \o Choice(up, [e |-> "PersistDelay", level |-> Level, offset |-> Settled + gone])
  \o Choice(up, [e |-> "Observed", looks |-> looks + 1, wrote |-> wrote, flushed |-> flushed])
  \o Choice(~up, [e |-> "DelayStarted", level |-> Level, offset |-> file + gone])

State ==
  [gone |-> gone, queue |-> queue, acknowledged |-> acknowledged, position |-> position,
   offsetTable |-> offsetTable, real |-> real, forced |-> forced, marks |-> marks, file |-> file,
   ends |-> ends, copies |-> copies, files |-> files, up |-> up, wrote |-> wrote,
   flushed |-> flushed, appended |-> appended, life |-> life, saving |-> saving, kept |-> kept,
   there |-> there, unsettled |-> unsettled, due |-> due, orderly |-> orderly, certain |-> certain, looks |-> looks,
   overtaken |-> overtaken, begun |-> begun,
   now |-> now, crashes |-> crashes, refusals |-> refusals, nextId |-> nextId]

Accept ==
  /\ l = Len(Trace) + 1 /\ PrintT(<<"ACCEPT", t>>)
  /\ l' = l + 1 /\ UNCHANGED <<vars, more, phase, t>>
Stuck ==
  /\ l <= Len(Trace) /\ ~ENABLED Step
  /\ PrintT(<<"STUCK", t, l, ToString([i \in 1..Len(Refusing) |-> Refusing[i][1]]),
              ToString(State), ToString(Allowed)>>)
  /\ FALSE
Holds(name, ok) == ok \/ (PrintT(<<"VIOLATES", t, l, name>>) /\ FALSE)
(* InOrder of the newest delivery: it was asked of the others when they were the newest *)
NewestInOrder ==
  \A k \in {Len(real)} \ {0} : \A j \in 1..Len(queue) :
    queue[j].id = real[k] => \A i \in 1..(j - 1) : \E h \in 1..(k - 1) : real[h] = queue[i].id
Report ==
  /\ Holds("OffsetNamesTheFirstUndelivered", OffsetNamesTheFirstUndelivered)
  /\ Holds("FileNamesWhatIsDurable", FileNamesWhatIsDurable)
  /\ Holds("InOrder", NewestInOrder)
  /\ Holds("OffsetIsInTheQueue", OffsetIsInTheQueue)

TInit ==
  /\ t \in 1..Len(Traces) /\ l = 1
  /\ now = 0 /\ queue = <<>> /\ acknowledged = 0 /\ offsetTable = 0 /\ position = 0
  /\ real = <<>> /\ forced = 0 /\ marks = <<>> /\ file = 0
  /\ up = FALSE /\ crashes = 0 /\ refusals = 0 /\ nextId = 1
  /\ gone = 0 /\ ends = <<>> /\ copies = <<>> /\ files = {0} /\ certain = TRUE /\ appended = 0
  /\ wrote = 0 /\ flushed = 0 /\ looks = 0 /\ overtaken = -1 /\ begun = 0
  /\ life = "down" /\ orderly = "yes" /\ saving = "ended" /\ kept = "no" /\ there = "no"
  /\ unsettled = FALSE /\ due = FALSE
(* Verdicts for a batch; and for those that were not accepted, why *)
TSpec == TInit /\ [][Step \/ Accept]_<<vars, more, phase, t, l>>
WhySpec == TInit /\ [][Step \/ Accept \/ Stuck]_<<vars, more, phase, t, l>>
=============================================================================
