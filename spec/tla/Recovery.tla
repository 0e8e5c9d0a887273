------------------------------ MODULE Recovery ------------------------------
(***************************************************************************)
(* What a store is after a crash, and after another one.                   *)
(*                                                                         *)
(* Rules    STORE-RECOVERY-2..8, -10, STORE-FLUSH-12, STORE-CQ-3, -8..10,  *)
(*          -14, -18, STORE-LOG-7, STORE-PROMISE-1, -2, -6..8, -10, -11    *)
(* Code     refimpl/store/recovery.py, and what it calls in                *)
(*          consume_queue.py, reput.py and message_store.py                *)
(*                                                                         *)
(* Says     Whatever part of the unforced writes a crash leaves: what was  *)
(*          acknowledged as durable, or shown to a reader, is there again  *)
(*          and readable at its queue offset, and what a recovery cut off  *)
(*          never comes back.                                              *)
(*                                                                         *)
(* How      The log and the queues are slots.  Each slot has what the page *)
(*          cache holds and what the platter holds; a force copies one     *)
(*          file, or its beginning; a power failure takes, slot by slot,   *)
(*          either of them, or garbage where they differ.  Records and     *)
(*          units are known by the identity of their message: a unit of    *)
(*          another message has a wrong size or a wrong tag, and delivers  *)
(*          garbage.  TraceRecovery holds traces against it, where slots   *)
(*          are those of a window: Window, UnitWindow, Ids, Held, Put and  *)
(*          the bounds of files are operators so that they can move.       *)
(*                                                                         *)
(* Leaves out, and why that is safe                                        *)
(*   - Sizes: Dispatch and MappedFileQueue have them.                      *)
(*   - Requests that wait, time-outs, failed forces: GroupCommit.          *)
(*   - Retention: it deletes only what was forced, from the other end.     *)
(*   - Names of files: each creation syncs its directory before the file   *)
(*     is used (MappedFileQueue).                                          *)
(*   - Clocks: the store time of a message is its identity, which grows;   *)
(*     the three seconds that the checkpoint is trusted less are for many  *)
(*     messages in one millisecond (STORE-RECOVERY-3).                     *)
(*   - Orderly ends: all is forced and dispatched, nothing to recover.     *)
(*   - The index: it is built again from the log, and promises nothing.    *)
(***************************************************************************)
EXTENDS Naturals, Sequences, FiniteSets

CONSTANTS Queues,      \* queues
          Slots,       \* of the log; units of a queue: as many
          FileSlots,   \* slots of one mapped file of the log
          MaxId,       \* bound: messages ever put
          MaxCrashes,  \* bound
          SyncFlush,
          Design       \* "recovery", or the name of a wrong design

ASSUME Design \in {"recovery", "trustsUnits", "keepsTail", "blanksInPlace",
                   "toTheCheckpoint", "countsAsFlushed", "dispatchesWritten"}

Empty == 0
Torn == MaxId + 1
Blank == MaxId + 2      \* the record that ends a file
IsRecord(content) == content \in 1..MaxId
Nil == [at |-> 0, id |-> 0]
TornUnit == [at |-> 1, id |-> Torn]

VARIABLES cache, platter,     \* log: slot -> id, Blank, Empty or Torn
          queueOf, offsetOf,  \* what a record says of itself, by id
          unitCache, unitPlatter, \* by queue and place: a unit [at, id]
          unitEnd,            \* by queue: units that the store counts
          wrote,              \* slots of the log that the store counts
          flushedWhere, reputFromOffset,
          checkpoint,         \* the newest id that was dispatched with all forced up to it
          state,              \* "up", "down", "recovered" (what recovery cut is not forced yet)
          nextId, crashes,
          acked, unknown,     \* ids that were told OK; ids of whom a crash took the producer
          shown,              \* slots that readers were shown
          promised,           \* ids that must be there: told OK, or shown under SYNC_FLUSH
          dead                \* ids that a recovery has cut off

vars == <<cache, platter, queueOf, offsetOf, unitCache, unitPlatter, unitEnd, wrote, flushedWhere,
          reputFromOffset, checkpoint, state, nextId, crashes, acked, unknown, shown, promised,
          dead>>
told == <<acked, unknown, shown, promised, dead>>

Min(a, b) == IF a < b THEN a ELSE b
Max(a, b) == IF a > b THEN a ELSE b
Least(places) == CHOOSE i \in places : \A j \in places : i <= j
Greatest(places) == CHOOSE i \in places : \A j \in places : j <= i
Window == 1..Slots
UnitWindow(q) == 1..Slots
FirstUnit(q) == 0       \* units that stand before those
Ids == 1..(nextId - 1)
Held(held, i) == held[i]
HeldUnit(held, q, n) == held[q][n]
Put(held, i, content) == [held EXCEPT ![i] = content]
PutUnit(held, q, n, unit) == [held EXCEPT ![q][n] = unit]
FileBegin(slot) == (slot \div FileSlots) * FileSlots
FileEnd(slot) == Min(Slots, FileBegin(slot) + FileSlots)
(* a blank record reaches to the end of its file: what stands there is no record *)
InLog(log, i) == /\ IsRecord(Held(log, i))
                 /\ \A j \in Window : j < i /\ FileEnd(j - 1) = FileEnd(i - 1)
                                      => Held(log, j) # Blank
PlacesOf(log, end) == {i \in Window : i <= end /\ InLog(log, i)}
IdsOf(log, end) == {log[i] : i \in PlacesOf(log, end)}
(* in order *)
RecordsOf(log, end) ==
  LET places == SelectSeq([i \in 1..end |-> i], LAMBDA i : InLog(log, i))
  IN [n \in 1..Len(places) |-> log[places[n]]]
RecordsTo(log, end) == Len(RecordsOf(log, end))
Confirmed == IF SyncFlush /\ Design # "dispatchesWritten" THEN flushedWhere ELSE wrote

Init == /\ cache = [i \in 1..Slots |-> Empty] /\ platter = [i \in 1..Slots |-> Empty]
        /\ queueOf = [id \in 1..MaxId |-> CHOOSE q \in Queues : TRUE]
        /\ offsetOf = [id \in 1..MaxId |-> 0]
        /\ unitCache = [q \in Queues |-> [i \in 1..Slots |-> Nil]]
        /\ unitPlatter = [q \in Queues |-> [i \in 1..Slots |-> Nil]]
        /\ unitEnd = [q \in Queues |-> 0]
        /\ wrote = 0 /\ flushedWhere = 0 /\ reputFromOffset = 0 /\ checkpoint = 0
        /\ state = "down" /\ nextId = 1 /\ crashes = 0
        /\ acked = {} /\ unknown = {} /\ shown = 0 /\ promised = {} /\ dead = {}

-----------------------------------------------------------------------------
(* the running store *)

(* records of q in the log, at or behind the end of its units, get the next offsets *)
NextQueueOffset(q) ==
  unitEnd[q] + Cardinality({i \in PlacesOf(cache, wrote) : i > reputFromOffset
                                                           /\ queueOf[cache[i]] = q})

DoAppend(q) ==
  /\ state = "up" /\ wrote < Slots /\ nextId <= MaxId
  /\ cache' = Put(cache, wrote + 1, nextId)
  /\ queueOf' = Put(queueOf, nextId, q)
  /\ offsetOf' = Put(offsetOf, nextId, NextQueueOffset(q))
  /\ wrote' = wrote + 1 /\ nextId' = nextId + 1
  /\ UNCHANGED <<platter, unitCache, unitPlatter, unitEnd, flushedWhere, reputFromOffset,
                 checkpoint, state, crashes, told>>

(* a record that does not fit: a blank ends the file before it *)
EndOfFile ==
  /\ state = "up" /\ wrote < Slots /\ FileBegin(wrote) < wrote
  /\ cache' = Put(cache, wrote + 1, Blank) /\ wrote' = Max(wrote + 1, FileEnd(wrote))
  /\ UNCHANGED <<platter, queueOf, offsetOf, unitCache, unitPlatter, unitEnd, flushedWhere,
                 reputFromOffset, checkpoint, state, nextId, crashes, told>>

(* the file that holds flushedWhere was forced: what stood there when the force began *)
FlushedTo(to) ==
  /\ state = "up" /\ flushedWhere < to /\ to <= Min(wrote, FileEnd(flushedWhere))
  /\ LET begin == FileBegin(flushedWhere)
         end == IF to = wrote THEN FileEnd(flushedWhere) ELSE to
     IN platter' = [i \in Window |-> IF i > begin /\ i <= end THEN Held(cache, i)
                                    ELSE Held(platter, i)]
  /\ flushedWhere' = to
  /\ UNCHANGED <<cache, queueOf, offsetOf, unitCache, unitPlatter, unitEnd, wrote,
                 reputFromOffset, checkpoint, state, nextId, crashes, told>>
(* here all of it; traces also have the force that began before the newest records *)
Flushed == /\ flushedWhere < wrote
           /\ FlushedTo(Min(wrote, FileEnd(flushedWhere)))

(* the next producer whose record is durable is told OK *)
Waits(i) == InLog(cache, i) /\ cache[i] \notin acked \cup unknown
WakeupCustomer ==
  /\ state = "up"
  /\ \E i \in 1..flushedWhere :
       /\ Waits(i) /\ \A j \in 1..(i - 1) : ~Waits(j)
       /\ acked' = acked \cup {cache[i]} /\ promised' = promised \cup {cache[i]}
  /\ UNCHANGED <<cache, platter, queueOf, offsetOf, unitCache, unitPlatter, unitEnd, wrote,
                 flushedWhere, reputFromOffset, checkpoint, state, nextId, crashes, unknown, shown,
                 dead>>

(* where the newest record ends that a queue knows *)
MaxPhysicOffset(q) ==
  IF unitEnd[q] \in UnitWindow(q) THEN HeldUnit(unitCache, q, unitEnd[q]).at ELSE 0

(* one record; its unit is written and can be read. STORE-CQ-3: what was dispatched before is
   left alone *)
NextPlace == LET places == {i \in Window : i > reputFromOffset /\ InLog(cache, i)}
             IN IF places = {} THEN wrote + 1 ELSE Least(places)
Dispatch ==
  /\ state = "up" /\ reputFromOffset < Confirmed /\ NextPlace <= Confirmed
  /\ LET at == NextPlace
         id == cache[at]
         q == queueOf[id]
         known == at <= MaxPhysicOffset(q) \/ (offsetOf[id] > 0 /\ offsetOf[id] < unitEnd[q])
     IN /\ unitCache' = IF known THEN unitCache
                        ELSE PutUnit(unitCache, q, unitEnd[q] + 1, [at |-> at, id |-> id])
        /\ unitEnd' = IF known THEN unitEnd ELSE [unitEnd EXCEPT ![q] = @ + 1]
        /\ promised' = IF SyncFlush THEN promised \cup {id} ELSE promised
        /\ reputFromOffset' = at /\ shown' = Max(shown, RecordsTo(cache, at))
  /\ UNCHANGED <<cache, platter, queueOf, offsetOf, unitPlatter, wrote, flushedWhere, checkpoint,
                 state, nextId, crashes, acked, unknown, dead>>

(* FlushConsumeQueueService forced the first units of a queue; the checkpoint page may or may not
   follow *)
FlushUnits(q, end) ==
  /\ state = "up" /\ end <= unitEnd[q]
  /\ unitPlatter' = [unitPlatter EXCEPT ![q] =
       [n \in UnitWindow(q) |-> IF n <= end \/ end = unitEnd[q] THEN HeldUnit(unitCache, q, n)
                                ELSE HeldUnit(unitPlatter, q, n)]]
  /\ UNCHANGED <<cache, platter, queueOf, offsetOf, unitCache, unitEnd, wrote, flushedWhere,
                 reputFromOffset, checkpoint, state, nextId, crashes, told>>
FlushConsumeQueue ==
  \E q \in Queues : unitPlatter[q] # unitCache[q] /\ FlushUnits(q, unitEnd[q])

(* where the records end that were forced, and their units *)
UnitIsForced(i) ==
  LET id == cache[i]
  IN HeldUnit(unitPlatter, queueOf[id], offsetOf[id] + 1) = [at |-> i, id |-> id]
Covered ==
  LET places == PlacesOf(cache, Min(flushedWhere, reputFromOffset))
      open == {i \in places : ~UnitIsForced(i)}
      closed == {i \in places : \A j \in open : i < j}
  IN IF closed = {} THEN 0 ELSE Greatest(closed)
WriteCheckpoint ==
  /\ state = "up" /\ Covered \in Window
  /\ checkpoint' = cache[Covered] /\ checkpoint' # checkpoint
  /\ UNCHANGED <<cache, platter, queueOf, offsetOf, unitCache, unitPlatter, unitEnd, wrote,
                 flushedWhere, reputFromOffset, state, nextId, crashes, told>>

-----------------------------------------------------------------------------
(* the power fails: of each write that was not forced, any may be there, and torn; a blank may be
   missing from the zeros that it stood on *)
Survives == {"old", "new", "torn", "zero"}
DirtySlots == {i \in Window : Held(cache, i) # Held(platter, i)}
DirtyUnits == {u \in UNION {{q} \X UnitWindow(q) : q \in Queues} :
                 HeldUnit(unitCache, u[1], u[2]) # HeldUnit(unitPlatter, u[1], u[2])}

Starts == {f * FileSlots : f \in 0..((Slots - 1) \div FileSlots)}
(* STORE-RECOVERY-3: the newest file whose first record is not newer than the checkpoint *)
FirstStart == 0
MayStart(log) ==
  {s \in Starts : s <= FirstStart \/ (IsRecord(Held(log, s + 1)) /\ Held(log, s + 1) <= checkpoint)}
ScanStart(log) == Greatest(MayStart(log))
RECURSIVE EndFrom(_, _)
(* STORE-RECOVERY-2: the first place behind which there is neither a record nor the end of a file *)
EndFrom(log, place) ==
  IF place + 1 \notin Window THEN place
  ELSE IF IsRecord(Held(log, place + 1)) THEN EndFrom(log, place + 1)
  ELSE IF Held(log, place + 1) = Blank THEN EndFrom(log, FileEnd(place))
  ELSE place
ScanEnd(log) ==
  IF Design = "toTheCheckpoint"
  THEN Cardinality({i \in PlacesOf(log, Slots) : log[i] <= checkpoint})
  ELSE EndFrom(log, ScanStart(log))

Ended(log) ==
  /\ state' = "down" /\ crashes' = crashes + 1
  /\ wrote' = 0 /\ flushedWhere' = 0 /\ reputFromOffset' = 0
  /\ unitEnd' = [q \in Queues |-> 0]
  /\ unknown' = unknown \cup (Ids \ acked)
  /\ shown' = Min(shown, RecordsTo(log, ScanEnd(log)))
  /\ UNCHANGED <<queueOf, offsetOf, checkpoint, nextId, acked, promised, dead>>

(* of each dirty slot s says what survives, and u of each dirty unit *)
CrashTo(s, u) ==
  /\ state # "down" /\ crashes < MaxCrashes
  /\ \A i \in DOMAIN s : s[i] = "zero" => Held(cache, i) = Blank
  /\ LET log == [i \in Window |->
                   IF i \notin DOMAIN s THEN Held(cache, i)
                   ELSE CASE s[i] = "new" -> Held(cache, i) [] s[i] = "old" -> Held(platter, i)
                          [] s[i] = "zero" -> Empty [] OTHER -> Torn]
         units == [q \in Queues |-> [n \in UnitWindow(q) |->
                     IF <<q, n>> \notin DOMAIN u \/ u[<<q, n>>] = "new"
                     THEN HeldUnit(unitCache, q, n)
                     ELSE IF u[<<q, n>>] = "old" THEN HeldUnit(unitPlatter, q, n) ELSE TornUnit]]
     IN /\ cache' = log /\ platter' = log
        /\ unitCache' = units /\ unitPlatter' = units
        /\ Ended(log)
Crash == \E s \in [DirtySlots -> Survives], u \in [DirtyUnits -> Survives \ {"zero"}] :
           CrashTo(s, u)

(* the process dies; the page cache outlives it and says nothing of the platter *)
Kill ==
  /\ state # "down" /\ crashes < MaxCrashes
  /\ Ended(cache)
  /\ UNCHANGED <<cache, platter, unitCache, unitPlatter>>

-----------------------------------------------------------------------------
(* read, cut, close: all of it in the page cache only, but for the files that go *)

End == ScanEnd(cache)
(* STORE-CQ-8: units up to the first empty one *)
LastUnit(q) == FirstUnit(q) + Cardinality(UnitWindow(q))
Before(q, units) == IF units = {} THEN LastUnit(q) ELSE Least(units) - 1
UnitsFound(q) == Before(q, {n \in UnitWindow(q) : HeldUnit(unitCache, q, n) = Nil})

(* the unit at n is that of a record which carries this queue and offset *)
IsUnit(unit, q, n) == /\ unit.at \in Window /\ Held(cache, unit.at) = unit.id
                      /\ IsRecord(unit.id) /\ unit.at <= End
                      /\ queueOf[unit.id] = q /\ offsetOf[unit.id] = n - 1
(* STORE-RECOVERY-10: units of what is read are forgotten and dispatched again: those that point
   there, those that stand where the first of them belongs, and then those at the end that name
   no record of theirs *)
Read(q) == LET start == ScanStart(cache)
           IN {i \in PlacesOf(cache, End) : i > start /\ queueOf[cache[i]] = q}
Truncated(q, place) ==
  Min(UnitsFound(q), Before(q, {n \in UnitWindow(q) : HeldUnit(unitCache, q, n).at > place}))
SoundTo(q, end) ==
  LET sound == {n \in UnitWindow(q) : n <= end /\ IsUnit(HeldUnit(unitCache, q, n), q, n)}
  IN IF sound = {} THEN FirstUnit(q) ELSE Greatest(sound)
ForgetFrom(q) ==
  LET read == Read(q)
      first == offsetOf[cache[Least(read)]]
      found == Truncated(q, ScanStart(cache))
  IN SoundTo(q, IF read = {} THEN found ELSE Min(found, first))
(* wrong, and Apache's: only what points behind the end of the log goes *)
TruncateDirty(q) == Truncated(q, End)

(* STORE-RECOVERY-6: where something stands behind the cut, a blank record closes its file: new
   records over old ones, or over zeros that are not forced, would let the old ones come back *)
FileOfEnd == FileEnd(End)
Closes == LET end == End
          IN /\ Design \notin {"keepsTail", "blanksInPlace"}
             /\ \E i \in (end + 1)..FileEnd(end) : Held(cache, i) # Empty

(* the blank of the last file is written again: until that is forced it may be missing *)
RecoverAbnormally ==
  /\ state = "down"
  /\ LET kept == [q \in Queues |-> IF Design = "trustsUnits" THEN TruncateDirty(q)
                                   ELSE ForgetFrom(q)]
     IN /\ unitEnd' = kept
        /\ unitCache' = [q \in Queues |-> [n \in UnitWindow(q) |->
                           IF n <= kept[q] THEN HeldUnit(unitCache, q, n) ELSE Nil]]
  /\ LET end == End
         file == FileOfEnd
         start == Min(ScanStart(cache), end)
         closes == Closes
         stays == IF Design = "keepsTail" THEN file ELSE end
     IN /\ cache' = [i \in Window |-> IF i <= stays THEN Held(cache, i)
                                      ELSE IF closes /\ i = end + 1 THEN Blank ELSE Empty]
        /\ platter' = [i \in Window |-> IF i > file THEN Empty
                                        ELSE IF i = end /\ Held(cache, i) = Blank THEN Torn
                                        ELSE Held(platter, i)]
        /\ wrote' = IF closes THEN file ELSE end
        /\ flushedWhere' = IF Design = "countsAsFlushed" THEN wrote' ELSE start
        /\ reputFromOffset' = start
  /\ state' = "recovered"
  /\ UNCHANGED <<queueOf, offsetOf, unitPlatter, checkpoint, nextId, crashes, told>>

(* the store serves; what was read is shown when it was forced *)
Recovered ==
  /\ state = "recovered"
  /\ dead' = dead \cup (Ids \ IdsOf(cache, wrote))
  /\ state' = "up"
  /\ UNCHANGED <<cache, platter, queueOf, offsetOf, unitCache, unitPlatter, unitEnd, wrote,
                 flushedWhere, reputFromOffset, checkpoint, nextId, crashes, acked, unknown, shown,
                 promised>>

(* The running store ends files in RecoveryRolls alone, and in traces.  The other bounds have the
   blanks with which a recovery ends a file, behind which records stand in the same way, and so
   room for a message more *)
EndsFiles == FALSE
Always == TRUE
Next ==
  \/ \E q \in Queues : DoAppend(q)
  \/ EndsFiles /\ EndOfFile
  \/ Flushed \/ WakeupCustomer \/ Dispatch \/ FlushConsumeQueue \/ WriteCheckpoint
  \/ Crash \/ Kill \/ RecoverAbnormally \/ Recovered

Spec == Init /\ [][Next]_vars
FairSpec == /\ Spec /\ WF_vars(Flushed) /\ WF_vars(Dispatch)
            /\ WF_vars(RecoverAbnormally) /\ WF_vars(Recovered)

-----------------------------------------------------------------------------

TypeOK == /\ wrote \in 0..Slots /\ flushedWhere \in 0..wrote /\ reputFromOffset \in 0..wrote
          /\ checkpoint \in 0..MaxId /\ state \in {"up", "down", "recovered"}
          /\ \A i \in 1..Slots : cache[i] \in 0..Blank /\ platter[i] \in 0..Blank

Up == state = "up"

(* what was acknowledged as durable, or shown under SYNC_FLUSH, is in the log *)
PromisedIsThere == Up => promised \subseteq IdsOf(cache, wrote)

(* what a recovery has cut off is never believed later *)
DeadStaysDead == Up => dead \cap IdsOf(cache, wrote) = {}

(* every unit names the record that carries its queue and its offset *)
UnitsPointToTheirRecords ==
  Up => \A q \in Queues : \A n \in {m \in UnitWindow(q) : m <= unitEnd[q]} :
          LET unit == HeldUnit(unitCache, q, n) IN
            /\ unit.id \in Ids /\ unit.at <= wrote /\ cache[unit.at] = unit.id
            /\ queueOf[unit.id] = q /\ offsetOf[unit.id] = n - 1

(* every record of the log up to where dispatch has come can be read at its offset *)
DispatchIsComplete ==
  Up => \A i \in {j \in PlacesOf(cache, reputFromOffset) : j > FirstStart} :
          LET id == cache[i] IN
            HeldUnit(unitCache, queueOf[id], offsetOf[id] + 1) = [at |-> i, id |-> id]
            /\ offsetOf[id] < unitEnd[queueOf[id]]

(* no queue offset is given twice *)
OffsetsAreGivenOnce ==
  Up => \A i, j \in PlacesOf(cache, wrote) :
          i < j /\ queueOf[cache[i]] = queueOf[cache[j]]
            => offsetOf[cache[i]] < offsetOf[cache[j]]

LogIsWhole == Up => EndFrom(cache, 0) >= wrote
ShownIsDurable ==
  Up /\ SyncFlush =>
    /\ reputFromOffset <= flushedWhere
    /\ \A i \in PlacesOf(cache, reputFromOffset) : Held(cache, i) = Held(platter, i)

Readable(id) == Up /\ \E q \in Queues, n \in 1..Slots :
                        n <= unitEnd[q] /\ unitCache[q][n].id = id
(* what was promised is served again, however often the store fell *)
EveryPromiseIsServed == \A id \in 1..MaxId : (id \in promised) ~> Readable(id)

(* the promise to clients: the log is what the next recovery will find *)
Told(id) == IF id \in acked THEN "ok" ELSE IF id \in unknown THEN "unknown" ELSE "waits"
Found == RecordsOf(cache, IF state = "down" THEN End ELSE wrote)
AllAnswers == {"waits", "ok", "cached", "unknown"}
NeverLostSync == [kill |-> AllAnswers, power |-> {"ok"}]
ShownIsSafeSync == [kill |-> TRUE, power |-> TRUE]
Observable == INSTANCE StoreObservable WITH
  log <- [i \in 1..Len(Found) |-> Told(Found[i])],
  shown <- shown, up <- state # "down", MaxMessages <- Slots,
  Accidents <- {"kill", "power"}, NeverLost <- NeverLostSync, ShownIsSafe <- ShownIsSafeSync
ObservableSpec == Observable!Init /\ [][Observable!Next]_(Observable!vars)

(* Debug: reachable, so these must fail *)
NeverClosesAFile ==
  ~(Up /\ dead # {} /\ \E i \in 1..wrote : cache[i] = Blank /\ \E j \in i..wrote : cache[j] \in promised)
NeverLosesAfterTwoCrashes == ~(Up /\ crashes = MaxCrashes /\ dead # {} /\ promised # {})
=============================================================================
