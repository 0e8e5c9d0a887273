------------------------- MODULE TraceMappedFileQueue -------------------------
(***************************************************************************)
(* Traces of the files of a commit log against MappedFileQueue, used       *)
(* unchanged.  See TraceGroupCommit for the pattern.                       *)
(*                                                                         *)
(* An event may be several steps of the model: an append may fill a file   *)
(* with a blank and make the next; a start is a load and a truncation.     *)
(* Those steps are silent, and taken only where the next event needs them. *)
(* Traces with a pool are not followed: which file has a buffer is no      *)
(* event.                                                                  *)
(***************************************************************************)
EXTENDS MappedFileQueue, TraceData, TLC
VARIABLES t, l,
          looks      \* observations of this life

Trace == Traces[t]
Ev    == Trace[l]
Is(name) == IF l <= Len(Trace) THEN Ev.e = name ELSE FALSE
Begins == IF files = <<>> THEN End ELSE Last.from + Last.wrote
FileAt == IF IndexOf(flushedWhere) = 0 THEN 0
          ELSE files[IndexOf(flushedWhere)].from + files[IndexOf(flushedWhere)].cached
(* what of each file a crash left, where the log was found to end at `survived` *)
Kept(survived) ==
  IF survived # -1 /\ survived < promised /\ NextFile(survived) = promised
  THEN promised ELSE survived      \* a blank is no record
Parts(survived) == [i \in 1..Len(files) |->
  IF survived = -1 \/ survived >= files[i].from + files[i].cached THEN files[i].cached
  ELSE Max(files[i].kept, survived - files[i].from)]
NoneLost == [i \in 1..Len(files) |-> FALSE]
Left(survived) == \A i \in 1..Len(files) : Parts(survived)[i] <= Max(0, survived - files[i].from)

Conditions ==
  CASE Ev.e = "Append" -> <<
         <<"up", phase = "up">>,
         <<"the record stands where the last one ends", Begins = Ev.offset>>,
         <<"the record is in one file",
           FileOf(Ev.offset) = FileOf(Ev.offset + Ev.size - 1)>> >>
    [] Ev.e = "PutRefused" -> <<
         <<"up", phase = "up">>,
         <<"the log ends there, or behind a blank", Ev.where \in {Begins, End}>> >>
    [] Ev.e = "RemoveFirst" -> <<
         <<"up", phase = "up">>,
         <<"it begins with a file", Ev.min_offset % FileSize = 0>>,
         <<"the end stays", Ev.min_offset <= Begins>> >>
    [] Ev.e = "Observed" -> <<
         <<"up", phase = "up">>,
         <<"the looks are counted", Ev.looks = looks + 1>>,
         <<"wrote", Ev.wrote = Begins>>,
         <<"flushed", Ev.flushed = flushedWhere>>,
         <<"forcing", Ev.forcing = forcing>> >>
    [] Ev.e \in {"Flush", "ForceLog"} -> <<
         <<"no force is under way", forcing = 0>>,
         <<"where is the end of the file at flushed_where", FileAt = Ev.where>> >>
    [] Ev.e \in {"Flushed", "ForceFailed"} -> <<
         <<"forcing = where", forcing > 0 /\ forcing = Ev.where>> >>
    [] Ev.e = "Crash" -> <<
         <<"the looks are counted", Ev.looks = looks>>,
         <<"what was flushed survives", Ev.survived = -1 \/ Kept(Ev.survived) >= promised>>,
         <<"the log ends where it was written", Ev.survived = -1 \/ ~Ev.power \/ Left(Kept(Ev.survived))>>,
         <<"the page cache outlives the process",
           Ev.power \/ phase # "up" \/ Ev.survived = -1
             \/ Begins \in {Ev.survived, NextFile(Ev.survived)}>> >>
    [] Ev.e = "Shutdown" -> <<
         <<"the looks are counted", Ev.looks = looks>>,
         <<"everything is flushed", Ev.clean => flushedWhere = Begins>> >>
    [] Ev.e = "Recovered" -> <<
         <<"the store is down", phase = "loaded">>,
         <<"max_offset is where the first hole is, or ends a file behind it",
           Ev.max_offset = HoleAt \/ (Ev.max_offset > HoleAt /\ Ev.max_offset % FileSize = 0)>>,
         <<"flushed is durable", Ev.flushed <= promised>>,
         <<"flushed is the end or begins a file",
           Ev.flushed = HoleAt \/ Ev.flushed % FileSize = 0>> >>
    [] OTHER -> <<>>
Allows == LET all == Conditions IN \A i \in 1..Len(all) : all[i][2]
Refusing == SelectSeq(Conditions, LAMBDA condition : ~condition[2])

(* Steps between events *)
Blank == /\ phase = "up" /\ files # <<>>
         /\ \/ Is("Append") /\ Ev.offset = Last.from + FileSize
            \/ Is("PutRefused") /\ Ev.where = Last.from + FileSize
         /\ Last.wrote < FileSize /\ AppendMessage(FileSize - Last.wrote)
MakesFile == /\ Is("Append") /\ phase = "up" /\ Ev.offset = End /\ Create
Loads == Is("Recovered") /\ Load
(* The machine may stop within an append that nobody heard of: only the crash shows it *)
Unheard ==
  /\ Is("Crash") /\ phase = "up" /\ Ev.power /\ Ev.survived > Begins
  /\ IF Begins = End THEN Create ELSE AppendMessage(Min(Ev.survived, End) - Begins)
Between == (Blank \/ MakesFile \/ Loads \/ Unheard) /\ UNCHANGED <<t, l, looks>>

IsEvent(name) ==
  /\ Is(name) /\ Allows /\ l' = l + 1 /\ t' = t
  /\ looks' = IF name = "Observed" THEN Ev.looks
              ELSE IF name \in {"Crash", "Shutdown"} THEN 0 ELSE looks
TObserved  == IsEvent("Observed") /\ UNCHANGED vars
TRefused   == IsEvent("PutRefused") /\ Begins = Ev.where /\ UNCHANGED vars
(* wider than RemoveFirst: after its time a file goes, flushed or not *)
TRemove    == /\ IsEvent("RemoveFirst")
              /\ files' = SelectSeq(files, LAMBDA file : file.from >= Ev.min_offset)
              /\ flushedWhere' = Max(flushedWhere, Ev.min_offset)
              /\ committedWhere' = Max(committedWhere, Ev.min_offset)
              /\ promised' = Max(promised, Ev.min_offset)
              /\ UNCHANGED <<first, forcing, phase>>
TAppend    == IsEvent("Append") /\ files # <<>> /\ Begins < End /\ AppendMessage(Ev.size)
TFlush     == (IsEvent("Flush") \/ IsEvent("ForceLog")) /\ Flush
(* retention may take a file whose force is under way *)
Taken == forcing' = 0
         /\ UNCHANGED <<first, files, flushedWhere, committedWhere, promised, phase>>
TFlushed   == IsEvent("Flushed") /\ (IF IndexOf(forcing - 1) = 0 THEN Taken ELSE Flushed)
TFailed    == IsEvent("ForceFailed") /\ (IF IndexOf(forcing - 1) = 0 THEN Taken ELSE DirtyAgain)
TCrash     == IsEvent("Crash") /\ CrashTo(Ev.power, Parts(IF Ev.power THEN Kept(Ev.survived) ELSE -1), NoneLost)
TShutdown  == IsEvent("Shutdown") /\ CrashTo(FALSE, Parts(-1), NoneLost)
TRecovered == IsEvent("Recovered") /\ TruncateDirtyFiles(Ev.flushed, Ev.max_offset)
Step == Between \/ TObserved \/ TRefused \/ TRemove \/ TAppend \/ TFlush \/ TFlushed \/ TFailed \/ TCrash \/ TShutdown \/ TRecovered

Choice(enabled, event) == IF enabled THEN <<ToString(event)>> ELSE <<>>
Allowed ==
  Choice(phase = "up", [e |-> "Append", offset |-> Begins])
  \o Choice(ENABLED Flush, [e |-> "ForceLog", where |-> FileAt])
  \o Choice(ENABLED Flushed, [e |-> "Flushed", where |-> forcing])
  \o Choice(ENABLED DirtyAgain, [e |-> "ForceFailed", where |-> forcing])
  \o Choice(phase = "up", [e |-> "Observed", looks |-> looks + 1, wrote |-> Begins,
                           flushed |-> flushedWhere, forcing |-> forcing])
  \o Choice(phase = "up", [e |-> "Crash", survived |-> Begins, looks |-> looks])
  \o Choice(phase = "loaded", [e |-> "Recovered", max_offset |-> HoleAt])

State ==
  [files |-> files, flushedWhere |-> flushedWhere, forcing |-> forcing, promised |-> promised,
   phase |-> phase, first |-> first, committedWhere |-> committedWhere, looks |-> looks]

Accept ==
  /\ l = Len(Trace) + 1 /\ PrintT(<<"ACCEPT", t>>)
  /\ l' = l + 1 /\ UNCHANGED <<vars, t, looks>>
Stuck ==
  /\ l <= Len(Trace) /\ ~ENABLED Step
  /\ PrintT(<<"STUCK", t, l, ToString([i \in 1..Len(Refusing) |-> Refusing[i][1]]),
              ToString(State), ToString(Allowed)>>)
  /\ FALSE
Holds(name, ok) == ok \/ (PrintT(<<"VIOLATES", t, l, name>>) /\ FALSE)
Report ==
  /\ Holds("FilesMeet", FilesMeet)
  /\ Holds("PositionsOrdered", PositionsOrdered)
  /\ Holds("FlushedIsNeverCut", FlushedIsNeverCut)
  /\ Holds("FlushedIsDurable", FlushedIsDurable)

Found == Traces[t][1]
FoundFlushed == IF Found.e = "Recovered" THEN Found.flushed ELSE 0
FoundMax     == IF Found.e = "Recovered" THEN Found.cut ELSE 0
FoundFiles ==
  IF FoundMax = FileOf(FoundFlushed) THEN <<>>
  ELSE [i \in 1..((FoundMax - 1 - FileOf(FoundFlushed)) \div FileSize + 1) |->
         LET from == FileOf(FoundFlushed) + (i - 1) * FileSize
             cached == Min(FileSize, FoundMax - from)
         IN [from |-> from, wrote |-> 0, cached |-> cached,
             kept |-> Max(0, Min(cached, FoundFlushed - from)), named |-> TRUE]]
TInit ==
  /\ t \in 1..Len(Traces) /\ l = 1 /\ looks = 0
  /\ first = 0 /\ files = FoundFiles
  /\ flushedWhere = FileOf(FoundFlushed) /\ committedWhere = FileOf(FoundFlushed)
  /\ forcing = 0 /\ promised = FoundFlushed /\ phase = "down"
(* Verdicts for a batch; and for those that were not accepted, why *)
TSpec == TInit /\ [][Step \/ Accept]_<<vars, t, l, looks>>
WhySpec == TInit /\ [][Step \/ Accept \/ Stuck]_<<vars, t, l, looks>>
=============================================================================
