------------------------ MODULE TraceStoreObservable ------------------------
(***************************************************************************)
(* Traces of a store against the promise to clients alone: what was        *)
(* answered and shown, and what the next life found, crash after crash.    *)
(* Nothing is asked of how.                                                *)
(*                                                                         *)
(* A message is one append, so a batch is one message; it is shown with    *)
(* its last part.  The log is a window: a message is forgotten when it was *)
(* answered and shown and no later life of the trace begins at or before   *)
(* it, so an event costs the same however long the trace is.               *)
(***************************************************************************)
EXTENDS StoreObservable, TraceData, TLC
CONSTANTS SyncFlush, FileSize,
          SeesLastFlush   \* the flusher looks again behind its last attempt
VARIABLES t, l,
          spans,     \* where each message of the window stands: [at, end]
          below,     \* end of what was forgotten
          asks,      \* who waits: <<ticket, end>>
          wrote,     \* end of the log
          flushed,   \* end of what is durable
          told,      \* end of what was shown in this life; -1: nothing yet
          born,      \* lives that began
          orderly,   \* the last came to its orderly end: "yes", "no", and "maybe" where a start
                     \* that crashed stands between
          looks,     \* observations of this life
          overtaken  \* flushed before retention passed it; -1 where no force may end below

more == <<spans, below, asks, wrote, flushed, told, born, orderly, looks, overtaken>>
AllAnswers == {"waits", "ok", "cached", "unknown"}
TheNeverLost == [kill |-> AllAnswers, power |-> IF SyncFlush THEN {"ok"} ELSE {}]
TheShownIsSafe == [kill |-> TRUE, power |-> SyncFlush]

Trace == Traces[t]
Ev    == Trace[l]
Max(a, b) == IF a > b THEN a ELSE b
Least(numbers) == CHOOSE a \in numbers : \A b \in numbers : a <= b
Indices(n, names) ==
  SelectSeq([i \in 1..Len(Traces[n]) |-> i], LAMBDA i : Traces[n][i].e \in names)

(* Each trace's starts, and by life how far down a later life looks: constants, which TLC
   computes once *)
Starts == [n \in 1..Len(Traces) |-> Indices(n, {"Recovered"})]
Ends   == [n \in 1..Len(Traces) |-> Indices(n, {"Crash", "Shutdown"})]
StartOf(n, k) == IF k = 0 THEN 0
                 ELSE IF k <= Len(Starts[n]) THEN Starts[n][k] ELSE Len(Traces[n]) + 1
(* between the end of life k and the next start: what is shown then, and what was found *)
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
(* A trace that begins with an empty store knows every message *)
Knows == Traces[t][1].e = "Recovered" /\ Traces[t][1].max_offset = 0

Waits1 == IF l < Len(Trace) THEN Trace[l + 1].e = "PutRequest" ELSE FALSE
Below(place) == Len(SelectSeq(spans, LAMBDA span : span.end <= place))
EndOf(ticket) == (CHOOSE ask \in asks : ask[1] = ticket)[2]
Asks(ticket) == \E ask \in asks : ask[1] = ticket

HasNext == born < Len(Starts[t])
NextLife == Trace[StartOf(t, born + 1)]
Keep == IF HasNext THEN Below(NextLife.cut) ELSE Len(log)
(* a batch of which the first messages survived is a message still, and was not promised *)
Cuts == IF Keep < Len(spans)
        THEN HasNext /\ spans[Keep + 1].batch /\ spans[Keep + 1].at < NextLife.cut
        ELSE FALSE
Left == IF Cuts THEN Keep + 1 ELSE Keep
SpansLeft == IF Cuts THEN Append(SubSeq(spans, 1, Keep), [spans[Left] EXCEPT !.end = NextLife.cut])
             ELSE SubSeq(spans, 1, Keep)
Accident == IF Ev.power THEN "power" ELSE "kill"

(* the message that is shown next *)
Ahead == SelectSeq(spans, LAMBDA span : span.end > told)
IsNext == IF told < 0 THEN \E k \in 1..Len(Ahead) : Ahead[k].at <= Ev.offset
                                                   /\ Ev.offset + Ev.size <= Ahead[k].end
          ELSE Ev.offset = Max(told, Ahead[1].at) /\ Ev.offset + Ev.size <= Ahead[1].end
(* what was shown ends there, or the rest of its file is blank *)
ShownTo(place) ==
  \/ place = told
  \/ /\ place > told /\ place % FileSize = 0
     /\ Ahead # <<>> => Ahead[1].at >= place

(* Retention took the file of a force that was under way: it ends below what counts as flushed by
   then, and no second one does *)
Overtaken == -1 < overtaken /\ overtaken < Ev.where /\ Ev.where <= flushed

Conditions ==
  CASE Ev.e = "Append" -> <<
         <<"up", up>>,
         <<"it stands behind the others",
           Ev.offset = wrote \/ (Ev.offset > wrote /\ Ev.offset % FileSize = 0)>>,
         <<"in one file", Ev.size > 0 /\ (Ev.offset % FileSize) + Ev.size <= FileSize>> >>
    [] Ev.e = "PutRefused" -> <<
         <<"up", up>>,
         <<"at most its file is closed",
           Ev.where = wrote \/ (Ev.where > wrote /\ Ev.where % FileSize = 0)>> >>
    [] Ev.e = "Flushed" -> <<
         <<"the log is so long, and more of it is durable now",
           Ev.where <= wrote /\ (flushed < Ev.where \/ Overtaken)>> >>
    [] Ev.e = "RemoveFirst" -> <<
         <<"up", up>>,
         <<"it begins with a file, and all before it was shown",
           Ev.min_offset % FileSize = 0 /\ (told < 0 \/ Ev.min_offset <= told
                                            \/ ShownTo(Ev.min_offset))>> >>
    [] Ev.e = "Dispatch" -> <<
         <<"it is in the log", Ev.offset + Ev.size <= wrote>>,
         <<"there is a message", Knows => Ahead # <<>> >>,
         <<"it is the next message", Knows /\ Ahead # <<>> => IsNext>>,
         <<"it is durable, where that is promised",
           SyncFlush /\ up => Ev.offset + Ev.size <= flushed>> >>
    [] Ev.e = "Observed" -> <<
         <<"up", up>>,
         <<"the looks are counted", Ev.looks = looks + 1>>,
         <<"wrote", Ev.wrote = wrote>>,
         <<"flushed", Ev.flushed = flushed>>,
         <<"who waits", Ev.unanswered = Cardinality(asks)>>,
         <<"it was shown to there", ShownTo(Ev.reput)>>,
         <<"no more is shown than was told", Below(Ev.reput) <= shown>> >>
    [] Ev.e = "PutRequest" -> <<
         <<"up", up>>,
         <<"nobody waits with that ticket", ~Asks(Ev.ticket)>>,
         <<"the newest message waits", log # <<>> /\ log[Len(log)] = "waits">>,
         <<"for its end", spans # <<>> /\ spans[Len(spans)].end = Ev.next_offset>> >>
    [] Ev.e = "WakeupCustomer" -> <<
         <<"up", up>>,
         <<"the producer waits", Asks(Ev.ticket)>>,
         <<"and was not answered", Asks(Ev.ticket) => log[Below(EndOf(Ev.ticket))] = "waits">>,
         <<"what is told OK is durable",
           Asks(Ev.ticket) /\ Ev.durable => EndOf(Ev.ticket) <= flushed>>,
         <<"and what is durable is told so, but by the clock",
           Asks(Ev.ticket) /\ ~Ev.durable /\ ~Ev.expired /\ SeesLastFlush
             => EndOf(Ev.ticket) > flushed>>,
         <<"a clock says nothing of durability", ~(Ev.expired /\ Ev.durable)>> >>
    [] Ev.e = "Crash" -> <<
         <<"the looks are counted", Ev.looks = looks>>,
         <<"what was promised survives",
           \A i \in (Keep + 1)..Len(log) : ~Promised(Accident, i)>> >>
    [] Ev.e = "Shutdown" -> <<
         <<"up", up>>,
         <<"the looks are counted", Ev.looks = looks>>,
         <<"everybody is answered", \A i \in 1..Len(log) : log[i] # "waits">>,
         <<"a clean end made everything durable", Ev.clean => flushed = wrote>>,
         <<"everything is kept", Ev.clean => Keep = Len(log)>> >>
    [] Ev.e = "Recovered" -> <<
         <<"the store is down", ~up>>,
         <<"it knows how the last life ended",
           (born > 0 \/ Knows) /\ orderly # "maybe" => Ev.clean = (orderly = "yes")>>,
         <<"it begins with a file", Ev.min_offset = -1 \/ Ev.min_offset % FileSize = 0>>,
         <<"nothing is missing that was kept", Ev.max_offset >= wrote>>,
         <<"it ends behind what is durable", Ev.cut >= Ev.flushed /\ Ev.flushed >= 0>>,
         <<"it goes on there, or behind the blank end of that file",
           Knows => Ev.max_offset = Ev.cut \/ (Ev.max_offset > Ev.cut
                                              /\ Ev.max_offset % FileSize = 0)>>,
         <<"it was shown to there", told >= 0 => ShownTo(Ev.reput)>>,
         <<"no more is shown than there is", 0 <= Ev.reput /\ Ev.reput <= Ev.max_offset>> >>
    [] OTHER -> <<>>

Allows == LET all == Conditions IN \A i \in 1..Len(all) : all[i][2]
Refusing == SelectSeq(Conditions, LAMBDA condition : ~condition[2])

(* What each event does; Step says when *)
DoTAppend == /\ Send(IF Waits1 THEN "waits" ELSE "cached")
             /\ shown' = shown
             /\ spans' = Append(spans, [at |-> Ev.offset, end |-> Ev.offset + Ev.size,
                                       batch |-> Ev.messages > 1])
             /\ wrote' = Ev.offset + Ev.size
             /\ UNCHANGED <<below, asks, flushed, told, born, orderly, looks, overtaken>>
DoRefused == /\ wrote' = Ev.where
             /\ UNCHANGED <<vars, spans, below, asks, flushed, told, born, orderly, looks,
                            overtaken>>
DoFlushed == /\ flushed' = Max(flushed, Ev.where) /\ overtaken' = -1
             /\ UNCHANGED <<vars, spans, below, asks, wrote, told, born, orderly, looks>>
DoRemove == /\ flushed' = Max(flushed, Ev.min_offset)
            /\ overtaken' = IF flushed < Ev.min_offset /\ overtaken = -1 THEN flushed ELSE overtaken
            /\ told' = IF told < 0 THEN told ELSE Max(told, Ev.min_offset)
            /\ UNCHANGED <<vars, spans, below, asks, wrote, born, orderly, looks>>
(* what was answered and shown, and nobody will ask for *)
RECURSIVE Settled(_)
Settled(k) ==
  IF k < shown /\ k < Len(log) THEN
    IF log[k + 1] # "waits" /\ spans[k + 1].end <= Needed /\ spans[k + 1].end <= told
    THEN Settled(k + 1) ELSE k
  ELSE k
DoObserved ==
  /\ looks' = Ev.looks /\ told' = Ev.reput
  /\ LET k == Settled(0)
     IN IF k = 0 THEN UNCHANGED <<vars, spans, below>>
        ELSE /\ log' = SubSeq(log, k + 1, Len(log)) /\ shown' = shown - k
             /\ spans' = SubSeq(spans, k + 1, Len(spans)) /\ below' = spans[k].end
             /\ UNCHANGED up
  /\ UNCHANGED <<asks, wrote, flushed, born, orderly, overtaken>>
DoPutRequest == /\ asks' = asks \cup {<<Ev.ticket, Ev.next_offset>>}
                /\ UNCHANGED <<vars, spans, below, wrote, flushed, told, born, orderly, looks,
                               overtaken>>
DoWakeup == /\ Answer(Below(EndOf(Ev.ticket)), IF Ev.durable THEN "ok" ELSE "unknown")
            /\ asks' = {ask \in asks : ask[1] # Ev.ticket}
            /\ UNCHANGED <<spans, below, wrote, flushed, told, born, orderly, looks, overtaken>>
(* what is dispatched before the store is open is shown when it opens *)
DoDispatch == /\ told' = Ev.offset + Ev.size
              /\ LET n == Below(Ev.offset + Ev.size)
                 IN IF up /\ n > shown THEN Show(n) ELSE UNCHANGED vars
              /\ UNCHANGED <<spans, below, asks, wrote, flushed, born, orderly, looks, overtaken>>
(* a crash on the way up takes no more than one of an open store *)
DoCrash == /\ spans' = SpansLeft /\ asks' = {} /\ looks' = 0 /\ told' = -1
           /\ overtaken' = -1
           /\ wrote' = IF Left = 0 THEN below ELSE SpansLeft[Left].end
           /\ IF up THEN Fail(Accident, Left)
              ELSE /\ log' = SubSeq(log, 1, Left)
                   /\ shown' = (IF shown > Left THEN Left ELSE shown)
                   /\ UNCHANGED up
           /\ orderly' = IF up \/ orderly = "no" THEN "no" ELSE "maybe"
           /\ UNCHANGED <<below, flushed, born>>
DoShutdown == /\ Shutdown /\ looks' = 0 /\ told' = -1 /\ orderly' = "yes" /\ overtaken' = -1
              /\ UNCHANGED <<spans, below, asks, wrote, flushed, born>>
DoRecovered == /\ wrote' = Ev.max_offset /\ flushed' = Ev.flushed /\ told' = Ev.reput
               /\ up' = TRUE /\ shown' = Max(shown, Below(Ev.reput)) /\ born' = born + 1
               /\ UNCHANGED <<log, spans, below, asks, orderly, looks, overtaken>>
Step ==
  /\ l <= Len(Trace) /\ Allows /\ l' = l + 1 /\ t' = t
  /\ CASE Ev.e = "Observed" -> DoObserved
       [] Ev.e = "Append" -> DoTAppend
       [] Ev.e = "Dispatch" -> DoDispatch
       [] Ev.e = "PutRequest" -> DoPutRequest
       [] Ev.e = "WakeupCustomer" -> DoWakeup
       [] Ev.e = "Flushed" -> DoFlushed
       [] Ev.e = "PutRefused" -> DoRefused
       [] Ev.e = "RemoveFirst" -> DoRemove
       [] Ev.e = "Crash" -> DoCrash
       [] Ev.e = "Shutdown" -> DoShutdown
       [] Ev.e = "Recovered" -> DoRecovered

Choice(enabled, event) == IF enabled THEN <<ToString(event)>> ELSE <<>>
Allowed ==
  Choice(up, [e |-> "Append", offset |-> wrote])
  \o (IF asks = {} THEN <<>> ELSE Choice(up, [e |-> "WakeupCustomer",
        ticket |-> (CHOOSE ask \in asks : TRUE)[1], durable |-> TRUE, expired |-> FALSE]))
  \o (IF told < 0 \/ Ahead = <<>> THEN <<>>
      ELSE Choice(TRUE, [e |-> "Dispatch", offset |-> Max(told, Ahead[1].at)]))
  \o Choice(up, [e |-> "Observed", looks |-> looks + 1, wrote |-> wrote, flushed |-> flushed,
                 reput |-> told, unanswered |-> Cardinality(asks)])
  \o Choice(~up, [e |-> "Recovered", max_offset |-> wrote])
State == [log |-> log, shown |-> shown, up |-> up, spans |-> spans, below |-> below,
          asks |-> asks, wrote |-> wrote, flushed |-> flushed, told |-> told, born |-> born,
          orderly |-> orderly, looks |-> looks, overtaken |-> overtaken]

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
  /\ Holds("NobodyWaitsForTheDead", NobodyWaitsForTheDead)
  /\ Holds("ShownIsThere", shown <= Len(log))

TInit == /\ t \in 1..Len(Traces) /\ l = 1 /\ born = 0 /\ orderly = "yes"
         /\ below = 0
         /\ log = <<>> /\ shown = 0 /\ up = FALSE /\ spans = <<>> /\ asks = {}
         /\ wrote = 0 /\ flushed = 0 /\ told = -1 /\ looks = 0
         /\ overtaken = -1
(* Verdicts for a batch; and for those that were not accepted, why *)
TSpec == TInit /\ [][Step \/ Accept]_<<vars, more, t, l>>
WhySpec == TInit /\ [][Step \/ Accept \/ Stuck]_<<vars, more, t, l>>
=============================================================================
