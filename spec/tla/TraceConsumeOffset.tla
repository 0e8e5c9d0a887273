-------------------------- MODULE TraceConsumeOffset --------------------------
(***************************************************************************)
(* Traces of a broker against ConsumeOffset: one queue of one group, the   *)
(* first that a client commits, and the file that has its row              *)
(* (refimpl/tlc/trace_view.py leaves out all others; a record of another   *)
(* queue has the offset -1 here).                                          *)
(*                                                                         *)
(* What a consumer pulls and consumes is its own affair and no event: it   *)
(* may commit any offset.  What the broker makes of that is followed, and  *)
(* the file step by step.  A power failure may leave each file of which it *)
(* is not known whether it is durable whole or torn: all of these are      *)
(* followed, until the next start tells which.                             *)
(***************************************************************************)
EXTENDS ConsumeOffset, TraceBrokerLog, Sequences
VARIABLES places,      \* <<from, to>> in the log of the messages of the queue that are not safe
          row,         \* of the table that is written next, or was loaded; None for no row
          texts,       \* what stands in the files, by the number of the table: a checksum
          writes,      \* files that this life put in place
          empty,       \* an empty backup says that the first file is not durable
          serves       \* the broker has corrected what the log lost

more == <<places, row, texts, writes, empty, serves>>
Serving == serves /\ "start" \notin busy     \* the start was looked at
Offset(n) == IF n = -1 THEN None ELSE n
RowEvents == {"CommitOffset", "MoveOffset", "PersistOffset", "LoadOffset"}
FileEvents == {"Persist", "RenameToBackup", "RenameToMain", "Forced", "Load"}
IsMine == Ev.queue_offset >= 0     \* a record of the queue
(* BROKER-LIFECYCLE-10: the empty backup goes when the file is durable *)
InPlace == IF Usable(main) THEN texts[main.number] ELSE 0
Trusts == Usable(main) /\ ~bak.there /\ ~empty

OffsetConditions ==
  CASE Ev.e = "Append" -> <<
         <<"it serves", Serving>>,
         <<"the offset is the end of the queue",
           IsMine => Ev.queue_offset = maxOffset>> >>
    [] Ev.e = "CommitOffset" -> <<
         <<"it serves", Serving>>,
         <<"an offset is none", Ev.offset # None>> >>
    [] Ev.e = "QueryOffset" -> <<
         <<"it serves", Serving>>,
         <<"offsetTable = offset", offsetTable = Offset(Ev.offset)>> >>
    [] Ev.e = "MoveOffset" -> <<
         <<"the log was recovered", up /\ alive>>,
         <<"a recovery moves it to the end of the queue",
           ~serves => offsetTable # None /\ offsetTable > maxOffset /\ Ev.offset = maxOffset>> >>
    [] Ev.e = "PersistOffset" -> <<
         <<"the log was recovered", up /\ alive>>,
         <<"no other step is under way", step = "idle">>,
         <<"the table has one such row", row = None>>,
         <<"offsetTable = offset", offsetTable = Ev.offset>> >>
    [] Ev.e = "LoadOffset" -> <<
         <<"the file was read", up /\ ~alive>>,
         <<"the table has one such row", row = None>>,
         <<"offsetTable = offset", offsetTable = Ev.offset>> >>
    [] Ev.e = "Persist" -> <<
         <<"the log was recovered", up /\ alive>>,
         <<"no other step is under way", step = "idle">>,
         <<"it has the row of the table", row = offsetTable>>,
         <<"what was loaded is durable", forcing # "loaded">> >>
    [] Ev.e = "RenameToBackup" -> <<
         <<"the former file was durable", step = "backup">> >>
    [] Ev.e = "RenameToMain" -> <<
         <<"a durable file became the backup, or there was none", step = "rename">> >>
    [] Ev.e = "Forced" -> <<
         <<"a force is under way", forcing # "none" /\ step = "idle">> >>
    [] Ev.e = "Load" -> <<
         <<"the broker is down", ~up>>,
         <<"the backup is for a file that cannot be used",
           Ev.backup = (~Usable(main) /\ Usable(bak))>>,
         <<"it is a text that was written", Ev.text = texts[Loaded.number]>>,
         <<"a file without a backup is durable", Trusts => main.durable>> >>
    [] Ev.e = "Recovered" -> <<
         <<"the file was read", up>>,
         <<"its row was loaded", row = offsetTable>> >>
    [] Ev.e = "TransactionStarted" -> <<
         <<"the log was recovered", up /\ alive /\ ~serves>>,
         <<"what was recovered is durable", SyncFlush => flushedTo = lastEnd>>,
         <<"no offset lies behind the end of its queue",
           orderly \/ offsetTable = None \/ offsetTable <= maxOffset>> >>
    [] Ev.e = "ObservedOffset" -> <<
         <<"it told something", "row" \in busy>>,
         <<"offsetTable = offset", offsetTable = Offset(Ev.offset)>> >>
    [] Ev.e = "ObservedFile" -> <<
         <<"it told something", "file" \in busy>>,
         <<"rows are told first", "row" \notin busy>>,
         <<"it is the text that was put there", InPlace = Ev.text>>,
         <<"writes = writes", writes = Ev.writes>>,
         <<"mainDurable = durable", mainDurable = Ev.durable>>,
         <<"what was loaded is not settled", Ev.loaded = (forcing = "loaded")>> >>
    [] Ev.e = "Crash" -> <<
         <<"no step is half done", step = "idle" \/ ~alive>> >>
    [] OTHER -> <<>>
Conditions == LogConditions \o OffsetConditions
Allows == LET all == Conditions IN \A i \in 1..Len(all) : all[i][2]
Refusing == SelectSeq(Conditions, LAMBDA condition : ~condition[2])

Same == UNCHANGED vars
RECURSIVE Repeat(_, _)
Repeat(x, n) == IF n = 0 THEN <<>> ELSE <<x>> \o Repeat(x, n - 1)
Below(where) == Len(SelectSeq(places, LAMBDA place : place[2] <= where))
Within(where) == Len(SelectSeq(places, LAMBDA p : p[1] < where /\ where < p[2]))
TAppend ==
  /\ maxOffset' = maxOffset + Ev.messages
  \* a batch is durable with its last record
  /\ places' = places \o Repeat(<<Ev.offset, Ev.offset + Ev.size>>, Ev.messages)
  /\ UNCHANGED <<forced, consumer, broker, up, crashes, restarts, row, texts, writes, empty, serves>>
TFlushed ==
  /\ forced' = forced + Below(Ev.where)
  /\ places' = SelectSeq(places, LAMBDA place : place[2] > Ev.where)
  /\ UNCHANGED <<maxOffset, consumer, broker, up, crashes, restarts, row, texts, writes, empty,
                 serves>>
Sets(offset) ==
  /\ offsetTable' = offset
  /\ UNCHANGED <<queue, consumer, tmp, main, bak, persists, durableTable, mainDurable, step,
                 forcing, up, crashes, restarts>>
TMove ==
  /\ Sets(Offset(Ev.offset)) /\ row' = None
  /\ UNCHANGED <<places, texts, writes, empty, serves>>
TRow == Same /\ row' = Ev.offset /\ UNCHANGED <<places, texts, writes, empty, serves>>
(* A table is written also where it has no row of this queue *)
TPersist ==
  /\ persists' = persists + 1 /\ tmp' = File(persists + 1, offsetTable)
  /\ step' = IF mainDurable /\ main.there THEN "backup" ELSE "rename"
  /\ UNCHANGED <<main, bak, durableTable, mainDurable, forcing>> /\ Idle
  /\ texts' = [n \in {main.number, bak.number, persists + 1, 0} |->
                 IF n = persists + 1 THEN Ev.text ELSE texts[n]]
  /\ empty' = (empty \/ (~main.there /\ ~bak.there))
  /\ row' = None /\ UNCHANGED <<places, writes, serves>>
TMain ==
  /\ RenameToMain /\ writes' = writes + 1
  /\ UNCHANGED <<places, row, texts, empty, serves>>
TForced == Forced /\ empty' = FALSE /\ UNCHANGED <<places, row, texts, writes, serves>>
(* Load, and Forced at once where the file needs none *)
TLoad ==
  /\ IF Trusts
     THEN /\ up' = TRUE /\ offsetTable' = main.table /\ mainDurable' = TRUE /\ forcing' = "none"
          /\ durableTable' = [number |-> main.number, table |-> main.table]
          /\ UNCHANGED <<queue, consumer, tmp, main, bak, persists, step, crashes, restarts>>
     ELSE Load
  /\ row' = None /\ writes' = 0 /\ UNCHANGED <<places, texts, empty, serves>>
Over == row' = None /\ serves' = FALSE /\ UNCHANGED <<texts, writes, empty>>
(* Each file that is not durable is whole or torn; the temporary file is never read.  Of a batch
   that was cut nobody knows how much is left.  Where the power fails again before the log was
   read, the second crash tells. *)
TPower ==
  /\ IF IsKnown
     THEN /\ \E some \in 0..(IF Within(Ev.survived) > 0 THEN Within(Ev.survived) - 1 ELSE 0) :
               maxOffset' = forced + Below(Ev.survived) + some
          /\ places' = <<>>
     ELSE UNCHANGED <<maxOffset, forced, places>>
  /\ IF up /\ IsKnown THEN Crash
     ELSE /\ IF IsKnown THEN forced' = maxOffset' ELSE UNCHANGED forced
          /\ main' \in Survivors(main) /\ bak' \in Survivors(bak) /\ tmp' \in Survivors(tmp)
          /\ offsetTable' = None /\ step' = "idle" /\ mainDurable' = FALSE /\ forcing' = "none"
          /\ up' = FALSE /\ UNCHANGED <<consumer, persists, durableTable, crashes, restarts>>
  /\ tmp'.whole = tmp.whole /\ Over
TCrash ==
  IF Ev.power THEN TPower
  ELSE (IF up THEN Kill ELSE Same) /\ Over /\ UNCHANGED places
(* an orderly end waits for the forces that it asked for *)
TShutdown ==
  /\ Kill /\ Over /\ UNCHANGED places

Does ==
  CASE Ev.e = "Append" /\ IsMine -> TAppend
    [] Ev.e = "Flushed" -> TFlushed
    [] Ev.e = "CommitOffset" -> Sets(Ev.offset) /\ UNCHANGED more
    [] Ev.e = "MoveOffset" -> TMove
    [] Ev.e \in {"PersistOffset", "LoadOffset"} -> TRow
    [] Ev.e = "Persist" -> TPersist
    [] Ev.e = "RenameToBackup" -> RenameToBackup /\ UNCHANGED more
    [] Ev.e = "RenameToMain" -> TMain
    [] Ev.e = "Forced" -> TForced
    [] Ev.e = "Load" -> TLoad
    [] Ev.e = "Recovered" -> Same /\ row' = None /\ UNCHANGED <<places, texts, writes, empty, serves>>
    [] Ev.e = "TransactionStarted" ->
         Same /\ serves' = TRUE /\ UNCHANGED <<places, row, texts, writes, empty>>
    [] Ev.e = "Crash" -> TCrash
    [] Ev.e = "Shutdown" -> TShutdown
    [] OTHER -> Same /\ UNCHANGED more
Step ==
  /\ l <= Len(Trace) /\ Allows /\ l' = l + 1 /\ t' = t /\ LogStep /\ Does
  /\ busy' = CASE Ev.e \in RowEvents -> busy \cup {"row"}
               [] Ev.e \in FileEvents -> busy \cup {"file"}
               [] Ev.e = "TransactionStarted" ->
                    busy \cup {"start"} \cup (IF offsetTable = None THEN {} ELSE {"row"})
               [] Ev.e = "ObservedOffset" -> (busy \ {"row"}) \cup {"look"}
               [] Ev.e = "ObservedFile" -> (busy \ {"file"}) \cup {"look"}
               [] Ev.e \in {"Observed", "Crash", "Shutdown"} -> {}
               [] OTHER -> busy

(* What would have been allowed, as events *)
Row(name, offset) == [e |-> name, offset |-> IF offset = None THEN -1 ELSE offset]
Allowed ==
  LogAllowed
  \o Choice(serves, Row("QueryOffset", offsetTable))
  \o Choice("row" \in busy, Row("ObservedOffset", offsetTable))
  \o Choice("file" \in busy /\ "row" \notin busy,
            [e |-> "ObservedFile", text |-> InPlace, writes |-> writes, durable |-> mainDurable,
             loaded |-> forcing = "loaded"])
  \o Choice(up /\ alive /\ step = "idle" /\ offsetTable # None, Row("PersistOffset", offsetTable))
  \o Choice(up /\ ~alive /\ offsetTable # None, Row("LoadOffset", offsetTable))
  \o Choice(up /\ step = "idle" /\ row = offsetTable, [e |-> "Persist"])
  \o Choice(step = "backup", [e |-> "RenameToBackup"])
  \o Choice(step = "rename", [e |-> "RenameToMain"])
  \o Choice(step = "idle" /\ forcing # "none", [e |-> "Forced"])
  \o Choice(~up, [e |-> "Load", backup |-> ~Usable(main) /\ Usable(bak),
                  text |-> texts[Loaded.number]])
State ==
  [maxOffset |-> maxOffset, forced |-> forced, offsetTable |-> offsetTable, tmp |-> tmp,
   main |-> main, bak |-> bak, persists |-> persists, durableTable |-> durableTable,
   mainDurable |-> mainDurable, step |-> step, forcing |-> forcing, up |-> up, places |-> places,
   row |-> row, texts |-> texts, writes |-> writes, empty |-> empty, serves |-> serves,
   log |-> LogState]

Accept ==
  /\ l = Len(Trace) + 1 /\ PrintT(<<"ACCEPT", t>>)
  /\ l' = l + 1 /\ UNCHANGED <<vars, t, beneath, busy, more>>
Stuck == l <= Len(Trace) /\ ~ENABLED Step /\ Tells(Refusing, State, Allowed) /\ FALSE
Report ==
  /\ Holds("FileIsNeverHalf", FileIsNeverHalf)
  /\ Holds("ForcedIsWritten", forced <= maxOffset /\ ForcedIsWritten)

TInit ==
  /\ LogInit
  /\ maxOffset = 0 /\ forced = 0 /\ consumed = {} /\ pullOffset = None /\ processing = {}
  /\ offsetTable = None /\ tmp = Missing /\ main = Missing /\ bak = Missing
  /\ persists = 0 /\ durableTable = [number |-> 0, table |-> None]
  /\ mainDurable = FALSE /\ step = "idle" /\ forcing = "none"
  /\ up = FALSE /\ crashes = 0 /\ restarts = 0
  /\ places = <<>> /\ row = None /\ texts = [n \in {0} |-> 0] /\ writes = 0
  /\ empty = FALSE /\ serves = FALSE
(* Verdicts for a batch; and for those that were not accepted, why *)
TSpec == TInit /\ [][Step \/ Accept]_<<vars, t, l, beneath, busy, more>>
WhySpec == TInit /\ [][Step \/ Accept \/ Stuck]_<<vars, t, l, beneath, busy, more>>
=============================================================================
