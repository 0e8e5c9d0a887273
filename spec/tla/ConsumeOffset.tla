--------------------------- MODULE ConsumeOffset ---------------------------
(***************************************************************************)
(* How far a group has come in a queue, across restarts of broker and      *)
(* consumer.                                                               *)
(*                                                                         *)
(* Rules    BROKER-OFFSET-1, -3, -20, BROKER-LIFECYCLE-10, -11             *)
(* Code     refimpl/broker/consumer_offset_manager.py,                     *)
(*          refimpl/model/config_file.py                                   *)
(*                                                                         *)
(* Says     Every message is consumed at least once: the offset at which a *)
(*          consumer begins never lies behind a message that was not       *)
(*          consumed, and every message is consumed in the end.  The file  *)
(*          of offsets is never half: after any crash it, or its backup,   *)
(*          holds a table that was written and is not older than the last  *)
(*          one that is known to be durable.                               *)
(*                                                                         *)
(* Leaves out, and why that is safe                                        *)
(*   - More queues and groups: their entries do not touch one another,     *)
(*     and the file is written whole.                                      *)
(*   - Who consumes: one member at a time holds a queue.                   *)
(*   - Resets by administrators: they say what shall not be consumed.      *)
(*   - The empty backup that says that nothing was there before.           *)
(*   - Pulling and consuming are the client's; they are as simple as may   *)
(*     be, because any client that commits late enough is safe.            *)
(***************************************************************************)
EXTENDS Naturals, FiniteSets

CONSTANTS MaxMessages,  \* bound: messages ever put
          Pulls,        \* bound: messages under way at a consumer
          MaxPersists, MaxCrashes, MaxRestarts,  \* bounds
          Design        \* "commitsConsumed", or the name of a wrong design

ASSUME Design \in {"commitsConsumed", "commitsPulled", "backsUpUnforced", "deletesFirst",
                   "showsWritten", "trustsLoaded"}

None == MaxMessages + 1   \* no offset: query_offset answers -1

VARIABLES maxOffset, forced, \* messages in the queue; those of them that are durable
          consumed,          \* messages of the queue that a consumer has dealt with
          pullOffset,        \* the consumer's next offset to pull; None: it must ask the broker
          processing,        \* pulled, not consumed
          offsetTable,       \* the broker's, of this queue
          tmp, main, bak,    \* files: [table, durable], or Missing
          persists,          \* tables ever written
          durableTable,      \* [number, table] of the newest table known to be durable
          mainDurable,       \* ConfigFile._durable: what the broker believes of its main file
          step,              \* where persist stands
          forcing,           \* a force under way: "none", "written" or "loaded" (what load found)
          up, crashes, restarts

vars == <<maxOffset, forced, consumed, pullOffset, processing, offsetTable, tmp, main, bak,
          persists, durableTable, mainDurable, step, forcing, up, crashes, restarts>>
broker == <<offsetTable, tmp, main, bak, persists, durableTable, mainDurable, step, forcing>>
consumer == <<consumed, pullOffset, processing>>
queue == <<maxOffset, forced>>

Missing == [number |-> 0, table |-> None, whole |-> FALSE, durable |-> TRUE, there |-> FALSE]
File(number, table) ==
  [number |-> number, table |-> table, whole |-> TRUE, durable |-> FALSE, there |-> TRUE]

Init == /\ maxOffset = 0 /\ forced = 0 /\ consumed = {}
        /\ pullOffset = None /\ processing = {}
        /\ offsetTable = None /\ tmp = Missing /\ main = Missing /\ bak = Missing
        /\ persists = 0 /\ durableTable = [number |-> 0, table |-> None]
        /\ mainDurable = FALSE /\ step = "idle" /\ forcing = "none"
        /\ up = TRUE /\ crashes = 0 /\ restarts = 0

-----------------------------------------------------------------------------
(* the queue *)

(* Append, Flushed *)
DoAppend == /\ up /\ maxOffset < MaxMessages /\ maxOffset' = maxOffset + 1
                /\ UNCHANGED <<forced, consumer, broker, up, crashes, restarts>>
Flushed == /\ up /\ forced < maxOffset /\ forced' = maxOffset
           /\ UNCHANGED <<maxOffset, consumer, broker, up, crashes, restarts>>
Shown == IF Design = "showsWritten" THEN maxOffset ELSE forced

-----------------------------------------------------------------------------
(* the consumer *)

(* QueryOffset: it begins where the broker says, or at the beginning *)
QueryOffset ==
  /\ up /\ pullOffset = None
  /\ pullOffset' = IF offsetTable = None THEN 0 ELSE offsetTable
  /\ UNCHANGED <<queue, consumed, processing, broker, up, crashes, restarts>>

(* PullMessage: beyond the end the broker answers with its end *)
PullMessage ==
  /\ up /\ pullOffset # None /\ Cardinality(processing) < Pulls
  /\ \/ /\ pullOffset < Shown
        /\ processing' = processing \cup {pullOffset} /\ pullOffset' = pullOffset + 1
     \/ /\ pullOffset > maxOffset /\ pullOffset' = maxOffset /\ UNCHANGED processing
  /\ UNCHANGED <<queue, consumed, broker, up, crashes, restarts>>

ConsumeMessage ==
  \E m \in processing :
    /\ processing' = processing \ {m} /\ consumed' = consumed \cup {m}
    /\ UNCHANGED <<queue, pullOffset, broker, up, crashes, restarts>>

(* CommitOffset: the least offset that is not consumed; the broker stores what it is told *)
Least == IF processing = {} \/ Design = "commitsPulled" THEN pullOffset
         ELSE CHOOSE m \in processing : \A n \in processing : m <= n
CommitOffset ==
  /\ up /\ pullOffset # None /\ offsetTable # Least
  /\ offsetTable' = Least
  /\ UNCHANGED <<queue, consumer, tmp, main, bak, persists, durableTable, mainDurable, step,
                 forcing, up, crashes, restarts>>

(* the consumer dies and another takes over *)
RestartConsumer ==
  /\ pullOffset # None /\ restarts < MaxRestarts
  /\ restarts' = restarts + 1 /\ pullOffset' = None /\ processing' = {}
  /\ UNCHANGED <<queue, consumed, broker, up, crashes>>

-----------------------------------------------------------------------------
(* the file: persist in the steps of ConfigFile; renames are durable when they are made *)

Idle == UNCHANGED <<queue, consumer, offsetTable, up, crashes, restarts>>

Persist ==
  /\ up /\ step = "idle" /\ persists < MaxPersists /\ offsetTable # None
  /\ forcing # "loaded"   \* what load found may be the newest durable table: it waits
  /\ persists' = persists + 1 /\ tmp' = File(persists + 1, offsetTable)
  /\ step' = IF Design = "deletesFirst" THEN "delete"
             ELSE IF (mainDurable \/ Design = "backsUpUnforced") /\ main.there
             THEN "backup" ELSE "rename"
  /\ UNCHANGED <<main, bak, durableTable, mainDurable, forcing>> /\ Idle

(* the former file becomes the backup *)
RenameToBackup ==
  /\ up /\ step = "backup" /\ step' = "rename"
  /\ bak' = main /\ main' = Missing
  /\ UNCHANGED <<tmp, persists, durableTable, mainDurable, forcing>> /\ Idle

(* Java: the former file goes, there is no durable backup *)
DeleteMain ==
  /\ up /\ step = "delete" /\ step' = "rename" /\ main' = Missing /\ bak' = Missing
  /\ UNCHANGED <<tmp, persists, durableTable, mainDurable, forcing>> /\ Idle

RenameToMain ==
  /\ up /\ step = "rename" /\ step' = "idle"
  /\ main' = tmp /\ tmp' = Missing /\ mainDurable' = FALSE /\ forcing' = "written"
  /\ UNCHANGED <<bak, persists, durableTable>> /\ Idle

(* Forced: the content of the main file is durable *)
Forced ==
  /\ up /\ step = "idle" /\ forcing # "none" /\ forcing' = "none"
  /\ main' = [main EXCEPT !.durable = TRUE] /\ mainDurable' = TRUE
  /\ durableTable' = [number |-> main.number, table |-> main.table]
  /\ UNCHANGED <<tmp, bak, persists, step>> /\ Idle

-----------------------------------------------------------------------------
(* Crash: unforced content may be torn; unforced messages may be gone, the newest first *)

Survivors(f) == IF f.durable THEN {f}
                ELSE {[f EXCEPT !.durable = TRUE],
                      [f EXCEPT !.durable = TRUE, !.whole = FALSE]}
Crash ==
  /\ up /\ crashes < MaxCrashes /\ crashes' = crashes + 1 /\ up' = FALSE
  /\ \E m \in forced..maxOffset :
       /\ maxOffset' = m /\ forced' = m
       /\ consumed' = {c \in consumed : c < m}   \* another message gets that place
       /\ processing' = {c \in processing : c < m}
  /\ main' \in Survivors(main) /\ bak' \in Survivors(bak) /\ tmp' \in Survivors(tmp)
  /\ offsetTable' = None /\ step' = "idle" /\ mainDurable' = FALSE /\ forcing' = "none"
  /\ UNCHANGED <<pullOffset, persists, durableTable, restarts>>

(* Kill: the process dies, the page cache stays and is as unforced as before *)
Kill ==
  /\ up /\ crashes < MaxCrashes /\ crashes' = crashes + 1 /\ up' = FALSE
  /\ offsetTable' = None /\ step' = "idle" /\ mainDurable' = FALSE /\ forcing' = "none"
  /\ UNCHANGED <<queue, consumer, tmp, main, bak, persists, durableTable, restarts>>

(* Load: the file, or its backup where the file cannot be used *)
Usable(f) == f.there /\ f.whole
Loaded == IF Usable(main) THEN main ELSE IF Usable(bak) THEN bak ELSE Missing
Load ==
  /\ ~up /\ up' = TRUE
  /\ offsetTable' = Loaded.table
  /\ IF Design = "trustsLoaded"
     THEN mainDurable' = Usable(main) /\ forcing' = "none"
     ELSE mainDurable' = FALSE /\ forcing' = IF Usable(main) THEN "loaded" ELSE "none"
  /\ UNCHANGED <<queue, consumer, tmp, main, bak, persists, durableTable, step, crashes,
                 restarts>>

Next ==
  \/ DoAppend \/ Flushed \/ QueryOffset \/ PullMessage \/ ConsumeMessage
  \/ CommitOffset \/ RestartConsumer
  \/ Persist \/ RenameToBackup \/ DeleteMain \/ RenameToMain \/ Forced
  \/ Crash \/ Kill \/ Load

Spec == Init /\ [][Next]_vars
FairSpec == /\ Spec /\ WF_vars(Flushed) /\ WF_vars(QueryOffset) /\ WF_vars(PullMessage)
            /\ WF_vars(ConsumeMessage) /\ WF_vars(Load)

-----------------------------------------------------------------------------

TypeOK == /\ forced <= maxOffset /\ maxOffset <= MaxMessages /\ consumed \subseteq 0..MaxMessages
          /\ offsetTable \in 0..None /\ pullOffset \in 0..None
          /\ step \in {"idle", "backup", "delete", "rename"}

(* below an offset, everything was consumed: at least once, by whoever held it *)
Passed(offset) == offset = None \/ \A m \in 0..(MaxMessages - 1) : m < offset => m \in consumed
NothingIsSkipped == /\ Passed(offsetTable)
                    /\ (main.there => Passed(main.table)) /\ (bak.there => Passed(bak.table))

(* an offset is never beyond the end of its queue: else the next message is skipped *)
WithinTheQueue == up /\ offsetTable # None => offsetTable <= maxOffset

(* BROKER-LIFECYCLE-10, -11: what is loaded is not older than what was durable *)
FileIsNeverHalf ==
  durableTable.number > 0 =>
    \/ Usable(main) /\ main.number >= durableTable.number
    \/ ~Usable(main) /\ Usable(bak) /\ bak.number >= durableTable.number

EveryMessageIsConsumed == \A m \in 0..(MaxMessages - 1) : (forced > m) ~> (m \in consumed)

(* Debug: reachable, so it must fail *)
NeverFromBackup == ~(~up /\ ~Usable(main) /\ Usable(bak))
=============================================================================
