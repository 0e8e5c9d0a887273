---------------------------- MODULE TraceDispatch ----------------------------
(***************************************************************************)
(* Traces of a store against Dispatch, used unchanged within a life but    *)
(* for one thing: the log is a window.  A record is forgotten when readers *)
(* heard of it and no later life of the trace begins at or before it; so   *)
(* an event costs the same however long the trace is.  What was forgotten  *)
(* is counted, queue by queue (NextInQueue stands for NextQueueOffset).    *)
(*                                                                         *)
(* Between lives: a crash cuts the log where the next life found its end,  *)
(* and dispatch begins again at its first event of that life, or where it  *)
(* says that it stands.  It may begin before the place to which it had     *)
(* come, never behind it.  That units below are right is Recovery's.       *)
(*                                                                         *)
(* Retention may take every record of a queue, and a crash the unit of the *)
(* newest: nothing tells then how far the queue had come (promises.md).    *)
(* It goes on where the next life says that it ends, or at 0.              *)
(***************************************************************************)
EXTENDS Dispatch, TraceData, TLC
VARIABLES t, l, up,      \* number of the trace, next event, the store serves
          born,          \* lives that began
          next,          \* by queue: the queue offset of its next unit
          passed,        \* by queue: where its newest record begins that was forgotten, or -1
          loose,         \* queues without a record, whose end after the crash is not told yet
          fresh,         \* since the end of a life nothing was dispatched
          looks,         \* observations of this life
          held,          \* records that wait since the disk refused a step
          overtaken      \* flushed before retention passed it; -1 where no force may end below

queues == <<next, passed, loose>>
more == <<up, born, queues, fresh, looks, held, overtaken>>
Trace == Traces[t]
Ev    == Trace[l]
Queue(event) == <<event.topic, event.queue_id>>
Indices(n, names) ==
  SelectSeq([i \in 1..Len(Traces[n]) |-> i], LAMBDA i : Traces[n][i].e \in names)
Least(numbers) == CHOOSE a \in numbers : \A b \in numbers : a <= b
Max(a, b) == IF a > b THEN a ELSE b

(* Each trace's starts, ends of lives, and by life how far down a later life looks: constants,
   which TLC computes once *)
Starts == [n \in 1..Len(Traces) |-> Indices(n, {"Recovered"})]
Ends   == [n \in 1..Len(Traces) |-> Indices(n, {"Crash", "Shutdown"})]
StartOf(n, k) == IF k = 0 THEN 0
                 ELSE IF k <= Len(Starts[n]) THEN Starts[n][k] ELSE Len(Traces[n]) + 1
(* between the end of life k and the next start: what is dispatched then, and what was found *)
Between(n, k) ==
  LET ends == {i \in 1..Len(Ends[n]) : Ends[n][i] > StartOf(n, k)
                                      /\ Ends[n][i] < StartOf(n, k + 1)}
      down == IF ends = {} THEN {} ELSE Ends[n][Least(ends)]..(StartOf(n, k + 1) - 1)
  IN {Traces[n][i].offset : i \in {j \in down : Traces[n][j].e = "Dispatch"}}
     \cup (IF k >= Len(Starts[n]) THEN {}
           ELSE LET found == Traces[n][StartOf(n, k + 1)] IN {found.cut, found.reput})
RECURSIVE NeedsFrom(_, _)       \* for the lives from k on; the last entry is above every offset
NeedsFrom(n, k) ==
  IF k > Len(Starts[n]) THEN <<2^30>>
  ELSE LET rest == NeedsFrom(n, k + 1) IN <<Least(Between(n, k) \cup {rest[1]})>> \o rest
Needs == [n \in 1..Len(Traces) |-> NeedsFrom(n, 0)]
Needed == Needs[t][born + 1]

(* A trace that begins with an empty store knows every offset *)
Found == Traces[t][1]
Knows == Found.e = "Recovered" /\ Found.max_offset = 0
NextInQueue(q) == next[q]
Next1 == CHOOSE k \in NextRecord : TRUE
NextIs(offset) == NextRecord # {} /\ log[Next1].at = offset

HasNext == born < Len(Starts[t])
NextLife == Trace[StartOf(t, born + 1)]
Cut == IF HasNext THEN NextLife.cut ELSE wrote   \* there the records end that survived
Survives(record) == record.at + record.size <= Cut
Kept == SelectSeq(log, Survives)
(* Records of a batch are one until they are dispatched: their sizes are told then *)
Parts(record) == IF "parts" \in DOMAIN record THEN record.parts ELSE 1
(* a batch of which the first messages survived; how many they are, what follows tells *)
InPart == {k \in 1..Len(log) : Parts(log[k]) > 1 /\ log[k].at < Cut /\ ~Survives(log[k])}
PartsLeft == IF InPart = {} THEN {0} ELSE 1..(Parts(log[Least(InPart)]) - 1)
KeptWith(left) ==
  IF InPart = {} THEN Kept
  ELSE LET batch == log[Least(InPart)]
       IN Append(Kept, [batch EXCEPT !.size = Cut - batch.at, !.parts = left])
LeftOf(q, left) ==
  IF \E k \in InPart : log[k].queue = q /\ log[k].unit THEN left ELSE 0
HasRecord(q) ==
  \/ passed[q] >= NextLife.min_offset
  \/ LET kept == KeptWith(1)
     IN \E k \in 1..Len(kept) :
          kept[k].queue = q /\ kept[k].unit /\ kept[k].at >= NextLife.min_offset
Loose == {q \in Queues : NextLife.min_offset = -1 \/ ~HasRecord(q)}

InBatch == IF NextRecord = {} THEN FALSE ELSE Parts(log[Next1]) > 1
Split ==
  /\ l <= Len(Trace) /\ Ev.e = "Dispatch" /\ ~fresh /\ InBatch
  /\ log[Next1].at = Ev.offset /\ Ev.size < log[Next1].size
  /\ LET whole == log[Next1]
         one  == [at |-> whole.at, size |-> Ev.size, queue |-> whole.queue, n |-> whole.n,
                  unit |-> whole.unit]
         rest == [at |-> whole.at + Ev.size, size |-> whole.size - Ev.size,
                  queue |-> whole.queue, n |-> whole.n + 1, unit |-> whole.unit,
                  parts |-> whole.parts - 1]
     IN log' = SubSeq(log, 1, Next1 - 1) \o <<one, rest>> \o SubSeq(log, Next1 + 1, Len(log))
  /\ UNCHANGED <<wrote, flushed, reputFromOffset, gathered, units, waiting, arrived, attempts,
                 refusals, logicsQueueError, more, t, l>>

(* Where dispatch begins after a start.  Nothing that it had not come to may be left out *)
Begins == IF Ev.e = "Dispatch" THEN Ev.offset ELSE Ev.reput
LeavesNothingOut ==
  \A k \in 1..Len(log) : log[k].at >= reputFromOffset => log[k].at >= Begins
UnitsBelow(from) ==
  [q \in Queues |-> LET mine == SelectSeq(log, LAMBDA r : r.queue = q /\ r.unit /\ r.at < from)
                    IN [n \in 1..Len(mine) |-> mine[n].at]]
Resume ==
  /\ l <= Len(Trace) /\ fresh /\ Ev.e \in {"Dispatch", "Sync", "RefuseDispatch", "Recovered"}
  /\ LeavesNothingOut
  /\ fresh' = FALSE /\ reputFromOffset' = Begins
  /\ units' = UnitsBelow(Begins)
  /\ arrived' = Len(SelectSeq(log, LAMBDA record : record.at < Begins))
  /\ UNCHANGED <<log, wrote, flushed, gathered, waiting, attempts, refusals, logicsQueueError,
                 up, born, queues, looks, held, overtaken, t, l>>

(* Retention took the file of a force that was under way: it ends below what counts as flushed by
   then, and no second one does *)
Overtaken == -1 < overtaken /\ overtaken < Ev.where /\ Ev.where <= flushed

Ends1 == Place(Ev.size) = Ev.offset
(* a put that the disk refused may have closed the file before *)
MayClose == Ev.where = wrote \/ Ev.where = RollNextFile(wrote)
Conditions ==
  CASE Ev.e = "Append" -> <<
         <<"up", up>>,
         <<"the store accepts puts", ~logicsQueueError>>,
         <<"Place(size) = offset", Ends1>>,
         <<"NextQueueOffset = queue_offset",
           Knows => Ev.queue_offset = IF Ev.has_unit THEN next[Queue(Ev)] ELSE 0>>,
         <<"there are messages", Ev.messages > 0>> >>
    [] Ev.e = "PutRefused" -> <<
         <<"up", up>>,
         <<"the log ends there, or behind a blank", MayClose>> >>
    [] Ev.e = "RemoveFirst" -> <<
         <<"up", up>>,
         <<"it begins with a file", Ev.min_offset % FileSize = 0>>,
         <<"all of it was dispatched", Ev.min_offset <= reputFromOffset>> >>
    [] Ev.e = "Flushed" -> <<
         <<"flushed < where, or retention overtook the force",
           flushed < Ev.where \/ Overtaken>>,
         <<"where <= wrote", Ev.where <= wrote>> >>
    [] Ev.e = "Dispatch" -> <<
         <<"dispatch begins where it was or before", fresh => LeavesNothingOut>>,
         <<"it is the next record", ~fresh => NextIs(Ev.offset)>>,
         <<"the record has that size",
           NextRecord # {} /\ ~fresh /\ ~InBatch => log[Next1].size = Ev.size>>,
         <<"and that queue", NextRecord # {} /\ ~fresh => log[Next1].queue = Queue(Ev)>>,
         <<"and that queue offset", NextRecord # {} /\ ~fresh => log[Next1].n = Ev.queue_offset>>,
         <<"it is confirmed", NextRecord # {} /\ ~fresh => Ev.offset + Ev.size <= Visible>> >>
    [] Ev.e = "Sync" -> <<
         <<"dispatch begins where it was or before", fresh => LeavesNothingOut>>,
         <<"reputFromOffset <= reput", ~fresh => reputFromOffset <= Ev.reput>>,
         <<"no record in between", ~fresh => \A k \in NextRecord : Ev.reput <= log[k].at>>,
         <<"something was passed, or dispatched",
           ~fresh => reputFromOffset < Ev.reput \/ waiting > 0 \/ ~up>>,
         <<"it stops behind a record, or at the end of a file",
           ~fresh => Ev.reput = reputFromOffset \/ Ev.reput % FileSize = 0 >>,
         <<"reput is confirmed", Ev.reput <= Visible>> >>
    [] Ev.e = "RefuseDispatch" -> <<
         <<"dispatch begins where it was or before", fresh => LeavesNothingOut>>,
         <<"no record in between", ~fresh => \A k \in NextRecord : Ev.reput <= log[k].at>>,
         <<"it stops behind a record, or at the end of a file",
           ~fresh => Ev.reput = reputFromOffset
                     \/ (Ev.reput > reputFromOffset /\ Ev.reput % FileSize = 0)>>,
         <<"reput is confirmed", Ev.reput <= Visible>>,
         <<"there was something to write", waiting > 0 \/ Ev.reput < Visible>>,
         <<"attempts in a row", Ev.attempts = attempts + 1>> >>
    [] Ev.e = "Observed" -> <<
         <<"up", up>>,
         <<"the looks are counted", Ev.looks = looks + 1>>,
         <<"wrote", Ev.wrote = wrote>>,
         <<"flushed", Ev.flushed = flushed>>,
         <<"reput", Ev.reput = reputFromOffset>>,
         <<"readers heard of what was dispatched, or the disk refused", waiting = held>> >>
    [] Ev.e = "Crash" -> <<
         <<"the looks are counted", Ev.looks = looks>> >>
    [] Ev.e = "Shutdown" -> <<
         <<"the looks are counted", Ev.looks = looks>>,
         <<"it was up", up>>,
         <<"a clean end dispatched everything", Ev.clean => NextRecord = {} >>,
         <<"and forced everything", Ev.clean => flushed = wrote>>,
         <<"and all is found again", Ev.clean /\ HasNext => Kept = log>> >>
    [] Ev.e = "ForgetFrom" -> <<
         <<"the store is down", ~up>>,
         <<"it has no more than it was given",
           HasNext /\ Knows => Queue(Ev) \in Queues /\ Ev.queue_offset <= next[Queue(Ev)]>> >>
    [] Ev.e = "Recovered" -> <<
         <<"the store is down", ~up>>,
         <<"it begins with a file", Ev.min_offset = -1 \/ Ev.min_offset % FileSize = 0>>,
         <<"it ends behind what is durable", Ev.cut >= Ev.flushed /\ Ev.flushed >= 0>>,
         <<"it goes on there, or behind the blank end of that file",
           Knows => Ev.max_offset = Ev.cut \/ (Ev.max_offset > Ev.cut
                                              /\ Ev.max_offset % FileSize = 0)>>,
         <<"dispatch begins where it was or before", fresh => LeavesNothingOut>>,
         <<"no record between dispatch and reput",
           ~fresh => \A k \in NextRecord : Ev.reput <= log[k].at>>,
         <<"reput <= max_offset", Ev.reput <= Ev.max_offset>>,
         <<"max_offset is the end", Ev.max_offset = wrote>> >>
    [] OTHER -> <<>>

Allows == LET all == Conditions IN \A i \in 1..Len(all) : all[i][2]
Refusing == SelectSeq(Conditions, LAMBDA condition : ~condition[2])
IsEvent(name) ==
  /\ l <= Len(Trace) /\ Ev.e = name /\ Allows
  /\ l' = l + 1 /\ t' = t

Count == [next EXCEPT ![Queue(Ev)] = IF Ev.has_unit THEN @ + Ev.messages ELSE @]
TAppend ==
  /\ IsEvent("Append") /\ next' = Count
  /\ UNCHANGED <<up, born, passed, loose, fresh, looks, held, overtaken>>
  /\ IF Knows /\ Ev.messages = 1 THEN DoAppend(Queue(Ev), Ev.size, Ev.has_unit)
     ELSE /\ log' = Append(log, [at |-> Ev.offset, size |-> Ev.size, queue |-> Queue(Ev),
                                 n |-> Ev.queue_offset, unit |-> Ev.has_unit,
                                 parts |-> Ev.messages])
          /\ wrote' = Ev.offset + Ev.size
          /\ UNCHANGED <<flushed, reputFromOffset, gathered, units, waiting, arrived, attempts,
                         refusals, logicsQueueError>>
TRefused == /\ IsEvent("PutRefused") /\ wrote' = Ev.where /\ UNCHANGED more
            /\ UNCHANGED <<log, flushed, reputFromOffset, gathered, units, waiting, arrived,
                           attempts, refusals, logicsQueueError>>
TRemove == /\ IsEvent("RemoveFirst") /\ UNCHANGED <<up, born, queues, fresh, looks, held>>
           /\ overtaken' = IF flushed < Ev.min_offset /\ overtaken = -1 THEN flushed ELSE overtaken
           /\ flushed' = Max(flushed, Ev.min_offset)
           /\ UNCHANGED <<log, wrote, reputFromOffset, gathered, units, waiting, arrived,
                          attempts, refusals, logicsQueueError>>
TFlushed == /\ IsEvent("Flushed") /\ overtaken' = -1
            /\ UNCHANGED <<up, born, queues, fresh, looks, held>>
            /\ IF flushed < Ev.where THEN FlushedTo(Ev.where) ELSE UNCHANGED vars
TDispatch == IsEvent("Dispatch") /\ ~fresh /\ ~InBatch /\ Dispatch /\ UNCHANGED more
(* what was passed behind the last record is the blank end of its file; and what readers heard
   of is forgotten *)
TSync ==
  /\ IsEvent("Sync") /\ ~fresh /\ held' = 0
  /\ UNCHANGED <<up, born, next, loose, fresh, looks, overtaken>>
  /\ LET from == IF Ev.reput < Needed THEN Ev.reput ELSE Needed IN
       /\ log' = SelectSeq(log, LAMBDA record : record.at >= from)
       /\ units' = [q \in Queues |->
                      SelectSeq(units[q] \o gathered[q], LAMBDA at : at >= from)]
       /\ passed' = [q \in Queues |->
                       LET mine == SelectSeq(log, LAMBDA r : r.at < from /\ r.queue = q /\ r.unit)
                       IN IF mine = <<>> THEN passed[q] ELSE mine[Len(mine)].at]
       /\ arrived' = Len(SelectSeq(log', LAMBDA record : record.at < Ev.reput))
  /\ gathered' = [q \in Queues |-> <<>>]
  /\ waiting' = 0 /\ attempts' = 0 /\ reputFromOffset' = Ev.reput
  /\ UNCHANGED <<wrote, flushed, refusals, logicsQueueError>>
(* Refuse or RefuseSync: which of them, readers cannot tell; the blank end of a file may be passed *)
TRefuse ==
  /\ IsEvent("RefuseDispatch") /\ ~fresh /\ held' = waiting
  /\ reputFromOffset' = Ev.reput
  /\ attempts' = Ev.attempts /\ refusals' = 0
  /\ logicsQueueError' = (Ev.attempts >= Attempts)
  /\ UNCHANGED <<log, wrote, flushed, gathered, units, waiting, arrived, up, born, queues,
                 fresh, looks, overtaken>>
TObserved == /\ IsEvent("Observed") /\ looks' = looks + 1
             /\ UNCHANGED <<vars, up, born, queues, fresh, held, overtaken>>
RECURSIVE LostUnits(_, _)
LostUnits(q, k) ==
  IF k = 0 THEN 0
  ELSE LostUnits(q, k - 1) + (IF log[k].queue = q /\ log[k].unit /\ ~Survives(log[k])
                              THEN Parts(log[k]) ELSE 0)
TEnd ==
  /\ IsEvent("Crash") \/ IsEvent("Shutdown")
  /\ up' = FALSE /\ looks' = 0 /\ held' = 0 /\ fresh' = TRUE /\ born' = born /\ overtaken' = -1
  /\ passed' = passed
  /\ IF ~HasNext THEN UNCHANGED <<log, wrote, flushed, reputFromOffset, next, loose>>
     ELSE /\ wrote' = NextLife.max_offset /\ flushed' = NextLife.flushed
          /\ reputFromOffset' = IF reputFromOffset < Cut THEN reputFromOffset ELSE Cut
          /\ \E left \in PartsLeft :
               /\ log' = KeptWith(left)
               /\ next' = [q \in Queues |-> next[q] - LostUnits(q, Len(log)) + LeftOf(q, left)]
          /\ loose' = IF NextLife.clean THEN {} ELSE Loose
  /\ gathered' = [q \in Queues |-> <<>>] /\ units' = [q \in Queues |-> <<>>]
  /\ waiting' = 0 /\ arrived' = 0
  /\ attempts' = 0 /\ logicsQueueError' = FALSE /\ UNCHANGED refusals
TForgot ==
  /\ IsEvent("ForgetFrom")
  /\ LET q == Queue(Ev)
     IN /\ next' = IF q \in loose THEN [next EXCEPT ![q] = Ev.queue_offset] ELSE next
        /\ loose' = loose \ {q}
  /\ UNCHANGED <<vars, up, born, passed, fresh, looks, held, overtaken>>
TRecovered == /\ IsEvent("Recovered") /\ ~fresh /\ up' = TRUE /\ born' = born + 1
              /\ flushed' = Ev.flushed /\ reputFromOffset' = Ev.reput
              /\ next' = [q \in Queues |-> IF q \in loose THEN 0 ELSE next[q]] /\ loose' = {}
              /\ UNCHANGED <<log, wrote, gathered, units, waiting, arrived, attempts, refusals,
                             logicsQueueError, passed, fresh, looks, held, overtaken>>
Step == \/ Split \/ Resume \/ TAppend \/ TRefused \/ TRemove \/ TFlushed \/ TDispatch \/ TSync
        \/ TRefuse \/ TObserved \/ TEnd \/ TForgot \/ TRecovered

Choice(enabled, event) == IF enabled THEN <<ToString(event)>> ELSE <<>>
Allowed ==
  Choice(up, [e |-> "Append", offset |-> Place(1)])
  \o (IF NextRecord # {} THEN Choice(End(Next1) <= Visible,
        [e |-> "Dispatch", offset |-> log[Next1].at, size |-> log[Next1].size,
         topic |-> log[Next1].queue[1], queue_id |-> log[Next1].queue[2],
         queue_offset |-> log[Next1].n]) ELSE <<>>)
  \o Choice(waiting > 0, [e |-> "Sync", reput |-> reputFromOffset])
  \o Choice(flushed < wrote, [e |-> "Flushed", where |-> wrote])
  \o Choice(up, [e |-> "Observed", looks |-> looks + 1, wrote |-> wrote, flushed |-> flushed,
                 reput |-> reputFromOffset])
  \o Choice(~up, [e |-> "Recovered", max_offset |-> wrote, reput |-> reputFromOffset])

State ==
  [log |-> log, wrote |-> wrote, flushed |-> flushed, reputFromOffset |-> reputFromOffset,
   gathered |-> gathered, units |-> units, next |-> next, passed |-> passed, loose |-> loose,
   waiting |-> waiting, held |-> held, overtaken |-> overtaken, attempts |-> attempts,
   arrived |-> arrived, up |-> up, born |-> born, fresh |-> fresh, looks |-> looks,
   refusals |-> refusals, logicsQueueError |-> logicsQueueError]

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
  /\ Holds("ShownIsConfirmed", up => ShownIsConfirmed)
  /\ Holds("UnitsFollowTheLog", fresh \/ UnitsFollowTheLog)
  /\ Holds("ToldIsReadable", arrived > 0 /\ log[arrived].unit =>
       \E n \in 1..Len(units[log[arrived].queue]) :
         units[log[arrived].queue][n] = log[arrived].at)

TInit ==
  /\ t \in 1..Len(Traces) /\ l = 1 /\ up = FALSE /\ born = 0 /\ fresh = TRUE /\ looks = 0
  /\ held = 0 /\ overtaken = -1
  /\ next = [q \in Queues |-> 0] /\ passed = [q \in Queues |-> -1] /\ loose = {}
  /\ log = <<>>
  /\ wrote = IF Found.e = "Recovered" THEN Found.max_offset ELSE 0
  /\ flushed = IF Found.e = "Recovered" THEN Found.flushed ELSE 0
  /\ reputFromOffset = IF Found.e = "Recovered" THEN Found.reput ELSE 0
  /\ gathered = [q \in Queues |-> <<>>] /\ units = [q \in Queues |-> <<>>]
  /\ waiting = 0 /\ arrived = 0 /\ attempts = 0 /\ refusals = 0 /\ logicsQueueError = FALSE
(* Verdicts for a batch; and for those that were not accepted, why *)
TSpec == TInit /\ [][Step \/ Accept]_<<vars, more, t, l>>
WhySpec == TInit /\ [][Step \/ Accept \/ Stuck]_<<vars, more, t, l>>
=============================================================================
