---------------------------- MODULE TraceRecovery ----------------------------
(***************************************************************************)
(* Traces of a store through all its lives against Recovery, used          *)
(* unchanged: what was on the disk, what the client was told, where the    *)
(* recovery cut, what queues and dispatch show then, crash after crash.    *)
(*                                                                         *)
(* Bytes and slots.  A slot is a record, or the blank that ends its file;  *)
(* ends says at which byte each one ends, so a file has as many slots as   *)
(* it has records.  A half message is one of a queue of its own, which     *)
(* nobody reads.  The log is a window: what is forced, dispatched, in its  *)
(* forced queue and below every place at which a later life begins to read *)
(* is forgotten, with its units; so an event costs the same however long   *)
(* the trace is.                                                           *)
(*                                                                         *)
(* The image.  The trace tells how far the log survived as it was written, *)
(* and whether anything stands behind that in the same file.  That is all  *)
(* that a recovery may look at: what is behind the first hole is one slot, *)
(* torn.  Of units the trace tells nothing, so each that was not forced is *)
(* torn here: Recovery shows that its end is the same for every image of   *)
(* them, and the end of each queue is told.                                *)
(*                                                                         *)
(* The checkpoint.  A trace does not tell when the page was written.  A    *)
(* recovery may begin to read where some checkpoint allows it that         *)
(* WriteCheckpoint could have written; below that all is forced.           *)
(*                                                                         *)
(* Leaves out: retention, which takes slots from the window; orderly ends, *)
(* where everything must be forced and dispatched, and is found again.     *)
(***************************************************************************)
EXTENDS Recovery, TraceData, TLC, Integers
CONSTANTS FileSize, SeesLastFlush
VARIABLES t, l,         \* number of the trace, next event
          low, high,    \* the window of slots
          ends,         \* where each slot ends, and the window begins: bytes; -1 is not known yet
          below,        \* by queue: units that stand before the window
          first,        \* slot behind which the log begins
          part,         \* messages of this append that were appended
          newest,       \* first id of the newest put
          born,         \* lives that began
          asks,         \* who waits: <<ticket, first id, last id>>
          opened,       \* between a start and the end of its life
          rests,        \* the last life came to its orderly end
          owes,         \* queues whose end after the crash is not told yet
          loose,        \* the same of those of which retention took every record
          looks,        \* observations of this life
          overtaken     \* flushed before retention passed it; -1 where no force may end below

window == <<low, high, ends, below, first>>
clients == <<asks, newest, born>>
NoQueue == <<"", 0>>
more == <<window, clients, part, opened, rests, owes, loose, looks, overtaken>>
log == <<cache, platter, queueOf, offsetOf>>
Trace == Traces[t]
Ev    == Trace[l]
up == state = "up"
Is(names) == l <= Len(Trace) /\ Ev.e \in names
Follows(name) == l < Len(Trace) /\ Trace[l + 1].e = name

(* what the windows of Recovery are here *)
TraceWindow == (low + 1)..high
TraceUnitWindow(q) == DOMAIN unitCache[q]
TraceFirstUnit(q) == below[q]
TraceIds == DOMAIN queueOf
TraceHeld(held, i) == IF i \in DOMAIN held THEN held[i] ELSE Empty
TraceHeldUnit(held, q, n) == IF n \in DOMAIN held[q] THEN held[q][n] ELSE Nil
TracePut(held, i, content) ==
  IF i \in DOMAIN held THEN [held EXCEPT ![i] = content]
  ELSE [j \in DOMAIN held \cup {i} |-> IF j = i THEN content ELSE held[j]]
TracePutUnit(held, q, n, unit) == [held EXCEPT ![q] = TracePut(held[q], n, unit)]
EndsFile(slot) == ends[slot] % FileSize = 0
TraceFileBegin(slot) == Greatest({low} \cup {s \in low..slot : EndsFile(s)})
TraceFileEnd(slot) == Least({high} \cup {s \in (slot + 1)..high : EndsFile(s)})
TraceInLog(held, i) == IsRecord(Held(held, i))
TraceRecordsTo(held, end) == 0      \* what readers were shown is StoreObservable's
(* what retention took has nothing to wait for *)
TraceUnitIsForced(i) ==
  LET id == cache[i]
  IN \/ i <= first
     \/ HeldUnit(unitPlatter, queueOf[id], offsetOf[id] + 1) = [at |-> i, id |-> id]
TraceStarts == {s \in low..high : EndsFile(s)}
TraceFirstStart == first
TraceEndFrom(held, place) ==
  LET holes == {i \in (place + 1)..high : ~IsRecord(Held(held, i)) /\ Held(held, i) # Blank}
  IN IF holes = {} THEN high ELSE Least(holes) - 1

Boundary(byte) == ((byte + FileSize - 1) \div FileSize) * FileSize
Knows(byte) == \E s \in low..high : ends[s] = byte
SlotOf(byte) == CHOOSE s \in low..high : ends[s] = byte

(* the lives of each trace, and how far down the later ones look: constants *)
Indices(n, names) ==
  SelectSeq([i \in 1..Len(Traces[n]) |-> i], LAMBDA i : Traces[n][i].e \in names)
Opens == [n \in 1..Len(Traces) |-> Indices(n, {"Recovered"})]
RECURSIVE NeedsFrom(_, _)
NeedsFrom(n, k) ==
  IF k > Len(Opens[n]) THEN <<2^30>>
  ELSE LET rest == NeedsFrom(n, k + 1) IN <<Min(Traces[n][Opens[n][k]].flushed, rest[1])>> \o rest
Needs == [n \in 1..Len(Traces) |-> NeedsFrom(n, 1)]
HasNext == born < Len(Opens[t])
NextLife == Trace[Opens[t][born + 1]]
Needed == Needs[t][born + 1]
TraceScanStart(held) == SlotOf(NextLife.flushed)
StartIsCovered == Knows(NextLife.flushed) /\ ScanStart(cache) \in MayStart(cache)

IsQueue == <<Ev.topic, Ev.queue_id>> \in Queues
QueueOf(event) == IF event.has_unit THEN <<event.topic, event.queue_id>> ELSE NoQueue
LogEnd == ends[wrote - part]
RollsTo == Boundary(LogEnd)
MayBegin(offset) == offset = LogEnd \/ offset = RollsTo
Waiter(ticket) == CHOOSE ask \in asks : ask[1] = ticket
Asks(ticket) == \E ask \in asks : ask[1] = ticket
PlacesOfAsk(ticket) == {i \in Window : cache[i] \in Waiter(ticket)[2]..Waiter(ticket)[3]}
IsForced(ticket) == \A i \in PlacesOfAsk(ticket) : i <= flushedWhere
(* the next record to dispatch, and where dispatch stands in bytes *)
Ready == up /\ reputFromOffset < Confirmed /\ NextPlace <= Confirmed
         /\ Held(cache, NextPlace) # Empty
NextId == cache[NextPlace]
Stands == {ends[i] : i \in reputFromOffset..Max(reputFromOffset, Min(NextPlace - 1, Confirmed))}

(* a force that was under way when its file went; what it wrote is not in the log any more *)
Overtaken == -1 < overtaken /\ overtaken < Ev.where /\ Ev.where <= ends[flushedWhere]

(* a queue that ends at 0 has no file that could be forced: recovery deleted it.
   A queue of which retention took every record may have lost its units *)
HasUnits(q, end) ==
  \E n \in UnitWindow(q) : n <= end /\ HeldUnit(unitCache, q, n).at > first
HasRecords(q) == \E i \in PlacesOf(cache, wrote) : i > first /\ queueOf[cache[i]] = q

(* the crash: how far the log survived, and what is behind *)
power == Ev.power
Untold == Ev.intact = -1
Kept == SlotOf(Ev.intact)
Lost == {i \in Window : i > Kept}
SlotSurvives(i) ==
  IF i <= Kept THEN "new"
  ELSE IF i > Kept + 1 THEN "old"
  ELSE IF Ev.behind THEN "torn" ELSE IF Held(cache, i) = Blank THEN "zero" ELSE "old"
Falls == power /\ ~Untold

LastRecord == LET records == {i \in PlacesOf(cache, wrote) : i > flushedWhere}
              IN IF records = {} THEN flushedWhere ELSE Greatest(records)

(* nobody looks at what is left of a store that is not opened again *)
Over == ~HasNext /\ ~opened
Conditions ==
  CASE Over -> <<>>
    [] Ev.e = "Append" -> <<
         <<"up", up>>,
         <<"it stands where the log ends, or begins a file", MayBegin(Ev.offset)>>,
         <<"NextQueueOffset = queue_offset",
           Ev.has_unit => Ev.queue_offset = NextQueueOffset(QueueOf(Ev)) - part>>,
         <<"there are messages", Ev.messages > 0>> >>
    [] Ev.e = "PutRefused" -> <<
         <<"up", up>>,
         <<"the log ends there, or behind a blank", MayBegin(Ev.where)>> >>
    [] Ev.e = "PutRequest" -> <<
         <<"up", up>>,
         <<"for the end of the newest put", Ev.next_offset = ends[wrote] /\ newest < nextId>>,
         <<"nobody else waits for that",
           \A ask \in asks : ask[1] # Ev.ticket /\ ask[2] # newest>> >>
    [] Ev.e = "WakeupCustomer" -> <<
         <<"up", up>>,
         <<"the producer waits", Asks(Ev.ticket)>>,
         <<"what is told OK is forced", Asks(Ev.ticket) /\ Ev.durable => IsForced(Ev.ticket)>>,
         <<"what is forced is told OK, in time",
           Asks(Ev.ticket) /\ ~Ev.durable /\ SeesLastFlush => Ev.expired \/ ~IsForced(Ev.ticket)>>,
         <<"a clock says nothing of durability", ~(Ev.durable /\ Ev.expired)>> >>
    [] Ev.e = "Flushed" -> <<
         <<"up", up>>,
         <<"flushedWhere < where, or retention overtook the force",
           Overtaken \/ ends[flushedWhere] < Ev.where>>,
         <<"where is the end of a record", Overtaken \/ Knows(Ev.where)>>,
         <<"one file",
           ~Overtaken /\ Knows(Ev.where) => SlotOf(Ev.where) <= FileEnd(flushedWhere)>> >>
    [] Ev.e = "Dispatch" -> <<
         <<"recovery begins where all below is forced", state = "down" => StartIsCovered>>,
         <<"the ends of the queues are told before", up => owes = {}>>,
         <<"there is a record, and it is confirmed", up => Ready>>,
         <<"it is the next one", Ready => ends[NextPlace - 1] = Ev.offset>>,
         <<"it has that size", Ready => ends[NextPlace] \in {-1, Ev.offset + Ev.size}>>,
         <<"and that queue and offset",
           Ready /\ queueOf[NextId] # NoQueue =>
             /\ queueOf[NextId] = <<Ev.topic, Ev.queue_id>>
             /\ offsetOf[NextId] = Ev.queue_offset>> >>
    [] Ev.e = "FlushConsumeQueue" -> <<
         <<"up", up>>,
         <<"a record was put to the queue", IsQueue>>,
         <<"there are so many units", IsQueue => Ev.where <= unitEnd[<<Ev.topic, Ev.queue_id>>]>> >>
    [] Ev.e = "RemoveFirst" -> <<
         <<"up", up>>,
         <<"it begins with a file", Ev.min_offset % FileSize = 0>>,
         <<"all of it was dispatched", Ev.min_offset <= Greatest(Stands)>> >>
    [] Ev.e = "Observed" -> <<
         <<"opened", opened>>,
         <<"the looks are counted", Ev.looks = looks + 1>>,
         <<"wrote", Ev.wrote = ends[wrote]>>,
         <<"flushed", Ev.flushed = ends[flushedWhere]>>,
         <<"reput", Ev.reput \in Stands>>,
         <<"who waits", Ev.unanswered = Cardinality(asks)>> >>
    [] Ev.e = "Unheard" -> <<
         <<"up", up>>,
         <<"it stands where the log ends, or begins a file", MayBegin(Ev.offset)>>,
         <<"NextQueueOffset = queue_offset",
           Ev.has_unit => Ev.queue_offset = NextQueueOffset(QueueOf(Ev))>> >>
    [] Ev.e = "Crash" -> <<
         <<"the looks are counted", Ev.looks = looks>>,
         <<"the image is told", ~power \/ ~Untold \/ ~HasNext \/ Follows("Crash")>>,
         <<"recovery begins where all below is forced",
           state = "down" /\ Falls /\ HasNext => StartIsCovered>>,
         <<"after an orderly end all survives", rests /\ Falls => Ev.intact = ends[wrote]>>,
         <<"the log survives up to a record", Falls /\ state # "down" => Knows(Ev.intact)>>,
         <<"what was forced survives",
           Falls /\ state # "down" /\ Knows(Ev.intact) => Lost \subseteq DirtySlots>> >>
    [] Ev.e = "Shutdown" -> <<
         <<"up", up>>,
         <<"the looks are counted", Ev.looks = looks>>,
         <<"everybody is answered", asks = {}>>,
         <<"everything is forced", Ev.clean => flushedWhere = wrote>>,
         <<"and dispatched", Ev.clean => NextPlace > wrote>>,
         <<"and so are the queues", Ev.clean => \A u \in DirtyUnits : unitEnd[u[1]] = 0>> >>
    [] Ev.e = "ForgetFrom" -> <<
         <<"the store is down", ~opened>>,
         <<"recovery begins where all below is forced", state = "down" => StartIsCovered>>,
         <<"the queue has units, and was not told",
           up => <<Ev.topic, Ev.queue_id>> \in owes \cup loose>>,
         <<"it has no more than were read",
           up /\ IsQueue => Ev.queue_offset <= unitEnd[<<Ev.topic, Ev.queue_id>>]>>,
         <<"the queue ends before what is dispatched again",
           up /\ <<Ev.topic, Ev.queue_id>> \in owes =>
             unitEnd[<<Ev.topic, Ev.queue_id>>] = Ev.queue_offset>> >>
    [] Ev.e = "Recovered" -> <<
         <<"the store is down", ~opened>>,
         <<"an orderly end is one", Ev.clean = rests>>,
         <<"recovery begins where all below is forced", state = "down" => StartIsCovered>>,
         <<"max_offset is the end of the log", up => Ev.max_offset = ends[wrote]>>,
         <<"cut is the end of the last record", up /\ ~rests => Ev.cut = ends[LastRecord]>>,
         <<"after an orderly end all is forced", rests => Ev.flushed = ends[wrote]>>,
         <<"reput", up => Ev.reput \in Stands>>,
         <<"the end of every queue is told", up => owes = {}>> >>
    [] OTHER -> <<>>

Allows == LET all == Conditions IN \A i \in 1..Len(all) : all[i][2]
Refusing == SelectSeq(Conditions, LAMBDA condition : ~condition[2])

-----------------------------------------------------------------------------
(* steps between events *)

Grows(byte) == high' = wrote + 1 /\ ends' = Put(ends, wrote + 1, byte)
(* a blank ends the file *)
MustRoll ==
  /\ up /\ RollsTo > LogEnd
  /\ \/ Is({"Append", "Unheard"}) /\ Ev.offset = RollsTo /\ part = 0
     \/ Is({"PutRefused"}) /\ Ev.where = RollsTo
     \/ Is({"Crash"}) /\ Ev.intact = RollsTo
Rolls == MustRoll /\ EndOfFile /\ Grows(RollsTo) /\ UNCHANGED <<low, below, first, part>>
(* the first messages of a batch: where they end is told when they are dispatched *)
InBatch ==
  /\ Is({"Append"}) /\ Allows /\ Ev.offset = LogEnd /\ part + 1 < Ev.messages
  /\ DoAppend(QueueOf(Ev)) /\ Grows(-1) /\ part' = part + 1 /\ UNCHANGED <<low, below, first>>
(* something of an append that nobody heard of *)
MustTear == Is({"Crash"}) /\ up /\ Falls /\ Ev.behind /\ Ev.intact = ends[wrote] /\ high = wrote
Tears == /\ MustTear /\ ~MustRoll
         /\ DoAppend(NoQueue) /\ Grows(-1) /\ UNCHANGED <<low, below, first, part>>
(* a batch that was cut: the image says where the last message ends that survived *)
Known(places) == {s \in places : ends[s] # -1}
Hidden == {s \in Window : /\ ends[s] = -1 /\ Known(s..high) # {}
                          /\ ends[Greatest(Known(low..s))] < Ev.intact
                          /\ Ev.intact < ends[Least(Known(s..high))]}
MustLearn == Is({"Crash"}) /\ up /\ Falls /\ ~Knows(Ev.intact) /\ Hidden # {}
Learns == /\ MustLearn /\ \E s \in Hidden : ends' = Put(ends, s, Ev.intact)
          /\ UNCHANGED <<vars, low, high, below, first, part>>
(* half messages have no units that could be lost *)
MustForce == Is({"Crash", "Shutdown"}) /\ up /\ unitPlatter[NoQueue] # unitCache[NoQueue]
Halves ==
  /\ MustForce /\ FlushUnits(NoQueue, unitEnd[NoQueue]) /\ UNCHANGED <<window, part>>
MustWrite == /\ Is({"Crash"}) /\ up /\ ~MustForce
             /\ LET place == Covered IN place \in Window /\ cache[place] > checkpoint
Checkpoints == MustWrite /\ WriteCheckpoint /\ UNCHANGED <<window, part>>
(* what is behind the first hole is one slot, to the end of its file *)
MustCompact ==
  /\ state = "down" /\ HasNext /\ Knows(NextLife.flushed)
  /\ LET end == End
     IN end < high /\ ~(high = end + 1 /\ Held(cache, high) = Torn /\ EndsFile(high))
Compact ==
  /\ MustCompact
  /\ LET end == End
         full == \E i \in (end + 1)..FileEnd(end) : Held(cache, i) # Empty
         top == IF full THEN end + 1 ELSE end
     IN /\ cache' = [i \in (low + 1)..top |-> IF i = end + 1 THEN Torn ELSE cache[i]]
        /\ platter' = [i \in (low + 1)..top |-> IF i = end + 1 THEN Torn ELSE Held(platter, i)]
        /\ high' = top
        /\ ends' = [i \in low..top |-> IF i = end + 1 THEN Boundary(ends[end] + 1) ELSE ends[i]]
  /\ UNCHANGED <<queueOf, offsetOf, unitCache, unitPlatter, unitEnd, wrote, flushedWhere,
                 reputFromOffset, checkpoint, state, nextId, crashes, told, low, below, first, part>>
MustRecover ==
  /\ Is({"ForgetFrom", "Dispatch", "Recovered", "Crash"}) /\ state = "down" /\ HasNext
  /\ (Ev.e = "Crash" => Falls) /\ ~MustCompact /\ StartIsCovered
Recovers ==
  /\ MustRecover /\ RecoverAbnormally /\ UNCHANGED <<window, part>>
  /\ owes' = {q \in Queues \ {NoQueue} : unitEnd'[q] > 0 /\ HasUnits(q, unitEnd'[q])}
  /\ loose' = {q \in Queues \ {NoQueue} : unitEnd'[q] > 0 /\ ~HasUnits(q, unitEnd'[q])}
MustServe == Is({"ForgetFrom", "Dispatch", "Recovered"}) /\ state = "recovered"
Serves == MustServe /\ Recovered /\ UNCHANGED <<window, part>>
Between ==
  /\ \/ Recovers
     \/ (Rolls \/ InBatch \/ Tears \/ Learns \/ Halves \/ Checkpoints \/ Compact \/ Serves)
        /\ UNCHANGED <<owes, loose>>
  /\ UNCHANGED <<t, l, clients, opened, rests, looks, overtaken>>

(* the window moves: what lies up to place is forgotten *)
ForgetTo(place) ==
  LET ids == {cache[i] : i \in {j \in Window : j > place}} \cap Ids
      units(q) == {n \in UnitWindow(q) : LET at == HeldUnit(unitCache, q, n).at
                                         IN at > 0 /\ at <= place}
      stays(q) == IF units(q) = {} THEN below[q] ELSE Greatest(units(q))
      rest(held, q) == [n \in {m \in DOMAIN held[q] : m > stays(q)} |-> held[q][n]]
  IN /\ low' = place
     /\ ends' = [i \in place..high |-> ends[i]]
     /\ cache' = [i \in (place + 1)..high |-> Held(cache, i)]
     /\ platter' = [i \in (place + 1)..high |-> Held(platter, i)]
     /\ queueOf' = [id \in ids |-> queueOf[id]] /\ offsetOf' = [id \in ids |-> offsetOf[id]]
     /\ below' = [q \in Queues |-> stays(q)]
     /\ unitCache' = [q \in Queues |-> rest(unitCache, q)]
     /\ unitPlatter' = [q \in Queues |-> rest(unitPlatter, q)]
     /\ acked' = acked \cap ids /\ unknown' = unknown \cap ids
     /\ promised' = promised \cap ids /\ dead' = {}
     /\ UNCHANGED <<unitEnd, wrote, flushedWhere, reputFromOffset, checkpoint, state, nextId,
                    crashes, shown, high, first, part, t, l, clients, opened, rests, owes, loose,
                    looks, overtaken>>
Forgettable ==
  LET done == Min(flushedWhere, reputFromOffset)
  IN IF ~HasNext THEN Min(done, wrote - 1)    \* its file has something to end
     ELSE Greatest({low} \cup {s \in (low + 1)..Min(done, Covered) : ends[s] <= Needed
                                                                    /\ EndsFile(s)})
MayForget == Is({"Observed"}) /\ up /\ wrote > low + 7 /\ Forgettable > low + 7
Forgets == MayForget /\ ForgetTo(Forgettable)

-----------------------------------------------------------------------------
(* events *)
IsEvent(name) ==
  /\ Is({name}) /\ Allows /\ l' = l + 1 /\ t' = t
Same(variables) == UNCHANGED variables

TAppend ==
  /\ IsEvent("Append") /\ Ev.offset = LogEnd /\ part + 1 = Ev.messages
  /\ DoAppend(QueueOf(Ev)) /\ Grows(Ev.offset + Ev.size)
  /\ part' = 0 /\ newest' = nextId - part
  /\ UNCHANGED <<low, below, first, asks, born, opened, rests, owes, loose, looks, overtaken>>
TUnheard ==
  /\ IsEvent("Unheard") /\ Ev.offset = ends[wrote]
  /\ DoAppend(QueueOf(Ev)) /\ Grows(Ev.offset + Ev.size)
  /\ UNCHANGED <<low, below, first, clients, part, opened, rests, owes, loose, looks, overtaken>>
TRefused == IsEvent("PutRefused") /\ Ev.where = ends[wrote] /\ UNCHANGED <<vars, more>>
TPutRequest ==
  /\ IsEvent("PutRequest") /\ asks' = asks \cup {<<Ev.ticket, newest, nextId - 1>>}
  /\ UNCHANGED <<vars, window, newest, born, part, opened, rests, owes, loose, looks, overtaken>>
(* wider than WakeupCustomer: not in the order of the log, and others hear that nobody knows *)
TWakeup ==
  /\ IsEvent("WakeupCustomer") /\ asks' = asks \ {Waiter(Ev.ticket)}
  /\ LET ids == (Waiter(Ev.ticket)[2]..Waiter(Ev.ticket)[3]) \cap Ids
     IN IF Ev.durable THEN /\ acked' = acked \cup ids /\ promised' = promised \cup ids
                           /\ UNCHANGED unknown
        ELSE unknown' = unknown \cup ids /\ UNCHANGED <<acked, promised>>
  /\ UNCHANGED <<log, unitCache, unitPlatter, unitEnd, wrote, flushedWhere, reputFromOffset,
                 checkpoint, state, nextId, crashes, shown, dead, window, newest, born, part, opened,
                 rests, owes, loose, looks, overtaken>>
TFlushed ==
  /\ IsEvent("Flushed") /\ overtaken' = -1
  /\ IF Overtaken THEN UNCHANGED vars ELSE FlushedTo(SlotOf(Ev.where))
  /\ UNCHANGED <<window, clients, part, opened, rests, owes, loose, looks>>
TDispatch ==
  /\ IsEvent("Dispatch") /\ up /\ Dispatch /\ ends' = Put(ends, NextPlace, Ev.offset + Ev.size)
  /\ UNCHANGED <<low, high, below, first, clients, part, opened, rests, owes, loose, looks,
                 overtaken>>
TFlushUnits == /\ IsEvent("FlushConsumeQueue") /\ FlushUnits(<<Ev.topic, Ev.queue_id>>, Ev.where)
               /\ UNCHANGED more
TRemove ==
  /\ IsEvent("RemoveFirst")
  /\ LET place == IF Knows(Ev.min_offset) THEN SlotOf(Ev.min_offset) ELSE low
     IN /\ overtaken' = IF ends[flushedWhere] < Ev.min_offset /\ overtaken = -1
                        THEN ends[flushedWhere] ELSE overtaken
        /\ first' = place /\ flushedWhere' = Max(flushedWhere, place)
        /\ reputFromOffset' = Max(reputFromOffset, place)
        /\ platter' = [i \in Window |-> IF i <= place THEN cache[i] ELSE Held(platter, i)]
        /\ unitPlatter' = [q \in Queues |-> [n \in UnitWindow(q) |->
             IF HeldUnit(unitCache, q, n).at <= place THEN HeldUnit(unitCache, q, n)
             ELSE HeldUnit(unitPlatter, q, n)]]
  /\ UNCHANGED <<cache, queueOf, offsetOf, unitCache, unitEnd, wrote, checkpoint, state, nextId,
                 crashes, told, low, high, ends, below, clients, part, opened, rests, owes, loose,
                 looks>>
TObserved ==
  /\ IsEvent("Observed") /\ ~MayForget /\ looks' = Ev.looks
  /\ UNCHANGED <<vars, window, clients, part, opened, rests, owes, loose, overtaken>>
Ends == /\ born' = born /\ asks' = {} /\ newest' = nextId /\ opened' = FALSE /\ owes' = {}
        /\ loose' = {} /\ looks' = 0 /\ overtaken' = -1
TCrash ==
  /\ ~MustForce /\ IsEvent("Crash") /\ Ends /\ UNCHANGED <<window, part, rests>>
  /\ IF ~HasNext \/ rests \/ (Untold /\ Follows("Crash")) THEN UNCHANGED vars
     ELSE IF ~power THEN IF state = "down" THEN UNCHANGED vars ELSE Kill
     ELSE /\ ~MustRoll /\ ~MustTear /\ ~MustWrite
          /\ CrashTo([i \in DirtySlots |-> SlotSurvives(i)], [u \in DirtyUnits |-> "torn"])
(* the next life looks at the queues for the place where dispatch goes on *)
Stops ==
  /\ reputFromOffset' = Greatest({low} \cup {i \in PlacesOf(cache, reputFromOffset) :
                                              queueOf[cache[i]] # NoQueue})
  /\ UNCHANGED <<log, unitCache, unitPlatter, unitEnd, wrote, flushedWhere, checkpoint, state,
                 nextId, crashes, told>>
TShutdown ==
  /\ ~MustForce /\ IsEvent("Shutdown") /\ Ends /\ rests' = Ev.clean /\ UNCHANGED <<window, part>>
  /\ IF Ev.clean THEN Stops
     ELSE IF Follows("Crash") \/ ~HasNext THEN UNCHANGED vars ELSE Kill
TForgot ==
  /\ IsEvent("ForgetFrom") /\ up
  /\ LET q == <<Ev.topic, Ev.queue_id>>
     IN /\ owes' = owes \ {q} /\ loose' = loose \ {q}
        /\ unitEnd' = [unitEnd EXCEPT ![q] = IF HasRecords(q) THEN @ ELSE Ev.queue_offset]
  /\ UNCHANGED <<log, unitCache, unitPlatter, wrote, flushedWhere, reputFromOffset, checkpoint,
                 state, nextId, crashes, told, window, clients, part, opened, rests, looks, overtaken>>
TRecovered ==
  /\ IsEvent("Recovered") /\ up /\ opened' = TRUE /\ rests' = FALSE /\ owes' = {} /\ loose' = {}
  /\ flushedWhere' = (IF rests THEN wrote ELSE flushedWhere)
  /\ high' = wrote /\ ends' = [i \in low..wrote |-> ends[i]]
  /\ born' = born + 1
  /\ LET gone == {q \in loose : ~HasRecords(q)}
         none == [q \in gone |-> <<>>]
     IN /\ unitEnd' = [q \in gone |-> 0] @@ unitEnd /\ below' = [q \in gone |-> 0] @@ below
        /\ unitCache' = none @@ unitCache /\ unitPlatter' = none @@ unitPlatter
  /\ UNCHANGED <<cache, platter, queueOf, offsetOf, wrote, reputFromOffset, checkpoint, state,
                 nextId, crashes, told, low, first, asks, newest, part, looks, overtaken>>
TOver == IsEvent(Ev.e) /\ Over /\ UNCHANGED <<vars, more>>
Step == \/ Between \/ Forgets \/ TAppend \/ TUnheard \/ TRefused \/ TPutRequest \/ TWakeup
        \/ TFlushed \/ TDispatch \/ TFlushUnits \/ TRemove \/ TObserved \/ TCrash \/ TShutdown
        \/ TForgot \/ TRecovered \/ TOver

Choice(enabled, event) == IF enabled THEN <<ToString(event)>> ELSE <<>>
Allowed ==
  Choice(up, [e |-> "Append", offset |-> ends[wrote]])
  \o Choice(Ready, [e |-> "Dispatch", offset |-> ends[Max(low, NextPlace - 1)]])
  \o Choice(up, [e |-> "Observed", looks |-> looks + 1, wrote |-> ends[wrote],
                 flushed |-> ends[flushedWhere], reput |-> Greatest(Stands)])
  \o Choice(~opened /\ up, [e |-> "Recovered", max_offset |-> ends[wrote],
                            cut |-> ends[LastRecord]])
State ==
  [cache |-> cache, platter |-> platter, ends |-> ends, wrote |-> wrote,
   flushedWhere |-> flushedWhere, reputFromOffset |-> reputFromOffset, unitEnd |-> unitEnd,
   unitCache |-> unitCache, unitPlatter |-> unitPlatter, checkpoint |-> checkpoint,
   queueOf |-> queueOf, offsetOf |-> offsetOf, state |-> state, asks |-> asks,
   promised |-> promised, opened |-> opened, rests |-> rests, owes |-> owes, loose |-> loose,
   low |-> low, high |-> high, below |-> below, first |-> first, part |-> part, newest |-> newest,
   born |-> born, looks |-> looks, overtaken |-> overtaken, nextId |-> nextId,
   crashes |-> crashes, acked |-> acked,
   unknown |-> unknown, shown |-> shown, dead |-> dead]

Accept ==
  /\ l = Len(Trace) + 1 /\ PrintT(<<"ACCEPT", t>>)
  /\ l' = l + 1 /\ UNCHANGED <<vars, more, t>>
(* asked wherever no step between events is due: the furthest of these events is the one that was
   refused.  ENABLED would take the time of all steps squared. *)
Due == \/ MustRoll \/ MustTear \/ MustLearn \/ MustForce \/ MustWrite \/ MustCompact
       \/ MustRecover \/ MustServe
       \/ MayForget
Stuck ==
  /\ l <= Len(Trace) /\ ~Due
  /\ PrintT(<<"STUCK", t, l, ToString([i \in 1..Len(Refusing) |-> Refusing[i][1]]),
              ToString(State), ToString(Allowed)>>)
  /\ FALSE
Holds(name, ok) == ok \/ (PrintT(<<"VIOLATES", t, l, name>>) /\ FALSE)
Starts1 == IF l \in 2..Len(Trace) + 1 THEN Trace[l - 1].e = "Recovered" ELSE FALSE
Report ==
  Starts1 =>
    /\ Holds("PromisedIsThere", PromisedIsThere)
    /\ Holds("DeadStaysDead", DeadStaysDead)
    /\ Holds("UnitsPointToTheirRecords", UnitsPointToTheirRecords)
    /\ Holds("DispatchIsComplete", DispatchIsComplete)
    /\ Holds("ShownIsDurable", ShownIsDurable)

Found1 == Traces[t][1]
TInit ==
  /\ t \in 1..Len(Traces)
  /\ LET begins == IF Found1.e = "Recovered" THEN Found1.max_offset ELSE 0
     IN ends = [i \in {0} |-> begins]
  /\ l = (IF Found1.e = "Recovered" THEN 2 ELSE 1) /\ opened = (Found1.e = "Recovered")
  /\ state = (IF opened THEN "up" ELSE "down")
  /\ low = 0 /\ high = 0 /\ below = [q \in Queues |-> 0] /\ first = 0 /\ part = 0
  /\ newest = 1 /\ born = (IF Found1.e = "Recovered" THEN 1 ELSE 0) /\ asks = {}
  /\ rests = FALSE /\ owes = {} /\ loose = {} /\ looks = 0
  /\ overtaken = -1
  /\ cache = <<>> /\ platter = <<>> /\ queueOf = <<>> /\ offsetOf = <<>>
  /\ unitCache = [q \in Queues |-> <<>>] /\ unitPlatter = [q \in Queues |-> <<>>]
  /\ unitEnd = [q \in Queues |-> 0] /\ wrote = 0 /\ flushedWhere = 0 /\ reputFromOffset = 0
  /\ checkpoint = 0 /\ nextId = 1 /\ crashes = 0
  /\ acked = {} /\ unknown = {} /\ shown = 0 /\ promised = {} /\ dead = {}
(* Verdicts for a batch; and for those that were not accepted, why *)
TSpec == TInit /\ [][Step \/ Accept]_<<vars, more, t, l>>
WhySpec == TInit /\ [][Step \/ Accept \/ Stuck]_<<vars, more, t, l>>
=============================================================================
