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

(* Why an event may happen now, condition by condition: each can be evaluated in every state *)
Conditions ==
  CASE Ev.e = "Append" -> <<
         <<"up", up>>,
         <<"Place(size) = offset", Place(Ev.size) = Ev.offset>> >>
    [] Ev.e = "PutRefused" -> <<
         <<"up", up>>,
         <<"the log ends there, or behind a blank", Ev.where \in {Wrote, NextFile(Wrote)}>> >>
    [] Ev.e = "RemoveFirst" -> <<
         <<"up", up>>,
         <<"it begins with a file", Ev.min_offset % FileSize = 0>>,
         <<"something is left", Ev.min_offset <= Wrote>> >>
    [] Ev.e = "Observed" -> <<
         <<"up", up>>,
         <<"the looks are counted", Ev.looks = looks + 1>>,
         <<"wrote", Ev.wrote = Wrote>>,
         <<"flushed", Ev.flushed = flushed>>,
         <<"forcing", Ev.forcing = forcing>>,
         <<"Len(requestsWrite)", Ev.requests_write = Len(requestsWrite)>>,
         <<"Len(requestsRead)", Ev.requests_read = Len(requestsRead)>>,
         <<"unanswered", Ev.unanswered = Cardinality(unanswered)>>,
         <<"everybody asked", appended = {}>> >>
    [] Ev.e = "PutRequest" -> <<
         <<"up", up>>,
         <<"next_offset \\in appended", Ev.next_offset \in appended>>,
         <<"the ticket is the next", Ev.ticket = lastTicket + 1>> >>
    [] Ev.e = "SwapRequests" -> <<
         <<"FlusherIsFree", FlusherIsFree>>,
         <<"requestsRead is drained", requestsRead = <<>> >>,
         <<"requestsWrite # <<>>", requestsWrite # <<>> >>,
         <<"Len(requestsWrite) = requests", Len(requestsWrite) = Ev.requests>> >>
    [] Ev.e = "Flush" -> <<
         <<"FlusherIsFree", FlusherIsFree>>,
         <<"the ticket heads requestsRead", HeadIs(Ev.ticket)>>,
         <<"it is not decided", IF requestsRead = <<>> THEN FALSE ELSE ~Decided>>,
         <<"attempts + 1 = attempt", attempts + 1 = Ev.attempt>>,
         <<"Target = where", Forces = Ev.where>> >>
    [] Ev.e = "DropRequest" -> <<
         <<"FlusherIsFree", FlusherIsFree>>,
         <<"the ticket heads requestsRead", HeadIs(Ev.ticket)>>,
         <<"it is decided", IF requestsRead = <<>> THEN FALSE ELSE Decided>>,
         <<"somebody answered it", IF requestsRead = <<>> THEN FALSE
                                   ELSE Head1 \notin unanswered>> >>
    [] Ev.e = "ForceLog" -> <<
         <<"no force is under way", forcing = 0>>,
         <<"nobody waits, or recovery's remainder is not forced",
           flushed < recoveredTo \/ (requestsRead = <<>> /\ requestsWrite = <<>>)>>,
         <<"Target = where", Forces = Ev.where>> >>
    [] Ev.e = "Flushed" -> <<
         <<"forcing = where", forcing = Ev.where>> >>
    [] Ev.e = "ForceFailed" -> <<
         <<"forcing = where", forcing = Ev.where>> >>
    [] Ev.e = "WakeupCustomer" /\ Ev.expired -> <<
         <<"up", up>>,
         <<"the producer waits", ~NewTicket(Ev.ticket)>>,
         <<"a clock says nothing of durability", ~Ev.durable>> >>
    [] Ev.e = "WakeupCustomer" /\ ~Ev.expired -> <<
         <<"FlusherIsFree", FlusherIsFree>>,
         <<"the ticket heads requestsRead", HeadIs(Ev.ticket)>>,
         <<"it is decided", IF requestsRead = <<>> THEN FALSE ELSE Decided>>,
         <<"the producer waits", ~NewTicket(Ev.ticket)>>,
         <<"IsDurable = durable", IF requestsRead = <<>> THEN FALSE
                                  ELSE IsDurable = Ev.durable>> >>
    [] Ev.e = "Crash" -> <<
         <<"the looks are counted", Ev.looks = looks>>,
         <<"what is durable survives", Ev.survived = -1 \/ Kept(Ev.survived) >= durable>>,
         <<"the log ends behind a record", Ev.survived = -1 \/ ~Ev.power \/
            \E keep \in 0..Len(live) : Ends(keep) = Kept(Ev.survived)>>,
         <<"the page cache outlives the process",
           Ev.power \/ Ev.survived = -1 \/ Wrote \in {Ev.survived, NextFile(Ev.survived)}>> >>
    [] Ev.e = "Shutdown" /\ Ev.clean -> <<
         <<"the looks are counted", Ev.looks = looks>>,
         <<"everything is durable", live = <<>> /\ flushed = Wrote>>,
         <<"everybody is answered", unanswered = {} /\ appended = {}>>,
         <<"the lists are empty", requestsWrite = <<>> /\ requestsRead = <<>> >> >>
    [] Ev.e = "Recovered" -> <<
         <<"the store is down", ~up>>,
         <<"max_offset is where the crash left the log, or ends a file behind it",
           Ev.max_offset = Wrote \/ (Ev.max_offset > Wrote /\ Ev.max_offset % FileSize = 0)>>,
         <<"flushed is durable", Ev.flushed <= durable>>,
         <<"flushed is the end or begins a file",
           Ev.flushed = durable \/ Ev.flushed % FileSize = 0>> >>
    [] OTHER -> <<>>

Allows == LET all == Conditions IN \A i \in 1..Len(all) : all[i][2]
Refusing == SelectSeq(Conditions, LAMBDA condition : ~condition[2])

IsEvent(name) ==
  /\ l <= Len(Trace) /\ Ev.e = name /\ Allows
  /\ l' = l + 1 /\ t' = t
  /\ lastTicket' = IF name = "PutRequest" THEN Ev.ticket
                   ELSE IF name = "Recovered" THEN 0 ELSE lastTicket
  /\ looks' = IF name = "Observed" THEN Ev.looks
              ELSE IF name \in {"Crash", "Shutdown"} THEN 0 ELSE looks
  /\ batches' = IF name = "Append"
                THEN {b \in batches : b.to > durable} \cup
                     (IF Ev.messages > 1 THEN {[from |-> Ev.offset, to |-> Ev.offset + Ev.size]}
                      ELSE {})
                ELSE IF name = "Recovered" THEN {b \in batches : b.from < Wrote} ELSE batches

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
Between == l <= Len(Trace) /\ (Splits \/ Appends) /\ UNCHANGED <<t, l, batches, lastTicket, looks>>
TObserved     == IsEvent("Observed") /\ UNCHANGED vars
TRefused      == /\ IsEvent("PutRefused")
                 /\ live' = IF Ev.where = Wrote THEN live ELSE live \o <<Ev.where>>
                 /\ UNCHANGED <<durable, disk, lists, okAtRisk, up>>
(* what retention took is nobody's concern any more, durable or not *)
TRemove       == /\ IsEvent("RemoveFirst")
                 /\ durable' = Max(durable, Ev.min_offset)
                 /\ flushed' = Max(flushed, Ev.min_offset)
                 /\ live' = Above(live, durable')
                 /\ okAtRisk' = {end \in okAtRisk : end > durable'}
                 /\ UNCHANGED <<forcing, recoveredTo, lists, up>>
TAppend       == IsEvent("Append") /\ DoAppend(Ev.size, Waits)
TPutRequest   == IsEvent("PutRequest") /\ PutRequest(Ev.ticket, Ev.next_offset)
TSwapRequests == IsEvent("SwapRequests") /\ SwapRequests
TFlush        == IsEvent("Flush") /\ Flush
TDropRequest  == IsEvent("DropRequest") /\ DropRequest
TForceLog     == IsEvent("ForceLog") /\ ForceLog
TFlushed      == IsEvent("Flushed") /\ Flushed
TForceFailed  == IsEvent("ForceFailed") /\ ForceFailed
TWakeup       == IsEvent("WakeupCustomer")
                 /\ IF Ev.expired THEN Expire(Ev.ticket) ELSE WakeupCustomer
TCrash        == /\ IsEvent("Crash")
                 /\ \E keep \in 0..Len(live) :
                      /\ IF Ev.survived = -1 \/ ~Ev.power THEN keep = Len(live)
                         ELSE Ends(keep) = Kept(Ev.survived)
                      /\ Crash(keep)
TShutdown     == IsEvent("Shutdown") /\ IF Ev.clean THEN Shutdown ELSE Crash(Len(live))
TRecovered    == IsEvent("Recovered") /\ Recovered(Ev.flushed, Ev.max_offset)
Step == \/ Between \/ TObserved \/ TRefused \/ TRemove \/ TAppend \/ TPutRequest \/ TSwapRequests \/ TFlush \/ TDropRequest \/ TForceLog
        \/ TFlushed \/ TForceFailed \/ TWakeup \/ TCrash \/ TShutdown \/ TRecovered

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
   unanswered |-> unanswered, attempts |-> attempts, recoveredTo |-> recoveredTo, up |-> up]

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
