----------------------------- MODULE DelayQueue -----------------------------
(***************************************************************************)
(* One delay level: messages wait in its queue until they are due, then    *)
(* they are stored for their real topic.                                   *)
(*                                                                         *)
(* Rules    BROKER-SCHEDULE-1, -2, -3, -6, -9, -14                         *)
(* Code     refimpl/broker/schedule_message.py                             *)
(*                                                                         *)
(* Says     Every delayed message is delivered, none before it is due, in  *)
(*          the order of the queue, and across crashes none is lost: an    *)
(*          offset that a restart may find never passes a delivery that    *)
(*          the crash may take.  Twice is allowed: at least once.          *)
(*                                                                         *)
(* Leaves out, and why that is safe                                        *)
(*   - Other levels: queues and offsets do not touch one another.  The     *)
(*     file is written whole; ConsumeOffset has its steps.                 *)
(*   - How long the actor sleeps: it comes again.                          *)
(*   - A clock that is set back (BROKER-SCHEDULE-4) delivers earlier.      *)
(*   - How the queue itself survives: Recovery.  Here it loses what was    *)
(*     never acknowledged, the newest first.                               *)
(*   - A message that cannot be delivered (BROKER-SCHEDULE-11, -15): it    *)
(*     was promised to nobody, and the level goes on behind it.            *)
(***************************************************************************)
EXTENDS Naturals, Sequences

CONSTANTS MaxMessages, MaxTime, Delay, MaxCrashes, MaxRefusals,  \* bounds; Delay of the level
          MaxPuts,      \* bound: deliveries, repeated ones counted
          Design        \* "delivers", or the name of a wrong design

ASSUME Design \in {"delivers", "movesFirst", "persistsUndurable", "startsUnclamped",
                   "skipsFailed", "deliversEarly"}

VARIABLES now,
          queue,        \* <<[id, due]>>; queue offset n is at n + 1
          acknowledged, \* length of the queue that is durable and was acknowledged
          offsetTable,  \* offset of the first message that was not delivered
          position,     \* where the actor of the level goes on
          real,         \* ids in the real topic, in order
          forced,       \* how many of them are durable
          marks,        \* <<[offset, at]>>: what each offset needs to be durable
          file,         \* the persisted offset
          up, crashes, refusals, nextId

vars == <<now, queue, acknowledged, offsetTable, position, real, forced, marks, file, up, crashes,
          refusals, nextId>>

Min(a, b) == IF a < b THEN a ELSE b

Init == /\ now = 0 /\ queue = <<>> /\ acknowledged = 0 /\ offsetTable = 0 /\ position = 0
        /\ real = <<>> /\ forced = 0 /\ marks = <<>> /\ file = 0
        /\ up = TRUE /\ crashes = 0 /\ refusals = 0 /\ nextId = 1

-----------------------------------------------------------------------------

Tick == /\ now < MaxTime /\ now' = now + 1
        /\ UNCHANGED <<queue, acknowledged, offsetTable, position, real, forced, marks, file,
                       up, crashes, refusals, nextId>>

(* Append: a delayed message stands in the queue of its level *)
AppendDelayed ==
  /\ up /\ nextId <= MaxMessages /\ now + Delay <= MaxTime   \* bound
  /\ queue' = Append(queue, [id |-> nextId, due |-> now + Delay]) /\ nextId' = nextId + 1
  /\ UNCHANGED <<now, acknowledged, offsetTable, position, real, forced, marks, file, up,
                 crashes, refusals>>

(* Flushed: the log, and with it the queue of the level and the real topic, is durable *)
Flushed == /\ up /\ (acknowledged < Len(queue) \/ forced < Len(real))
           /\ acknowledged' = Len(queue) /\ forced' = Len(real)
           /\ UNCHANGED <<now, queue, offsetTable, position, real, marks, file, up, crashes,
                          refusals, nextId>>

Due == position < Len(queue) /\ (queue[position + 1].due <= now \/ Design = "deliversEarly")

(* Deliver: stored for its topic, and only then the offset moves *)
Deliver ==
  /\ up /\ Due /\ Len(real) < MaxPuts
  /\ real' = Append(real, queue[position + 1].id)
  /\ position' = position + 1 /\ offsetTable' = position + 1
  /\ marks' = Append(marks, [offset |-> position + 1, at |-> Len(real) + 1])
  /\ UNCHANGED <<now, queue, acknowledged, forced, file, up, crashes, refusals, nextId>>

(* wrong: the offset moves before the message is stored *)
MoveFirst ==
  /\ Design = "movesFirst" /\ up /\ Due /\ offsetTable = position
  /\ offsetTable' = position + 1
  /\ UNCHANGED <<now, queue, acknowledged, position, real, forced, marks, file, up, crashes,
                 refusals, nextId>>

(* Refuse: the put is not PUT_OK; the same message is tried again *)
Refuse ==
  /\ up /\ Due /\ refusals < MaxRefusals /\ refusals' = refusals + 1
  /\ IF Design = "skipsFailed"
     THEN /\ position' = position + 1 /\ offsetTable' = position + 1
          /\ marks' = Append(marks, [offset |-> position + 1, at |-> Len(real)])
     ELSE UNCHANGED <<position, offsetTable, marks>>
  /\ UNCHANGED <<now, queue, acknowledged, real, forced, file, up, crashes, nextId>>

(* an offset that a restart may find: all that it passes is durable *)
RECURSIVE DurableOffset(_)
DurableOffset(k) == IF k = 0 THEN file
                    ELSE IF marks[k].at <= forced THEN marks[k].offset ELSE DurableOffset(k - 1)

(* Persist: the file is written whole and durable (ConsumeOffset) *)
Persist ==
  /\ up
  /\ file' = IF Design \in {"delivers", "deliversEarly"} THEN DurableOffset(Len(marks))
             ELSE offsetTable
  /\ file' # file
  /\ marks' = SelectSeq(marks, LAMBDA mark : mark.at > forced)   \* the others are in the file
  /\ UNCHANGED <<now, queue, acknowledged, offsetTable, position, real, forced, up, crashes,
                 refusals, nextId>>

(* Crash: what was not forced may be gone, the newest first *)
Crash ==
  /\ up /\ crashes < MaxCrashes /\ crashes' = crashes + 1 /\ up' = FALSE
  /\ \E q \in acknowledged..Len(queue), r \in forced..Len(real) :
       /\ queue' = SubSeq(queue, 1, q) /\ acknowledged' = q
       /\ real' = SubSeq(real, 1, r) /\ forced' = r
  /\ offsetTable' = 0 /\ position' = 0 /\ marks' = <<>>
  /\ UNCHANGED <<now, file, refusals, nextId>>

(* Load, CorrectDelayOffset, Start: the actor of the level begins at its offset *)
Load ==
  /\ ~up /\ up' = TRUE
  /\ LET offset == IF Design = "startsUnclamped" THEN file ELSE Min(file, Len(queue))
     IN offsetTable' = offset /\ position' = offset
  /\ UNCHANGED <<now, queue, acknowledged, real, forced, marks, file, crashes, refusals,
                 nextId>>

Next ==
  \/ Tick \/ AppendDelayed \/ Flushed \/ Deliver \/ MoveFirst \/ Refuse \/ Persist
  \/ Crash \/ Load

Spec == Init /\ [][Next]_vars
FairSpec == /\ Spec /\ WF_vars(Tick) /\ WF_vars(Flushed) /\ WF_vars(Deliver) /\ WF_vars(Load)

-----------------------------------------------------------------------------

Delivered(id) == \E k \in 1..Len(real) : real[k] = id

TypeOK == /\ acknowledged <= Len(queue) /\ forced <= Len(real) /\ position \in 0..MaxMessages
          /\ file \in 0..MaxMessages /\ offsetTable \in 0..MaxMessages

(* BROKER-SCHEDULE-9: all that an offset passes was delivered *)
OffsetNamesTheFirstUndelivered ==
  up => \A n \in 1..Len(queue) : n <= offsetTable => Delivered(queue[n].id)

(* BROKER-SCHEDULE-14: all that the file's offset passes stays delivered, whatever falls *)
FileNamesWhatIsDurable ==
  \A n \in 1..Len(queue) : n <= file =>
    \E k \in 1..forced : real[k] = queue[n].id

(* BROKER-SCHEDULE-3: first deliveries are in the order of the queue *)
InOrder == \A k \in 1..Len(real) : \A j \in 1..Len(queue) :
             queue[j].id = real[k] =>
               \A i \in 1..(j - 1) : \E h \in 1..(k - 1) : real[h] = queue[i].id

NeverEarly == \A j \in 1..Len(queue) : Delivered(queue[j].id) => queue[j].due <= now

(* BROKER-SCHEDULE-1 *)
OffsetIsInTheQueue == up => offsetTable <= Len(queue) /\ position <= Len(queue)

(* Every delayed message is delivered, once it was acknowledged *)
EveryAcknowledgedIsDelivered ==
  \A id \in 1..MaxMessages :
    (\E n \in 1..acknowledged : queue[n].id = id) ~> Delivered(id)

(* Debug: reachable, so it must fail *)
NeverTwice == \A i, j \in 1..Len(real) : i # j => real[i] # real[j]
=============================================================================
