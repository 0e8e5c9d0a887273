-------------------------- MODULE TraceConsumeOffset --------------------------
(***************************************************************************)
(* Traces of a broker under SYNC_FLUSH against ConsumeOffset: one queue of *)
(* one group, the first that a trace commits.  See TraceGroupCommit for    *)
(* the pattern.                                                            *)
(*                                                                         *)
(* What a consumer pulls and consumes is its own affair and no event: it   *)
(* may commit any offset.  What the broker makes of that is followed, and  *)
(* the file step by step.  A power failure may leave each file of which it *)
(* is not known whether it is durable whole or torn: all of these are      *)
(* followed, until the next start tells which.                             *)
(***************************************************************************)
EXTENDS ConsumeOffset, TraceData, Sequences, TLC
VARIABLES t, l,
          places,      \* where in the log the messages of the queue end
          row,         \* of the table that is written next, or was loaded; None for no row
          alive        \* the process runs; `up` begins with Load

more == <<places, row, alive>>
Trace == Traces[t]
Ev    == Trace[l]
Committed == {i \in 1..Len(Trace) : Trace[i].e = "CommitOffset"}
First == Trace[CHOOSE i \in Committed : \A j \in Committed : i <= j]
IsMine == Ev.group = First.group /\ Ev.topic = First.topic /\ Ev.queue_id = First.queue_id
IsPut == Ev.topic = First.topic /\ Ev.queue_id = First.queue_id
IsFile == Ev.file = "config/consumerOffset.json"
Is(name) == IF l <= Len(Trace) THEN Ev.e = name ELSE FALSE
Below(where) == Len(SelectSeq(places, LAMBDA place : place <= where))
Max(a, b) == IF a > b THEN a ELSE b
Offset(n) == IF n = -1 THEN None ELSE n
RowEvents == {"CommitOffset", "QueryOffset", "MoveOffset", "PersistOffset", "LoadOffset"}
FileEvents == {"Persist", "RenameToBackup", "RenameToMain", "Forced", "Load"}

Conditions ==
  CASE Ev.e = "Append" /\ IsPut -> <<
         <<"the broker runs", alive>>,
         <<"the offset is the end of the queue", Ev.queue_offset = maxOffset>>,
         <<"there are messages", Ev.messages > 0>> >>
    [] Ev.e = "CommitOffset" /\ IsMine -> <<
         <<"up", up>>,
         <<"an offset is none", Ev.offset # None>> >>
    [] Ev.e = "QueryOffset" /\ IsMine -> <<
         <<"up", up>>,
         <<"offsetTable = offset", offsetTable = Offset(Ev.offset)>> >>
    [] Ev.e = "MoveOffset" /\ IsMine -> <<
         <<"up", up>>,
         <<"a recovery moves it to the end of the queue",
           ~alive => offsetTable # None /\ offsetTable > maxOffset /\ Ev.offset = maxOffset>> >>
    [] Ev.e = "PersistOffset" /\ IsMine -> <<
         <<"up", up>>,
         <<"no other step is under way", step = "idle">>,
         <<"offsetTable = offset", offsetTable = Ev.offset>> >>
    [] Ev.e = "LoadOffset" /\ IsMine -> <<
         <<"the file was read", up /\ ~alive>>,
         <<"offsetTable = offset", offsetTable = Ev.offset>> >>
    [] Ev.e = "Persist" /\ IsFile -> <<
         <<"no other step is under way", step = "idle">>,
         <<"it has the row of the table", row = offsetTable>>,
         <<"what was loaded is durable",
           forcing # "loaded" \/ (main.durable /\ ~bak.there)>> >>
    [] Ev.e = "RenameToBackup" /\ IsFile -> <<
         <<"the former file was durable", step = "backup">> >>
    [] Ev.e = "RenameToMain" /\ IsFile -> <<
         <<"a durable file became the backup, or there was none", step = "rename">> >>
    [] Ev.e = "Forced" /\ IsFile -> <<
         <<"a force is under way", forcing # "none" /\ step = "idle">> >>
    [] Ev.e = "Load" /\ IsFile -> <<
         <<"the broker is down", ~up>>,
         <<"the backup is for a file that cannot be used",
           Ev.backup = (~Usable(main) /\ Usable(bak))>> >>
    [] Ev.e = "Recovered" -> <<
         <<"the file was read", up>>,
         <<"its row was loaded", row = offsetTable>> >>
    [] Ev.e = "Crash" -> <<
         <<"no step is half done", step = "idle" \/ ~alive>>,
         <<"what is durable survives",
           Ev.survived = -1 \/ ~Ev.power \/ forced <= Below(Ev.survived)>> >>
    [] OTHER -> <<>>
Allows == LET all == Conditions IN \A i \in 1..Len(all) : all[i][2]
Refusing == SelectSeq(Conditions, LAMBDA condition : ~condition[2])

(* Without a backup the file that is found was durable: the backup goes when it is *)
Trusts == /\ Is("Persist") /\ IsFile /\ Allows /\ forcing = "loaded" /\ Forced
          /\ UNCHANGED <<t, l, more>>

IsEvent(name) == Is(name) /\ Allows /\ l' = l + 1 /\ t' = t
Same == UNCHANGED vars
Others ==    \* other queues, groups and files
  /\ l <= Len(Trace)
  /\ \/ Ev.e = "Append" /\ ~IsPut
     \/ Ev.e \in RowEvents /\ ~IsMine
     \/ Ev.e \in FileEvents /\ ~IsFile
  /\ l' = l + 1 /\ t' = t /\ Same /\ UNCHANGED more
RECURSIVE Repeat(_, _)
Repeat(x, n) == IF n = 0 THEN <<>> ELSE <<x>> \o Repeat(x, n - 1)
TAppend ==
  /\ IsEvent("Append") /\ IsPut
  /\ maxOffset' = maxOffset + Ev.messages
  \* a batch is durable with its last record
  /\ places' = places \o Repeat(Ev.offset + Ev.size, Ev.messages)
  /\ UNCHANGED <<forced, consumer, broker, up, crashes, restarts, row, alive>>
TFlushed ==
  /\ IsEvent("Flushed")
  /\ forced' = Max(forced, Below(Ev.where))
  /\ UNCHANGED <<maxOffset, consumer, broker, up, crashes, restarts, more>>
Sets(offset) ==
  /\ offsetTable' = offset
  /\ UNCHANGED <<queue, consumer, tmp, main, bak, persists, durableTable, mainDurable, step,
                 forcing, up, crashes, restarts>>
TCommit == IsEvent("CommitOffset") /\ IsMine /\ Sets(Ev.offset) /\ UNCHANGED more
TMove ==
  /\ IsEvent("MoveOffset") /\ IsMine /\ Sets(Offset(Ev.offset))
  /\ row' = None /\ UNCHANGED <<places, alive>>
TQuery == IsEvent("QueryOffset") /\ IsMine /\ Same /\ UNCHANGED more
TRow ==
  /\ IsEvent("PersistOffset") \/ IsEvent("LoadOffset")
  /\ IsMine /\ Same /\ row' = Ev.offset /\ UNCHANGED <<places, alive>>
TPersist ==
  /\ IsEvent("Persist") /\ IsFile
  /\ forcing # "loaded"
  /\ persists' = persists + 1 /\ tmp' = File(persists + 1, offsetTable)
  /\ step' = IF mainDurable /\ main.there THEN "backup" ELSE "rename"
  /\ UNCHANGED <<main, bak, durableTable, mainDurable, forcing>> /\ Idle
  /\ row' = None
  /\ UNCHANGED <<places, alive>>
TBackup == IsEvent("RenameToBackup") /\ IsFile /\ RenameToBackup /\ UNCHANGED more
TMain == IsEvent("RenameToMain") /\ IsFile /\ RenameToMain /\ UNCHANGED more
TForced == IsEvent("Forced") /\ IsFile /\ Forced /\ UNCHANGED more
TLoad ==
  /\ IsEvent("Load") /\ IsFile /\ Load
  /\ row' = None
  /\ UNCHANGED <<places, alive>>
TRecovered ==
  /\ IsEvent("Recovered") /\ Same /\ alive' = TRUE /\ row' = None
  /\ UNCHANGED places
Kept == IF Ev.power /\ Ev.survived >= 0 THEN Below(Ev.survived) ELSE maxOffset
TCrash ==
  /\ IsEvent("Crash")
  /\ places' = SubSeq(places, 1, Kept) /\ alive' = FALSE /\ row' = None
  /\ IF up /\ Ev.power THEN maxOffset' = Kept /\ Crash
     ELSE IF up THEN Kill
     ELSE IF ~Ev.power THEN Same
     ELSE /\ main' \in Survivors(main) /\ bak' \in Survivors(bak) /\ tmp' \in Survivors(tmp)
          /\ maxOffset' = Kept /\ forced' = Kept
          /\ UNCHANGED <<consumer, offsetTable, persists, durableTable, mainDurable, step, forcing,
                         up, crashes, restarts>>
(* an orderly end waits for the forces that it asked for *)
TShutdown ==
  /\ IsEvent("Shutdown") /\ Kill
  /\ alive' = FALSE /\ row' = None /\ UNCHANGED places
Step == \/ Trusts \/ Others \/ TAppend \/ TFlushed \/ TCommit \/ TMove \/ TQuery \/ TRow \/ TPersist
        \/ TBackup \/ TMain \/ TForced \/ TLoad \/ TRecovered \/ TCrash \/ TShutdown

(* What would have been allowed, as events *)
Choice(enabled, event) == IF enabled THEN <<ToString(event)>> ELSE <<>>
Row(name, offset) == [e |-> name, group |-> First.group, topic |-> First.topic,
                      queue_id |-> First.queue_id, offset |-> IF offset = None THEN -1 ELSE offset]
Allowed ==
  Choice(alive, [e |-> "Append", topic |-> First.topic, queue_id |-> First.queue_id,
                 queue_offset |-> maxOffset])
  \o Choice(up /\ alive, Row("QueryOffset", offsetTable))
  \o Choice(up /\ step = "idle" /\ offsetTable # None, Row("PersistOffset", offsetTable))
  \o Choice(up /\ ~alive /\ offsetTable # None, Row("LoadOffset", offsetTable))
  \o Choice(up /\ step = "idle" /\ row = offsetTable, [e |-> "Persist"])
  \o Choice(step = "backup", [e |-> "RenameToBackup"])
  \o Choice(step = "rename", [e |-> "RenameToMain"])
  \o Choice(step = "idle" /\ forcing # "none", [e |-> "Forced"])
  \o Choice(~up, [e |-> "Load", backup |-> ~Usable(main) /\ Usable(bak)])
State ==
  [maxOffset |-> maxOffset, forced |-> forced, offsetTable |-> offsetTable, tmp |-> tmp,
   main |-> main, bak |-> bak, durableTable |-> durableTable, mainDurable |-> mainDurable,
   step |-> step, forcing |-> forcing, row |-> row, up |-> up]

Accept ==
  /\ l = Len(Trace) + 1 /\ PrintT(<<"ACCEPT", t>>)
  /\ l' = l + 1 /\ UNCHANGED <<vars, t, more>>
Stuck ==
  /\ l <= Len(Trace) /\ ~ENABLED Step
  /\ PrintT(<<"STUCK", t, l, ToString([i \in 1..Len(Refusing) |-> Refusing[i][1]]),
              ToString(State), ToString(Allowed)>>)
  /\ FALSE
Holds(name, ok) == ok \/ (PrintT(<<"VIOLATES", t, l, name>>) /\ FALSE)
Report ==
  /\ Holds("FileIsNeverHalf", FileIsNeverHalf)
  /\ Holds("ForcedIsWritten", forced <= maxOffset)

TInit ==
  /\ t \in 1..Len(Traces) /\ l = 1
  /\ maxOffset = 0 /\ forced = 0 /\ consumed = {} /\ pullOffset = None /\ processing = {}
  /\ offsetTable = None /\ tmp = Missing /\ main = Missing /\ bak = Missing
  /\ persists = 0 /\ durableTable = [number |-> 0, table |-> None]
  /\ mainDurable = FALSE /\ step = "idle" /\ forcing = "none"
  /\ up = FALSE /\ crashes = 0 /\ restarts = 0
  /\ places = <<>> /\ row = None /\ alive = FALSE
(* Verdicts for a batch; and for those that were not accepted, why *)
TSpec == TInit /\ [][Step \/ Accept]_<<vars, t, l, more>>
WhySpec == TInit /\ [][Step \/ Accept \/ Stuck]_<<vars, t, l, more>>
=============================================================================
