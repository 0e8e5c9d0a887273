---------------------------- MODULE TraceBrokerLog ----------------------------
(***************************************************************************)
(* What the trace modules of brokers share: the log below, as far as they  *)
(* rest on it, and looks.  A window of it is kept, above what is durable,  *)
(* so that an event costs the same in a long trace as in a short one.      *)
(*                                                                         *)
(* A look tells how the broker stands after one input.  It follows events; *)
(* a part of the broker that told something since the last look tells its  *)
(* state before the store does, and only then: `busy` are these parts.     *)
(***************************************************************************)
EXTENDS TraceData, Integers, TLC
CONSTANTS FileSize, MinBlank, SyncFlush
VARIABLES t, l,         \* number of the trace, next event
          lastEnd,      \* where the log ends
          flushedTo,    \* flushed_where
          overtaken,    \* that before retention passed it; -1 where no force may end below
          safe,         \* what no crash takes: everything below is durable
          safeEnd,      \* where the last record ends below that
          ends,         \* ends of the records above `safe`; of a batch the last
          batches,      \* <<from, to>> of batches above `safe`
          looks,        \* of this life
          busy,         \* parts that told something since the last look; "look" within one
          orderly,      \* the last life came to its end, and everything was durable
          alive         \* the store is open

beneath == <<lastEnd, flushedTo, overtaken, safe, safeEnd, ends, batches, looks, orderly, alive>>
Looks == {"ObservedOffset", "ObservedFile", "ObservedWalk", "Observed"}
Trace == Traces[t]
Ev    == Trace[l]
Greater(a, b) == IF a > b THEN a ELSE b
After(offset) == (offset \div FileSize + 1) * FileSize
PlaceOf(size) ==
  IF (lastEnd % FileSize) + size + MinBlank <= FileSize THEN lastEnd ELSE After(lastEnd)
IsKnown == Ev.survived # -1     \* a next life found the end of the log
MayEnd(where) ==
  \/ where = safeEnd \/ \E i \in 1..Len(ends) : ends[i] = where
  \/ \E b \in batches : b[1] < where /\ where < b[2]      \* a crash may cut a batch
  \/ where % FileSize = 0 /\ safeEnd <= where /\ where <= lastEnd     \* behind a blank

(* Retention took the file of a force that was under way: it ends below what counts as flushed by
   then, and no second one does *)
Overtaken == -1 < overtaken /\ overtaken < Ev.where /\ Ev.where <= flushedTo

(* While the parts tell their states nothing happens *)
Looking == "look" \in busy
LogConditions ==
  <<<<"a look ends with that of the store", Looking => Ev.e \in Looks>>>> \o
  CASE Ev.e = "Append" -> <<
         <<"the store is open", alive>>,
         <<"the log goes on where it ends, or with the next file", Ev.offset = PlaceOf(Ev.size)>> >>
    [] Ev.e = "PutRefused" -> <<
         <<"the log ends there, or behind a blank", Ev.where \in {lastEnd, After(lastEnd)}>> >>
    [] Ev.e = "RemoveFirst" -> <<
         <<"it begins with a file", Ev.min_offset % FileSize = 0>>,
         <<"something is left", Ev.min_offset <= lastEnd>> >>
    [] Ev.e = "Flushed" -> <<
         <<"more is durable", Ev.where > flushedTo \/ Overtaken>>,
         <<"it was written", Ev.where <= lastEnd>> >>
    [] Ev.e = "Observed" -> <<
         <<"the looks are counted", Ev.looks = looks + 1>>,
         <<"who did something has told", busy \ {"look", "start"} = {}>>,
         <<"lastEnd = wrote", lastEnd = Ev.wrote>>,
         <<"flushedTo = flushed", flushedTo = Ev.flushed>> >>
    [] Ev.e = "Crash" -> <<
         <<"the looks are counted", Ev.looks = looks>>,
         <<"a power failure has an image", Ev.power = (Ev.image # "")>>,
         <<"who did something has told", busy = {} \/ ~alive>>,
         <<"what is durable survives", Ev.power /\ IsKnown => Ev.survived >= safeEnd>>,
         <<"the log ends behind a record", Ev.power /\ IsKnown => MayEnd(Ev.survived)>>,
         <<"the page cache outlives the process",
           ~Ev.power /\ IsKnown => lastEnd \in {Ev.survived, After(Ev.survived)}>> >>
    [] Ev.e = "Shutdown" -> <<
         <<"the store is open", alive>>,
         <<"the looks are counted", Ev.looks = looks>>,
         <<"who did something has told", busy = {}>>,
         <<"it is clean where everything is durable", Ev.clean = (flushedTo = lastEnd)>> >>
    [] Ev.e = "Recovered" -> <<
         <<"the store was closed", ~alive>>,
         <<"the last life ended so", Ev.clean = orderly>>,
         <<"the log ends where the last life left it, or with that file",
           Ev.max_offset = lastEnd \/ (Ev.max_offset > lastEnd /\ Ev.max_offset % FileSize = 0)>> >>
    [] OTHER -> <<>>

(* What an event does to the log; `busy` is the affair of who extends this *)
LogStep ==
  /\ lastEnd' = CASE Ev.e = "Append" -> Ev.offset + Ev.size
                  [] Ev.e = "PutRefused" -> Ev.where
                  [] Ev.e = "Crash" -> IF Ev.power /\ IsKnown THEN Ev.survived ELSE lastEnd
                  [] Ev.e = "Recovered" -> Ev.max_offset
                  [] OTHER -> lastEnd
  /\ overtaken' = CASE Ev.e = "RemoveFirst" /\ flushedTo < Ev.min_offset /\ overtaken = -1 -> flushedTo
                    [] Ev.e \in {"Flushed", "Crash", "Shutdown", "Recovered"} -> -1
                    [] OTHER -> overtaken
  /\ flushedTo' = CASE Ev.e = "Flushed" -> Greater(flushedTo, Ev.where)
                    [] Ev.e = "RemoveFirst" -> Greater(flushedTo, Ev.min_offset)
                    [] Ev.e = "Recovered" -> Ev.flushed
                    [] OTHER -> flushedTo
  /\ safe' = CASE Ev.e = "Flushed" -> Greater(safe, Ev.where)
               [] Ev.e = "RemoveFirst" -> Greater(safe, Ev.min_offset)
               [] Ev.e = "Crash" -> IF Ev.power /\ IsKnown THEN Ev.survived ELSE safe
               [] Ev.e = "Shutdown" -> IF Ev.clean THEN lastEnd ELSE safe
               [] OTHER -> safe
  /\ IF Ev.e = "Append"
     THEN /\ ends' = Append(ends, Ev.offset + Ev.size) /\ UNCHANGED safeEnd
          /\ batches' = IF Ev.messages > 1
                        THEN batches \cup {<<Ev.offset, Ev.offset + Ev.size>>} ELSE batches
     ELSE IF Ev.e = "Crash" /\ Ev.power /\ IsKnown      \* what is left is on the platter
     THEN ends' = <<>> /\ safeEnd' = Ev.survived /\ batches' = {}
     ELSE IF safe' = safe THEN UNCHANGED <<ends, safeEnd, batches>>
     ELSE /\ ends' = SelectSeq(ends, LAMBDA end : end > safe')
          /\ LET below == Len(ends) - Len(ends')
             IN safeEnd' = IF below > 0 THEN ends[below] ELSE safeEnd
          /\ batches' = {b \in batches : b[2] > safe'}
  /\ looks' = CASE Ev.e = "Observed" -> Ev.looks
                [] Ev.e \in {"Recovered", "Crash", "Shutdown"} -> 0
                [] OTHER -> looks
  /\ orderly' = CASE Ev.e = "Shutdown" -> Ev.clean [] Ev.e = "Crash" -> FALSE [] OTHER -> orderly
  /\ alive' = CASE Ev.e = "Recovered" -> TRUE
                [] Ev.e \in {"Crash", "Shutdown"} -> FALSE
                [] OTHER -> alive
LogInit ==
  /\ t \in 1..Len(Traces) /\ l = 1
  /\ lastEnd = 0 /\ flushedTo = 0 /\ overtaken = -1 /\ safe = 0 /\ safeEnd = 0 /\ ends = <<>> /\ batches = {}
  /\ looks = 0 /\ busy = {} /\ orderly = TRUE /\ alive = FALSE

(* A crash that power has survived: all that was written to the log above `survived` is gone *)
ForcedIsWritten == safe <= lastEnd
LogState ==
  [lastEnd |-> lastEnd, flushedTo |-> flushedTo, overtaken |-> overtaken, safe |-> safe, safeEnd |-> safeEnd, ends |-> ends,
   batches |-> batches, looks |-> looks, busy |-> busy, orderly |-> orderly, alive |-> alive]

(* What would have been allowed, as events *)
Choice(enabled, event) == IF enabled THEN <<ToString(event)>> ELSE <<>>
LogAllowed ==
  Choice(alive, [e |-> "Append", offset |-> lastEnd])
  \o Choice(alive /\ busy \ {"look", "start"} = {}, [e |-> "Observed", looks |-> looks + 1, wrote |-> lastEnd,
                                 flushed |-> flushedTo])
  \o Choice(alive /\ busy = {}, [e |-> "Crash", power |-> FALSE, survived |-> lastEnd,
                                 looks |-> looks])
  \o Choice(~alive, [e |-> "Recovered", max_offset |-> lastEnd, clean |-> orderly])

Holds(name, ok) == ok \/ (PrintT(<<"VIOLATES", t, l, name>>) /\ FALSE)
Tells(refusing, state, allowed) ==
  PrintT(<<"STUCK", t, l, ToString([i \in 1..Len(refusing) |-> refusing[i][1]]),
           ToString(state), ToString(allowed)>>)
=============================================================================
