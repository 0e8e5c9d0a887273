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
(*          file; a power failure takes, slot by slot, either of them, or  *)
(*          garbage where they differ.  Records and units are known by the *)
(*          identity of their message: a unit of another message has a     *)
(*          wrong size or a wrong tag, and delivers garbage.               *)
(*                                                                         *)
(* Leaves out, and why that is safe                                        *)
(*   - Sizes and blank records: Dispatch and MappedFileQueue have them.    *)
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
FileEnd(slot) == Min(Slots, ((slot \div FileSlots) + 1) * FileSlots)
(* a blank record reaches to the end of its file: what stands there is no record *)
InLog(log, i) == /\ IsRecord(log[i])
                 /\ \A j \in 1..(i - 1) : FileEnd(j - 1) = FileEnd(i - 1) => log[j] # Blank
PlacesOf(log, end) == {i \in 1..end : InLog(log, i)}
IdsOf(log, end) == {log[i] : i \in PlacesOf(log, end)}
(* in order *)
RecordsOf(log, end) ==
  LET places == SelectSeq([i \in 1..end |-> i], LAMBDA i : InLog(log, i))
  IN [n \in 1..Len(places) |-> log[places[n]]]
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
  /\ cache' = [cache EXCEPT ![wrote + 1] = nextId]
  /\ queueOf' = [queueOf EXCEPT ![nextId] = q]
  /\ offsetOf' = [offsetOf EXCEPT ![nextId] = NextQueueOffset(q)]
  /\ wrote' = wrote + 1 /\ nextId' = nextId + 1
  /\ UNCHANGED <<platter, unitCache, unitPlatter, unitEnd, flushedWhere, reputFromOffset,
                 checkpoint, state, crashes, told>>

(* the file that holds flushedWhere was forced *)
InFile(i, slot) == i > (slot \div FileSlots) * FileSlots /\ i <= FileEnd(slot)
Flushed ==
  /\ state = "up" /\ flushedWhere < wrote
  /\ platter' = [i \in 1..Slots |-> IF InFile(i, flushedWhere) THEN cache[i] ELSE platter[i]]
  /\ flushedWhere' = Min(wrote, FileEnd(flushedWhere))
  /\ UNCHANGED <<cache, queueOf, offsetOf, unitCache, unitPlatter, unitEnd, wrote,
                 reputFromOffset, checkpoint, state, nextId, crashes, told>>

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
MaxPhysicOffset(q) == IF unitEnd[q] = 0 THEN 0 ELSE unitCache[q][unitEnd[q]].at
Max(a, b) == IF a > b THEN a ELSE b

(* one record; its unit is written and can be read. STORE-CQ-3: what was dispatched before is
   left alone *)
NextPlace == (IF cache[reputFromOffset + 1] = Blank THEN FileEnd(reputFromOffset)
             ELSE reputFromOffset) + 1
Dispatch ==
  /\ state = "up" /\ reputFromOffset < Confirmed /\ NextPlace <= Confirmed
  /\ LET at == NextPlace
         id == cache[at]
         q == queueOf[id]
         known == at <= MaxPhysicOffset(q) \/ (offsetOf[id] > 0 /\ offsetOf[id] < unitEnd[q])
     IN /\ unitCache' = IF known THEN unitCache
                        ELSE [unitCache EXCEPT ![q][unitEnd[q] + 1] = [at |-> at, id |-> id]]
        /\ unitEnd' = IF known THEN unitEnd ELSE [unitEnd EXCEPT ![q] = @ + 1]
        /\ promised' = IF SyncFlush THEN promised \cup {id} ELSE promised
        /\ reputFromOffset' = at /\ shown' = Max(shown, Len(RecordsOf(cache, at)))
  /\ UNCHANGED <<cache, platter, queueOf, offsetOf, unitPlatter, wrote, flushedWhere, checkpoint,
                 state, nextId, crashes, acked, unknown, dead>>

(* a round of FlushConsumeQueueService; the checkpoint page may or may not follow *)
FlushConsumeQueue ==
  /\ state = "up" /\ unitPlatter # unitCache
  /\ unitPlatter' = unitCache
  /\ UNCHANGED <<cache, platter, queueOf, offsetOf, unitCache, unitEnd, wrote, flushedWhere,
                 reputFromOffset, checkpoint, state, nextId, crashes, told>>

WriteCheckpoint ==
  /\ state = "up" /\ unitPlatter = unitCache /\ Min(flushedWhere, reputFromOffset) > 0
  /\ InLog(cache, Min(flushedWhere, reputFromOffset))
  /\ checkpoint' = cache[Min(flushedWhere, reputFromOffset)] /\ checkpoint' # checkpoint
  /\ UNCHANGED <<cache, platter, queueOf, offsetOf, unitCache, unitPlatter, unitEnd, wrote,
                 flushedWhere, reputFromOffset, state, nextId, crashes, told>>

-----------------------------------------------------------------------------
(* the power fails: of each write that was not forced, any may be there, and torn *)
Survives == {"old", "new", "torn"}
DirtySlots == {i \in 1..Slots : cache[i] # platter[i]}
DirtyUnits == {u \in Queues \X (1..Slots) : unitCache[u[1]][u[2]] # unitPlatter[u[1]][u[2]]}

Starts == {f * FileSlots : f \in 0..((Slots - 1) \div FileSlots)}
(* STORE-RECOVERY-3: the newest file whose first record is not newer than the checkpoint *)
ScanStart(log) ==
  LET covered == {s \in Starts : s = 0 \/ (IsRecord(log[s + 1]) /\ log[s + 1] <= checkpoint)}
  IN CHOOSE s \in covered : \A t \in covered : t <= s
RECURSIVE EndFrom(_, _)
(* STORE-RECOVERY-2: the first place behind which there is neither a record nor the end of a file *)
EndFrom(log, place) ==
  IF place = Slots THEN Slots
  ELSE IF IsRecord(log[place + 1]) THEN EndFrom(log, place + 1)
  ELSE IF log[place + 1] = Blank THEN EndFrom(log, FileEnd(place))
  ELSE place
ScanEnd(log) ==
  IF Design = "toTheCheckpoint"
  THEN Cardinality({i \in PlacesOf(log, Slots) : log[i] <= checkpoint})
  ELSE EndFrom(log, ScanStart(log))

Ended(log) ==
  /\ state' = "down" /\ crashes' = crashes + 1
  /\ wrote' = 0 /\ flushedWhere' = 0 /\ reputFromOffset' = 0
  /\ unitEnd' = [q \in Queues |-> 0]
  /\ unknown' = unknown \cup ((1..(nextId - 1)) \ acked)
  /\ shown' = Min(shown, Len(RecordsOf(log, ScanEnd(log))))
  /\ UNCHANGED <<queueOf, offsetOf, checkpoint, nextId, acked, promised, dead>>

Crash ==
  /\ state # "down" /\ crashes < MaxCrashes
  /\ \E s \in [DirtySlots -> Survives], u \in [DirtyUnits -> Survives] :
       LET log == [i \in 1..Slots |->
                     IF i \notin DirtySlots \/ s[i] = "new" THEN cache[i]
                     ELSE IF s[i] = "old" THEN platter[i] ELSE Torn]
           units == [q \in Queues |-> [i \in 1..Slots |->
                       IF <<q, i>> \notin DirtyUnits \/ u[<<q, i>>] = "new" THEN unitCache[q][i]
                       ELSE IF u[<<q, i>>] = "old" THEN unitPlatter[q][i] ELSE TornUnit]]
       IN /\ cache' = log /\ platter' = log
          /\ unitCache' = units /\ unitPlatter' = units
          /\ Ended(log)

(* the process dies; the page cache outlives it and says nothing of the platter *)
Kill ==
  /\ state # "down" /\ crashes < MaxCrashes
  /\ Ended(cache)
  /\ UNCHANGED <<cache, platter, unitCache, unitPlatter>>

-----------------------------------------------------------------------------
(* read, cut, close: all of it in the page cache only, but for the files that go *)

End == ScanEnd(cache)
(* STORE-CQ-8: units up to the first empty one *)
UnitsFound(q) == LET ends == {e \in 0..Slots : /\ \A i \in 1..e : unitCache[q][i] # Nil
                                               /\ e = Slots \/ unitCache[q][e + 1] = Nil}
                 IN CHOOSE e \in ends : \A f \in ends : e <= f

Greatest(ends) == CHOOSE e \in ends : \A f \in ends : f <= e
(* the unit at n is that of a record which carries this queue and offset *)
IsUnit(unit, q, n) == /\ unit.at > 0 /\ unit.at <= End /\ cache[unit.at] = unit.id
                      /\ queueOf[unit.id] = q /\ offsetOf[unit.id] = n - 1
(* STORE-RECOVERY-10: units of what is read are forgotten and dispatched again: those that point
   there, those that stand where the first of them belongs, and then those at the end that name
   no record of theirs *)
Read(q) == {i \in PlacesOf(cache, End) : i > ScanStart(cache) /\ queueOf[cache[i]] = q}
Truncated(q, place) ==
  Greatest({e \in 0..UnitsFound(q) : \A i \in 1..e : unitCache[q][i].at <= place})
ForgetFrom(q) ==
  LET first == offsetOf[cache[CHOOSE i \in Read(q) : \A j \in Read(q) : i <= j]]
      found == Truncated(q, ScanStart(cache))
      before == IF Read(q) = {} THEN found ELSE Min(found, first)
  IN Greatest({e \in 0..before : e = 0 \/ IsUnit(unitCache[q][e], q, e)})
(* wrong, and Apache's: only what points behind the end of the log goes *)
TruncateDirty(q) == Truncated(q, End)

(* STORE-RECOVERY-6: where something stands behind the cut, a blank record closes its file: new
   records over old ones, or over zeros that are not forced, would let the old ones come back *)
FileOfEnd == IF End % FileSlots = 0 /\ End > 0 THEN End ELSE FileEnd(End)
Closes == /\ Design \notin {"keepsTail", "blanksInPlace"}
          /\ \E i \in (End + 1)..FileOfEnd : cache[i] # Empty

RecoverAbnormally ==
  /\ state = "down"
  /\ LET ends == [q \in Queues |-> IF Design = "trustsUnits" THEN TruncateDirty(q)
                                   ELSE ForgetFrom(q)]
     IN /\ unitEnd' = ends
        /\ unitCache' = [q \in Queues |-> [i \in 1..Slots |->
                           IF i <= ends[q] THEN unitCache[q][i] ELSE Nil]]
  /\ cache' = [i \in 1..Slots |-> IF i <= End \/ (Design = "keepsTail" /\ i <= FileOfEnd)
                                 THEN cache[i]
                                 ELSE IF Closes /\ i = End + 1 THEN Blank ELSE Empty]
  /\ platter' = [i \in 1..Slots |-> IF i <= FileOfEnd THEN platter[i] ELSE Empty]
  /\ wrote' = IF Closes THEN FileOfEnd ELSE End
  /\ flushedWhere' = IF Design = "countsAsFlushed" THEN wrote' ELSE Min(ScanStart(cache), End)
  /\ reputFromOffset' = Min(ScanStart(cache), End)
  /\ state' = "recovered"
  /\ UNCHANGED <<queueOf, offsetOf, unitPlatter, checkpoint, nextId, crashes, told>>

(* the store serves; what was read is shown when it was forced *)
Recovered ==
  /\ state = "recovered"
  /\ dead' = dead \cup ((1..(nextId - 1)) \ IdsOf(cache, wrote))
  /\ state' = "up"
  /\ UNCHANGED <<cache, platter, queueOf, offsetOf, unitCache, unitPlatter, unitEnd, wrote,
                 flushedWhere, reputFromOffset, checkpoint, nextId, crashes, acked, unknown, shown,
                 promised>>

Next ==
  \/ \E q \in Queues : DoAppend(q)
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
  Up => \A q \in Queues : \A n \in 1..unitEnd[q] :
          LET unit == unitCache[q][n] IN
            /\ unit.id \in 1..MaxId /\ unit.at <= wrote /\ cache[unit.at] = unit.id
            /\ queueOf[unit.id] = q /\ offsetOf[unit.id] = n - 1

(* every record up to where dispatch has come can be read at its offset *)
DispatchIsComplete ==
  Up => \A i \in PlacesOf(cache, reputFromOffset) :
          LET id == cache[i] IN
            unitCache[queueOf[id]][offsetOf[id] + 1] = [at |-> i, id |-> id]
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
    /\ \A i \in PlacesOf(cache, reputFromOffset) : cache[i] = platter[i]

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
NeverClosesAFile == ~(Up /\ \E i \in 1..wrote : cache[i] = Blank /\ promised # {} /\ Len(Found) > 0)
NeverLosesAfterTwoCrashes == ~(Up /\ crashes = MaxCrashes /\ dead # {} /\ promised # {})
=============================================================================
