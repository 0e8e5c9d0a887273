------------------------ MODULE TraceStoreObservable ------------------------
(***************************************************************************)
(* Traces of a store against the promise to clients alone: what was        *)
(* answered and shown, and what the next life found, crash after crash.    *)
(* Nothing is asked of how.                                                *)
(*                                                                         *)
(* A message is one append, so a batch is one message; it is shown with    *)
(* its last part.                                                          *)
(***************************************************************************)
EXTENDS StoreObservable, TraceData, TLC
CONSTANT SyncFlush
VARIABLES t, l,
          ends,      \* where each message ends in the log
          asks,      \* who waits: <<ticket, end>>
          wrote,     \* end of the log
          looks      \* observations of this life

more == <<ends, asks, wrote, looks>>
AllAnswers == {"waits", "ok", "cached", "unknown"}
TheNeverLost == [kill |-> AllAnswers, power |-> IF SyncFlush THEN {"ok"} ELSE {}]
TheShownIsSafe == [kill |-> TRUE, power |-> SyncFlush]

Trace == Traces[t]
Ev    == Trace[l]
Waiting == IF l < Len(Trace) THEN Trace[l + 1].e = "PutRequest" ELSE FALSE
Below(place) == Len(SelectSeq(ends, LAMBDA end : end <= place))
Max(a, b) == IF a > b THEN a ELSE b
PlaceOf(ticket) == Below((CHOOSE ask \in asks : ask[1] = ticket)[2])
Asks(ticket) == \E ask \in asks : ask[1] = ticket

Lives == {i \in l..Len(Trace) : Trace[i].e = "Recovered"}
NextLife == CHOOSE i \in Lives : \A j \in Lives : i <= j
Keep == IF Lives = {} THEN Len(log) ELSE Below(Trace[NextLife].cut)
Accident == IF Ev.power THEN "power" ELSE "kill"

Conditions ==
  CASE Ev.e = "Append" -> <<
         <<"up", up>>,
         <<"it stands behind the others", Ev.offset >= wrote>> >>
    [] Ev.e = "PutRefused" -> <<
         <<"up", up>>,
         <<"nothing is taken away", Ev.where >= wrote>> >>
    [] Ev.e = "Dispatch" -> <<
         <<"it is in the log", Ev.offset + Ev.size <= wrote>> >>
    [] Ev.e = "Observed" -> <<
         <<"up", up>>,
         <<"the looks are counted", Ev.looks = looks + 1>>,
         <<"wrote", Ev.wrote = wrote>>,
         <<"who waits", Ev.unanswered = Cardinality(asks)>>,
         <<"no more is shown than was told", Below(Ev.reput) <= shown>> >>
    [] Ev.e = "PutRequest" -> <<
         <<"up", up>>,
         <<"the newest message waits", log # <<>> /\ log[Len(log)] = "waits">>,
         <<"for its end", ends # <<>> /\ ends[Len(ends)] = Ev.next_offset>> >>
    [] Ev.e = "WakeupCustomer" -> <<
         <<"up", up>>,
         <<"the producer waits", Asks(Ev.ticket)>>,
         <<"and was not answered", Asks(Ev.ticket) => log[PlaceOf(Ev.ticket)] = "waits">>,
         <<"a clock says nothing of durability", ~(Ev.expired /\ Ev.durable)>> >>
    [] Ev.e = "Crash" -> <<
         <<"the looks are counted", Ev.looks = looks>>,
         <<"what was promised survives",
           \A i \in (Keep + 1)..Len(log) : ~Promised(Accident, i)>> >>
    [] Ev.e = "Shutdown" -> <<
         <<"the looks are counted", Ev.looks = looks>>,
         <<"everybody is answered", \A i \in 1..Len(log) : log[i] # "waits">>,
         <<"everything is kept", Ev.clean => Keep = Len(log)>> >>
    [] Ev.e = "Recovered" -> <<
         <<"the store is down", ~up>>,
         <<"nothing is missing that was kept", Ev.max_offset >= wrote>>,
         <<"no more is shown than there is", Ev.reput <= Ev.max_offset>> >>
    [] OTHER -> <<>>

Allows == LET all == Conditions IN \A i \in 1..Len(all) : all[i][2]
Refusing == SelectSeq(Conditions, LAMBDA condition : ~condition[2])
IsEvent(name) ==
  /\ l <= Len(Trace) /\ Ev.e = name /\ Allows
  /\ l' = l + 1 /\ t' = t

TAppend == /\ IsEvent("Append") /\ Send(IF Waiting THEN "waits" ELSE "cached")
           /\ ends' = Append(ends, Ev.offset + Ev.size) /\ wrote' = Ev.offset + Ev.size
           /\ UNCHANGED <<asks, looks>>
TRefused == IsEvent("PutRefused") /\ wrote' = Ev.where /\ UNCHANGED <<vars, ends, asks, looks>>
TObserved == IsEvent("Observed") /\ looks' = Ev.looks /\ UNCHANGED <<vars, ends, asks, wrote>>
TPutRequest == /\ IsEvent("PutRequest") /\ asks' = asks \cup {<<Ev.ticket, Ev.next_offset>>}
               /\ UNCHANGED <<vars, ends, wrote, looks>>
TWakeup == /\ IsEvent("WakeupCustomer")
           /\ Answer(PlaceOf(Ev.ticket), IF Ev.durable THEN "ok" ELSE "unknown")
           /\ asks' = {ask \in asks : ask[1] # Ev.ticket} /\ UNCHANGED <<ends, wrote, looks>>
(* what is dispatched before the store is open is shown when it opens *)
TDispatch == /\ IsEvent("Dispatch") /\ UNCHANGED more
             /\ LET n == Below(Ev.offset + Ev.size)
                IN IF up /\ n > shown THEN Show(n) ELSE UNCHANGED vars
Cut(keep) == /\ ends' = SubSeq(ends, 1, keep) /\ asks' = {} /\ looks' = 0
             /\ wrote' = IF keep = 0 THEN 0 ELSE ends[keep]
(* a crash on the way up takes no more than one of an open store *)
TCrash == /\ IsEvent("Crash") /\ Cut(Keep)
          /\ IF up THEN Fail(Accident, Keep)
             ELSE /\ log' = SubSeq(log, 1, Keep) /\ shown' = (IF shown > Keep THEN Keep ELSE shown)
                  /\ UNCHANGED up
TShutdown == /\ IsEvent("Shutdown") /\ looks' = 0 /\ UNCHANGED <<ends, asks, wrote>>
             /\ IF up THEN Shutdown ELSE UNCHANGED vars
TRecovered == /\ IsEvent("Recovered") /\ wrote' = Ev.max_offset /\ UNCHANGED <<ends, asks, looks, log>>
              /\ up' = TRUE /\ shown' = Max(shown, Below(Ev.reput))
Step == TAppend \/ TRefused \/ TObserved \/ TPutRequest \/ TWakeup \/ TDispatch \/ TCrash \/ TShutdown \/ TRecovered

Choice(enabled, event) == IF enabled THEN <<ToString(event)>> ELSE <<>>
Allowed ==
  Choice(up, [e |-> "Append"])
  \o (IF asks = {} THEN <<>> ELSE Choice(up, [e |-> "WakeupCustomer",
        ticket |-> (CHOOSE ask \in asks : TRUE)[1], durable |-> TRUE, expired |-> FALSE]))
  \o Choice(~up, [e |-> "Recovered"])
State == [log |-> log, shown |-> shown, up |-> up, ends |-> ends, asks |-> asks, wrote |-> wrote]

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

TInit == /\ t \in 1..Len(Traces) /\ l = 1
         /\ log = <<>> /\ shown = 0 /\ up = FALSE /\ ends = <<>> /\ asks = {}
         /\ wrote = 0 /\ looks = 0
(* Verdicts for a batch; and for those that were not accepted, why *)
TSpec == TInit /\ [][Step \/ Accept]_<<vars, more, t, l>>
WhySpec == TInit /\ [][Step \/ Accept \/ Stuck]_<<vars, more, t, l>>
=============================================================================
