--------------------------- MODULE TraceGroupCommit ---------------------------
(***************************************************************************)
(* Traces of a store under SYNC_FLUSH against GroupCommit, used unchanged. *)
(*                                                                         *)
(* A batch of traces stands in TraceData (made by refimpl/tlc): one        *)
(* initial state each, one event a step.  A trace ends with ACCEPT, or     *)
(* with STUCK: the first event that no step of the model is, the           *)
(* conditions that refused it, the state, and what would have been         *)
(* allowed.  An invariant that fails prints VIOLATES.                      *)
(***************************************************************************)
EXTENDS GroupCommit, TraceData, TLC
VARIABLES t, l,         \* number of the trace, next event
          batches,      \* [from, to] of batches that are not durable: one event, many records
          lastTicket,   \* of this life: the next put that asks gets the next number
          looks         \* observations of this life

Trace == Traces[t]
Ev    == Trace[l]
Ends(keep) == IF keep = 0 THEN durable ELSE live[keep]
(* A blank is no record: where the durable part ends with one, `survived` is the record before *)
Kept(survived) ==
  IF survived < durable /\ NextFile(survived) = durable THEN durable ELSE survived

(* Will the producer of this record ask: its next event says so *)
Waits == IF l < Len(Trace) THEN Trace[l + 1].e = "PutRequest" ELSE FALSE
HeadIs(ticket) == IF requestsRead = <<>> THEN FALSE ELSE Head1.ticket = ticket
Forces == IF Target > flushed THEN Target ELSE 0
NewTicket(ticket) == \A r \in unanswered : r.ticket # ticket

(* Why an event may happen now, condition by condition: each can be evaluated in every state.
   An event is an argument, and not `Ev`, wherever a step needs it: TLC looks an argument up once *)
MayAppend(ev) == <<
  <<"up", up>>,
  <<"Place(size) = offset", Place(ev.size) = ev.offset>> >>
MayBeRefused(ev) == <<
  <<"up", up>>,
  <<"the log ends there, or behind a blank", ev.where \in {Wrote, NextFile(Wrote)}>> >>
MayRemove(ev) == <<
  <<"up", up>>,
  <<"it begins with a file", ev.min_offset % FileSize = 0>>,
  <<"something is left", ev.min_offset <= Wrote>> >>
MayObserve(ev) == <<
  <<"up", up>>,
  <<"the looks are counted", ev.looks = looks + 1>>,
  <<"wrote", ev.wrote = Wrote>>,
  <<"flushed", ev.flushed = flushed>>,
  <<"forcing", ev.forcing = forcing>>,
  <<"Len(requestsWrite)", ev.requests_write = Len(requestsWrite)>>,
  <<"Len(requestsRead)", ev.requests_read = Len(requestsRead)>>,
  <<"unanswered", ev.unanswered = Cardinality(unanswered)>>,
  <<"everybody asked", appended = {}>> >>
MayAsk(ev) == <<
  <<"up", up>>,
  <<"next_offset \\in appended", ev.next_offset \in appended>>,
  <<"the ticket is the next", ev.ticket = lastTicket + 1>> >>
MaySwap(ev) == <<
  <<"FlusherIsFree", FlusherIsFree>>,
  <<"requestsRead is drained", requestsRead = <<>> >>,
  <<"requestsWrite # <<>>", requestsWrite # <<>> >>,
  <<"Len(requestsWrite) = requests", Len(requestsWrite) = ev.requests>> >>
MayFlush(ev) == <<
  <<"FlusherIsFree", FlusherIsFree>>,
  <<"the ticket heads requestsRead", HeadIs(ev.ticket)>>,
  <<"it is not decided", IF requestsRead = <<>> THEN FALSE ELSE ~Decided>>,
  <<"attempts + 1 = attempt", attempts + 1 = ev.attempt>>,
  <<"Target = where", Forces = ev.where>> >>
MayDrop(ev) == <<
  <<"FlusherIsFree", FlusherIsFree>>,
  <<"the ticket heads requestsRead", HeadIs(ev.ticket)>>,
  <<"it is decided", IF requestsRead = <<>> THEN FALSE ELSE Decided>>,
  <<"somebody answered it", IF requestsRead = <<>> THEN FALSE ELSE Head1 \notin unanswered>> >>
MayForce(ev) == <<
  <<"no force is under way", forcing = 0>>,
  <<"nobody waits, or recovery's remainder is not forced",
    flushed < recoveredTo \/ (requestsRead = <<>> /\ requestsWrite = <<>>)>>,
  <<"Target = where", Forces = ev.where>> >>
MayEndForce(ev) == << <<"forcing = where", forcing = ev.where>> >>
MayWakeup(ev) ==
  IF ev.expired
  THEN << <<"up", up>>,
          <<"the producer waits", ~NewTicket(ev.ticket)>>,
          <<"a clock says nothing of durability", ~ev.durable>> >>
  ELSE << <<"FlusherIsFree", FlusherIsFree>>,
          <<"the ticket heads requestsRead", HeadIs(ev.ticket)>>,
          <<"it is decided", IF requestsRead = <<>> THEN FALSE ELSE Decided>>,
          <<"the producer waits", ~NewTicket(ev.ticket)>>,
          <<"IsDurable = durable", IF requestsRead = <<>> THEN FALSE
                                   ELSE IsDurable = ev.durable>> >>
MayCrash(ev) == <<
  <<"the looks are counted", ev.looks = looks>>,
  <<"what is durable survives", ev.survived = -1 \/ Kept(ev.survived) >= durable>>,
  <<"the log ends behind a record", ev.survived = -1 \/ ~ev.power \/
     \E keep \in 0..Len(live) : Ends(keep) = Kept(ev.survived)>>,
  <<"the page cache outlives the process",
    ev.power \/ ev.survived = -1 \/ Wrote \in {ev.survived, NextFile(ev.survived)}>> >>
MayEnd(ev) ==
  IF ev.clean
  THEN << <<"the looks are counted", ev.looks = looks>>,
          <<"everything is durable", live = <<>> /\ flushed = Wrote>>,
          <<"everybody is answered", unanswered = {} /\ appended = {}>>,
          <<"the lists are empty", requestsWrite = <<>> /\ requestsRead = <<>> >> >>
  ELSE <<>>
MayRecover(ev) == <<
  <<"the store is down", ~up>>,
  <<"max_offset is where the crash left the log, or ends a file behind it",
    ev.max_offset = Wrote \/ (ev.max_offset > Wrote /\ ev.max_offset % FileSize = 0)>>,
  <<"flushed is durable", ev.flushed <= durable>>,
  <<"flushed is the end or begins a file",
    ev.flushed = durable \/ ev.flushed % FileSize = 0>> >>

Allows(conditions) == \A i \in DOMAIN conditions : conditions[i][2]
Moves == l' = l + 1 /\ t' = t
Keeps == UNCHANGED <<lastTicket, looks, batches>>

TObserved(ev)     == Allows(MayObserve(ev)) /\ UNCHANGED <<vars, lastTicket, batches>>
                     /\ looks' = ev.looks
TAppend(ev)       == /\ Allows(MayAppend(ev)) /\ DoAppend(ev.size, Waits)
                     /\ batches' = {b \in batches : b.to > durable} \cup
                          (IF ev.messages > 1
                           THEN {[from |-> ev.offset, to |-> ev.offset + ev.size]} ELSE {})
                     /\ UNCHANGED <<lastTicket, looks>>
TPutRequest(ev)   == /\ Allows(MayAsk(ev)) /\ PutRequest(ev.ticket, ev.next_offset)
                     /\ lastTicket' = ev.ticket /\ UNCHANGED <<looks, batches>>
TWakeup(ev)       == /\ Allows(MayWakeup(ev)) /\ Keeps
                     /\ IF ev.expired THEN Expire(ev.ticket) ELSE WakeupCustomer
TFlush(ev)        == Allows(MayFlush(ev)) /\ Flush /\ Keeps
TFlushed(ev)      == Allows(MayEndForce(ev)) /\ Flushed /\ Keeps
TSwapRequests(ev) == Allows(MaySwap(ev)) /\ SwapRequests /\ Keeps
TForceLog(ev)     == Allows(MayForce(ev)) /\ ForceLog /\ Keeps
TForceFailed(ev)  == Allows(MayEndForce(ev)) /\ ForceFailed /\ Keeps
TDropRequest(ev)  == Allows(MayDrop(ev)) /\ DropRequest /\ Keeps
TRefused(ev)      == /\ Allows(MayBeRefused(ev)) /\ Keeps
                     /\ live' = IF ev.where = Wrote THEN live ELSE live \o <<ev.where>>
                     /\ UNCHANGED <<durable, disk, lists, okAtRisk, up>>
(* what retention took is nobody's concern any more, durable or not *)
TRemove(ev)       == /\ Allows(MayRemove(ev)) /\ Keeps
                     /\ durable' = Max(durable, ev.min_offset)
                     /\ flushed' = Max(flushed, ev.min_offset)
                     /\ live' = Above(live, durable')
                     /\ okAtRisk' = {end \in okAtRisk : end > durable'}
                     /\ UNCHANGED <<forcing, recoveredTo, lists, up>>
TCrash(ev)        == /\ Allows(MayCrash(ev))
                     /\ looks' = 0 /\ UNCHANGED <<lastTicket, batches>>
                     /\ \E keep \in 0..Len(live) :
                          /\ IF ev.survived = -1 \/ ~ev.power THEN keep = Len(live)
                             ELSE Ends(keep) = Kept(ev.survived)
                          /\ Crash(keep)
TShutdown(ev)     == /\ Allows(MayEnd(ev))
                     /\ looks' = 0 /\ UNCHANGED <<lastTicket, batches>>
                     /\ IF ev.clean THEN Shutdown ELSE Crash(Len(live))
TRecovered(ev)    == /\ Allows(MayRecover(ev)) /\ Recovered(ev.flushed, ev.max_offset)
                     /\ lastTicket' = 0 /\ batches' = {b \in batches : b.from < Wrote}
                     /\ UNCHANGED looks

(* The machine may stop within an append that nobody heard of: the log goes on behind what the
   trace knows, and only the crash shows it *)
Unheard == Ev.e = "Crash" /\ Ev.power /\ up /\ Ev.survived > Wrote
InBatch(end) == \E b \in batches : b.from < end /\ end < b.to
(* A crash may cut a batch behind one of its records, which no event told of *)
Splits ==
  /\ Ev.e = "Crash" /\ Ev.survived > durable /\ Ev.survived \notin RangeOf(live)
  /\ InBatch(Ev.survived)
  /\ live' = SelectSeq(live, LAMBDA end : end < Ev.survived) \o <<Ev.survived>>
             \o SelectSeq(live, LAMBDA end : end > Ev.survived)
  /\ UNCHANGED <<durable, disk, lists, okAtRisk, up>>
Appends ==
  /\ Unheard
  /\ \E size \in {Ev.survived - Wrote, Ev.survived - NextFile(Wrote), FileSize - MinBlank} :
       size > 0 /\ DoAppend(size, FALSE)
  /\ \E k \in 1..Len(live') : live'[k] = Ev.survived
Between == (Splits \/ Appends) /\ UNCHANGED <<t, l, batches, lastTicket, looks>>

(* One arm, and no look at the others: what there is most of comes first *)
Follow(name, ev) ==
  CASE name = "Observed"       -> TObserved(ev)
    [] name = "Append"         -> TAppend(ev)
    [] name = "PutRequest"     -> TPutRequest(ev)
    [] name = "WakeupCustomer" -> TWakeup(ev)
    [] name = "Flush"          -> TFlush(ev)
    [] name = "Flushed"        -> TFlushed(ev)
    [] name = "SwapRequests"   -> TSwapRequests(ev)
    [] name = "ForceLog"       -> TForceLog(ev)
    [] name = "ForceFailed"    -> TForceFailed(ev)
    [] name = "DropRequest"    -> TDropRequest(ev)
    [] name = "PutRefused"     -> TRefused(ev)
    [] name = "RemoveFirst"    -> TRemove(ev)
    [] name = "Crash"          -> TCrash(ev)
    [] name = "Shutdown"       -> TShutdown(ev)
    [] name = "Recovered"      -> TRecovered(ev)
    [] OTHER                   -> FALSE
StepBy(ev) == (ev.e = "Crash" /\ Between) \/ (Moves /\ Follow(ev.e, ev))
Step == l <= Len(Trace) /\ StepBy(Trace[l])

(* The same for those who ask why *)
Conditions ==
  CASE Ev.e = "Observed"       -> MayObserve(Ev)
    [] Ev.e = "Append"         -> MayAppend(Ev)
    [] Ev.e = "PutRequest"     -> MayAsk(Ev)
    [] Ev.e = "WakeupCustomer" -> MayWakeup(Ev)
    [] Ev.e = "Flush"          -> MayFlush(Ev)
    [] Ev.e \in {"Flushed", "ForceFailed"} -> MayEndForce(Ev)
    [] Ev.e = "SwapRequests"   -> MaySwap(Ev)
    [] Ev.e = "ForceLog"       -> MayForce(Ev)
    [] Ev.e = "DropRequest"    -> MayDrop(Ev)
    [] Ev.e = "PutRefused"     -> MayBeRefused(Ev)
    [] Ev.e = "RemoveFirst"    -> MayRemove(Ev)
    [] Ev.e = "Crash"          -> MayCrash(Ev)
    [] Ev.e = "Shutdown"       -> MayEnd(Ev)
    [] Ev.e = "Recovered"      -> MayRecover(Ev)
    [] OTHER -> <<>>
Refusing == SelectSeq(Conditions, LAMBDA condition : ~condition[2])

(* What would have been allowed, as events *)
Choice(enabled, event) == IF enabled THEN <<ToString(event)>> ELSE <<>>
HasHead == requestsRead # <<>>
Allowed ==
  Choice(up, [e |-> "Append", offset |-> Wrote])
  \o Choice(ENABLED SwapRequests, [e |-> "SwapRequests", requests |-> Len(requestsWrite)])
  \o (IF HasHead THEN Choice(ENABLED Flush, [e |-> "Flush", ticket |-> Head1.ticket,
                                attempt |-> attempts + 1, where |-> Forces]) ELSE <<>>)
  \o (IF HasHead THEN Choice(ENABLED WakeupCustomer,
        [e |-> "WakeupCustomer", ticket |-> Head1.ticket, durable |-> IsDurable,
         expired |-> FALSE]) ELSE <<>>)
  \o (IF HasHead THEN Choice(ENABLED DropRequest,
        [e |-> "DropRequest", ticket |-> Head1.ticket]) ELSE <<>>)
  \o Choice(ENABLED ForceLog, [e |-> "ForceLog", where |-> Forces])
  \o Choice(ENABLED Flushed, [e |-> "Flushed", where |-> forcing])
  \o Choice(ENABLED ForceFailed, [e |-> "ForceFailed", where |-> forcing])
  \o Choice(up /\ unanswered # {}, [e |-> "WakeupCustomer", ticket |->
        IF unanswered = {} THEN 0 ELSE (CHOOSE r \in unanswered : TRUE).ticket,
        durable |-> FALSE, expired |-> TRUE])
  \o Choice(ENABLED Shutdown, [e |-> "Shutdown", clean |-> TRUE])
  \o Choice(up, [e |-> "Observed", looks |-> looks + 1, wrote |-> Wrote, flushed |-> flushed,
                 forcing |-> forcing, requests_write |-> Len(requestsWrite),
                 requests_read |-> Len(requestsRead), unanswered |-> Cardinality(unanswered)])
  \o Choice(up, [e |-> "Crash", survived |-> Wrote, looks |-> looks])
  \o Choice(~up, [e |-> "Recovered", max_offset |-> Wrote, flushed |-> durable])

State ==
  [durable |-> durable, live |-> live, flushed |-> flushed, forcing |-> forcing,
   appended |-> appended, requestsWrite |-> requestsWrite, requestsRead |-> requestsRead,
   unanswered |-> unanswered, attempts |-> attempts, recoveredTo |-> recoveredTo, up |-> up,
   okAtRisk |-> okAtRisk, batches |-> batches, lastTicket |-> lastTicket, looks |-> looks]

Accept ==
  /\ l = Len(Trace) + 1 /\ PrintT(<<"ACCEPT", t>>)
  /\ l' = l + 1 /\ UNCHANGED <<vars, t, batches, lastTicket, looks>>
Stuck ==
  /\ l <= Len(Trace) /\ ~ENABLED Step
  /\ PrintT(<<"STUCK", t, l, ToString([i \in 1..Len(Refusing) |-> Refusing[i][1]]),
              ToString(State), ToString(Allowed)>>)
  /\ FALSE
Holds(name, ok) == ok \/ (PrintT(<<"VIOLATES", t, l, name>>) /\ FALSE)
Report ==
  /\ Holds("OkIsDurable", OkIsDurable)
  /\ Holds("FlushedIsDurable", FlushedIsDurable)
  /\ Holds("PositionsOrdered", PositionsOrdered)
  /\ Holds("ForceStaysInItsFile", ForceStaysInItsFile)
  /\ Holds("WaitingIsListed", WaitingIsListed)

(* A trace begins with what its first start found, all of it below `flushed` durable *)
Found == Traces[t][1]
TInit ==
  /\ t \in 1..Len(Traces) /\ l = 1 /\ batches = {} /\ lastTicket = 0 /\ looks = 0
  /\ durable = IF Found.e = "Recovered" THEN Found.flushed ELSE 0
  /\ live = IF Found.e # "Recovered" THEN <<>>
            ELSE IF Found.cut > Found.flushed THEN <<Found.cut>> ELSE <<>>
  /\ flushed = 0 /\ forcing = 0
  /\ appended = {} /\ requestsWrite = <<>> /\ requestsRead = <<>> /\ unanswered = {}
  /\ attempts = 0 /\ recoveredTo = 0 /\ okAtRisk = {} /\ up = FALSE
(* Verdicts for a batch; and for those that were not accepted, why *)
TSpec == TInit /\ [][Step \/ Accept]_<<vars, t, l, batches, lastTicket, looks>>
WhySpec == TInit /\ [][Step \/ Accept \/ Stuck]_<<vars, t, l, batches, lastTicket, looks>>
=============================================================================
