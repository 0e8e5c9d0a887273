--------------------------- MODULE TraceTransaction ---------------------------
(***************************************************************************)
(* Traces of a broker against Transaction, used unchanged within a life.   *)
(*                                                                         *)
(* Operations are taken as collected in every release: where one is        *)
(* written at once, its WriteOp follows.  A producer decides in a silent   *)
(* step before its end; it may end again, and otherwise.  What stands in   *)
(* the half queue, the operation queue and the log is held against the     *)
(* Append before the event that claims it.                                 *)
(*                                                                         *)
(* `log` is a window: when the file of offsets is durable, transactions    *)
(* are forgotten of which all is durable and lies behind every walk.       *)
(* NextHalf and NextOp stand for Halves and Operations, which count the    *)
(* whole log; whoever ends a forgotten half message is transaction 0.      *)
(***************************************************************************)
EXTENDS Transaction, TraceBrokerLog
VARIABLES nextHalf, nextOp,  \* ends of the two queues
          places,      \* where in the log each record of `log` ends
          owed,        \* [kind, n]: an Append that no event has claimed; kind "none"
          walks,       \* [half, op, mark]: the last settled round of this life and those behind it
          files,       \* [half, op] that a start after a power failure may find
          copies,      \* <<copy, first>> of half messages that were put back while immune
          awaits,      \* commits whose producer is not answered, each by its half message
          settled,     \* the file of offsets is durable: "yes", "no" or "unknown"
          fell         \* the power failed since the last start

more == <<nextHalf, nextOp, places, owed, walks, files, copies, awaits, fell>>
all == <<more, settled>>
InUse == DOMAIN decided     \* transactions, and one that is free; 0 is forgotten
N(offset) == Greater(offset, 0)      \* -1: none
Below(where) == Len(SelectSeq(places, LAMBDA place : place <= where))
Nothing == [kind |-> "none", n |-> 0]
NextHalf == nextHalf
NextOp == nextOp

KindOf(topic) == CASE topic = "RMQ_SYS_TRANS_HALF_TOPIC" -> "half"
                   [] topic = "RMQ_SYS_TRANS_OP_HALF_TOPIC" -> "op"
                   [] topic = "TRANS_CHECK_MAX_TIME_TOPIC" -> "discard"
                   [] OTHER -> "none"
Claims(kind, n) == owed.kind = kind /\ owed.n = n
IsKept(n) == \E i \in Kind("half") : log[i].n = n
TraceTxOf(n) == IF IsKept(n) THEN log[Half(n)].tx ELSE 0
TraceIsHalfOf(tx, n) == n < nextHalf /\ TxOf(n) = tx
HasHalf(n) == n >= 0 /\ n < nextHalf
(* a copy has ended with the half message that it was made of *)
FirstOf(n) == LET mine == {c \in copies : c[1] = n} IN IF mine = {} THEN n ELSE (CHOOSE c \in mine : TRUE)[2]
CopyEnded(n) == LET first == FirstOf(n) IN
  first # n /\ (first \in ended \/ \E i \in Kind("op") : log[i].n = first)
HasEnded == up /\ HasHalf(halfOffset) /\ (Known(halfOffset) \/ CopyEnded(halfOffset))
MayGoOn == up /\ IsKept(halfOffset) /\ ~HasEnded
Checks == IF IsKept(halfOffset) THEN log[Half(halfOffset)].m ELSE 0
What == IF Ev.commit THEN "commit" ELSE "rollback"
Row(walk) == [half |-> walk.half, op |-> walk.op]
Nowhere == [half |-> -1, op |-> -1]
Reached == IF walks = <<>> THEN Nowhere ELSE Row(walks[Len(walks)])       \* the rows of the table
Done == SelectSeq(walks, LAMBDA walk : walk.mark <= flushedTo)
Settled == IF Done = <<>> THEN Nowhere ELSE Row(Done[Len(Done)])
Start(f) == [half |-> Min(f.half, nextHalf), op |-> Min(f.op, nextOp)]
Found == IF fell THEN files ELSE {file}
(* a row is written when it moves *)
Moved(row, to) == IF N(row) = to THEN row ELSE to
Told == [half |-> Ev.half, op |-> Ev.op]
Starts == {Start(f) : f \in Found}

(* Of a transaction that is forgotten all is durable, and no walk comes to it again *)
Matters(i) ==
  \/ i > forced
  \/ log[i].kind = "half" /\ (log[i].n >= halfOffset \/ \E f \in files : log[i].n >= f.half)
  \/ log[i].kind = "op" /\ (log[i].m >= opOffset \/ \E f \in files : log[i].m >= f.op)
Open ==
  {log[i].tx : i \in {j \in 1..Len(log) : Matters(j)}}
  \cup {TxOf(pending[i]) : i \in 1..Len(pending)} \cup {TxOf(awaits[i]) : i \in 1..Len(awaits)}
IsFree(tx) == tx # 0 /\ ~Has(tx) /\ decided[tx] = {}
Free == CHOOSE tx \in InUse : IsFree(tx)
(* a half message stands in the log: there is a transaction for it *)
WithFree(f) ==
  IF \E tx \in InUse : IsFree(tx) THEN f
  ELSE LET new == CHOOSE n \in 1..Cardinality(InUse) : n \notin InUse
       IN [tx \in InUse \cup {new} |-> IF tx = new THEN {} ELSE f[tx]]

TransactionConditions ==
  CASE Ev.e = "Append" -> <<
         <<"what was appended is claimed", owed = Nothing>>,
         <<"the broker puts one message", KindOf(Ev.topic) # "none" => Ev.messages = 1>>,
         <<"the offset is the end of the half queue",
           KindOf(Ev.topic) = "half" => Ev.queue_offset = nextHalf>>,
         <<"the offset is the end of the operation queue",
           KindOf(Ev.topic) = "op" => Ev.queue_offset = nextOp>> >>
    [] Ev.e = "PrepareMessage" -> <<
         <<"up", up>>,
         <<"it stands in the half queue", Claims("half", Ev.half)>> >>
    [] Ev.e = "EndTransaction" -> <<
         <<"up", up>>,
         <<"what was appended is claimed", owed = Nothing>>,
         <<"there is a half message", HasHalf(Ev.half)>>,
         <<"the final message stands in the log", IF Ev.commit THEN Ev.where = lastEnd
                                                  ELSE Ev.where = 0>> >>
    [] Ev.e = "Committed" -> <<
         <<"up", up>>,
         <<"what was appended is claimed", owed = Nothing>>,
         <<"its final message is stored",
           \E i \in 1..Len(awaits) : awaits[i] = Ev.half>>,
         <<"the final message is durable",
           Ev.durable => \E i \in Kind("final") : i <= forced /\ log[i].n = Ev.half>> >>
    [] Ev.e = "WriteOp" -> <<
         <<"up", up>>,
         <<"it stands in the operation queue", Claims("op", Ev.op)>>,
         <<"so many have ended", Ev.halves > 0 /\ Ev.halves <= Len(pending)>> >>
    [] Ev.e = "RefuseOp" -> <<
         <<"up", up>>,
         <<"nothing was appended", owed = Nothing>>,
         <<"so many have ended", Ev.halves > 0 /\ Ev.halves <= Len(pending)>> >>
    [] Ev.e = "SkipEnded" -> <<
         <<"up", up>>,
         <<"what was appended is claimed", owed = Nothing>>,
         <<"halfOffset = half", halfOffset = Ev.half>>,
         <<"it has ended", HasEnded>> >>
    [] Ev.e = "Ask" -> <<
         <<"up", up>>,
         <<"halfOffset = half", halfOffset = Ev.half>>,
         <<"it is there and has not ended", MayGoOn>>,
         <<"it is put back", Claims("half", Ev.renewed)>>,
         <<"it counts one more check", Ev.times = Checks + 1>>,
         <<"it was not checked too often", Checks < CheckMax>> >>
    [] Ev.e = "Discard" -> <<
         <<"up", up>>,
         <<"halfOffset = half", halfOffset = Ev.half>>,
         \* the count is looked at before the half message of which this is a copy
         <<"it is there and has not ended", IsKept(halfOffset) /\ ~Known(halfOffset)>>,
         <<"it is moved out of the way", owed.kind = "discard">>,
         <<"it was checked too often", Ev.old # (Checks = CheckMax)>> >>
    [] Ev.e = "CommitOpOffset" -> <<
         <<"up", up>>,
         <<"what was appended is claimed", owed = Nothing>>,
         <<"halfOffset = half", halfOffset = Ev.half>>,
         <<"the round moved on", Ev.half # N(Reached.half) \/ Ev.op # N(Reached.op)>>,
         <<"operations are passed in order", Ev.op >= opOffset /\ Ev.op <= nextOp>>,
         <<"what is passed has ended",
           \A i \in Kind("op") : opOffset <= log[i].m /\ log[i].m < Ev.op => IsDone(i, Ev.op)>> >>
    [] Ev.e = "RenameToMain" -> <<
         <<"the file before it is told of", "file" \notin busy>> >>
    [] Ev.e = "Forced" -> <<
         <<"the file is told of", "file" \notin busy>>,
         <<"it was not durable", settled # "yes">> >>
    [] Ev.e = "ObservedFile" -> <<
         <<"it told something", "placed" \in busy>>,
         <<"the file is told of", "file" \notin busy>>,
         <<"settled = durable", settled = "unknown" \/ (settled = "yes") = Ev.durable>> >>
    [] Ev.e = "PersistWalk" /\ up -> <<
         <<"the file is in place", "file" \in busy>>,
         <<"the log that it speaks of is durable", Told = Settled>> >>
    [] Ev.e = "PersistWalk" -> <<
         <<"the file is in place", "file" \in busy>>,
         <<"it is what was loaded", Told \in Starts>> >>
    [] Ev.e = "TransactionStarted" -> <<
         <<"the log was recovered", alive /\ ~up>>,
         <<"what was recovered is durable", SyncFlush => flushedTo = lastEnd>>,
         <<"the offsets were written down, and are in their queues", Told \in Starts>> >>
    [] Ev.e = "ObservedWalk" -> <<
         <<"it told something", "walk" \in busy>>,
         <<"files are told first", "placed" \notin busy>>,
         <<"what was appended is claimed", owed = Nothing>>,
         <<"the walk is there", Told = Reached /\ N(Ev.half) = halfOffset>>,
         <<"Len(pending) = pending", Len(pending) = Ev.pending>>,
         <<"Len(awaits) = awaits", Len(awaits) = Ev.awaits>> >>
    [] Ev.e = "Observed" -> <<
         <<"what was appended is claimed", owed = Nothing>> >>
    [] Ev.e = "Shutdown" -> <<
         <<"what has ended is written", Ev.clean => pending = <<>> /\ awaits = <<>> >> >>
    [] OTHER -> <<>>
Conditions == LogConditions \o TransactionConditions
Allows == LET every == Conditions IN \A i \in 1..Len(every) : every[i][2]
Refusing == SelectSeq(Conditions, LAMBDA condition : ~condition[2])

(* Steps between events: a producer decides, and ends what it was never asked for *)
Tx == TxOf(Ev.half)
Between ==
  /\ l <= Len(Trace) /\ Ev.e = "EndTransaction" /\ Allows
  /\ \/ Decide(Tx, What)
     \/ /\ <<Tx, Ev.half>> \notin asked /\ asked' = asked \cup {<<Tx, Ev.half>>}
        /\ UNCHANGED <<ending, log, forced, decided, told, halfOffset, opOffset, ended, pending,
                       file, mark, up, crashes>>
  /\ UNCHANGED <<t, l, beneath, busy, all>>

Same == UNCHANGED vars
Claimed ==
  /\ places' = places \o [i \in 1..(Len(log') - Len(log)) |-> lastEnd] /\ owed' = Nothing
  /\ UNCHANGED <<walks, files, copies, fell>>
Counts(halves, ops) == nextHalf' = nextHalf + halves /\ nextOp' = nextOp + ops
TAppend ==
  /\ owed' = IF KindOf(Ev.topic) = "none" THEN Nothing
             ELSE [kind |-> KindOf(Ev.topic), n |-> Ev.queue_offset]
  /\ IF KindOf(Ev.topic) = "half" THEN decided' = WithFree(decided) /\ told' = WithFree(told)
     ELSE UNCHANGED <<decided, told>>
  /\ UNCHANGED <<ending, log, forced, asked, halfOffset, opOffset, ended, pending, file, mark, up,
                 crashes>>
  /\ UNCHANGED <<nextHalf, nextOp, places, walks, files, copies, awaits, fell>>
TPrepare == PrepareMessage(Free) /\ Counts(1, 0) /\ Claimed /\ UNCHANGED awaits
TEnd ==
  /\ EndTransaction(Tx, Ev.half, What)
  /\ awaits' = IF Ev.commit THEN Append(awaits, Ev.half) ELSE awaits
  /\ Counts(0, 0) /\ Claimed
(* an answer that the disk has not confirmed promises nothing *)
TCommitted ==
  /\ IF Ev.durable THEN Committed(Tx, Ev.half)
     ELSE /\ ending' = ending \ {<<Tx, Ev.half, Awaited(Tx, Ev.half)>>}
          /\ ended' = ended \cup {Ev.half} /\ pending' = Append(pending, Ev.half)
          /\ UNCHANGED <<log, forced, decided, told, asked, halfOffset, opOffset, file, mark, up,
                         crashes>>
  /\ LET i == CHOOSE i \in 1..Len(awaits) : awaits[i] = Ev.half
     IN awaits' = SubSeq(awaits, 1, i - 1) \o SubSeq(awaits, i + 1, Len(awaits))
  /\ Counts(0, 0) /\ Claimed
TSkipEnded ==
  /\ UNCHANGED more
  /\ IF Known(halfOffset) THEN SkipEnded
     ELSE /\ halfOffset' = halfOffset + 1 /\ mark' = Len(log)
          /\ UNCHANGED <<log, ending, forced, decided, told, asked, opOffset, ended, pending, file,
                         up, crashes>>
TAsk ==
  /\ Ask /\ Counts(1, 0)
  /\ places' = Append(places, lastEnd) /\ owed' = Nothing
  /\ copies' = IF Ev.immune \/ FirstOf(Ev.half) # Ev.half
               THEN copies \cup {<<Ev.renewed, FirstOf(Ev.half)>>} ELSE copies
  /\ UNCHANGED <<walks, files, awaits, fell>>
TDiscard ==
  /\ IF Checks = CheckMax THEN Discard
     ELSE /\ log' = Append(log, Put("discard", TxOf(halfOffset), halfOffset, 0))
          /\ halfOffset' = halfOffset + 1 /\ mark' = Len(log')
          /\ UNCHANGED <<ending, forced, decided, told, asked, opOffset, ended, pending, file, up,
                         crashes>>
  /\ Counts(0, 0) /\ Claimed /\ UNCHANGED awaits
TCommitOpOffset ==
  /\ IF Ev.op > opOffset THEN CommitOpOffset(Ev.op) ELSE Same
  /\ walks' = Append(walks, [half |-> Moved(Reached.half, Ev.half), op |-> Moved(Reached.op, Ev.op),
                             mark |-> lastEnd])
  /\ UNCHANGED <<nextHalf, nextOp, places, owed, files, copies, awaits, fell>>
TPersist ==
  /\ file' = Told /\ files' = files \cup {file'}
  /\ walks' = IF up THEN SubSeq(walks, Len(Done), Len(walks)) ELSE walks
  /\ UNCHANGED <<ending, log, forced, decided, told, asked, halfOffset, opOffset, ended, pending,
                 mark, up, crashes, nextHalf, nextOp, places, owed, copies, awaits, fell>>
TFlushed ==
  /\ forced' = Greater(forced, Below(Ev.where))
  /\ UNCHANGED <<ending, log, decided, told, asked, halfOffset, opOffset, ended, pending, file,
                 mark, up, crashes, more>>
(* The file is durable: no start finds an older one.  What no walk comes to is forgotten. *)
TForced == files' = {file} /\ UNCHANGED <<vars, nextHalf, nextOp, places, owed, walks, copies,
                                          awaits, fell>>
RECURSIVE Only(_, _, _)
Only(seq, is, i) ==
  IF i > Len(seq) THEN <<>>
  ELSE (IF is[i] THEN <<seq[i]>> ELSE <<>>) \o Only(seq, is, i + 1)
Forgets ==
  LET open == Open
      stays == [i \in 1..Len(log) |-> log[i].tx \in open]
      gone == {log[i].n : i \in {j \in Kind("half") : ~stays[j]}}
  IN /\ log' = Only(log, stays, 1) /\ places' = Only(places, stays, 1)
     /\ forced' = Cardinality({i \in 1..forced : stays[i]})
     /\ decided' = [tx \in InUse \cap (open \cup {0}) |-> decided[tx]]
     /\ told' = [tx \in InUse \cap (open \cup {0}) |-> IF tx \in open THEN told[tx] ELSE {}]
     /\ asked' = {a \in asked : a[1] \in open} /\ ended' = ended \ gone
     /\ copies' = {c \in copies : c[1] \notin gone}
     /\ mark' = 0
     /\ UNCHANGED <<ending, halfOffset, opOffset, pending, file, up, crashes, nextHalf, nextOp,
                    owed, walks, files, awaits, fell>>
Over(keep) ==
  /\ log' = SubSeq(log, 1, keep) /\ places' = SubSeq(places, 1, keep)
  /\ LET cut == {i \in 1..Len(log) : i > keep} IN
     /\ nextHalf' = nextHalf - Cardinality({i \in cut : log[i].kind = "half"})
     /\ nextOp' = nextOp - Cardinality({log[i].m : i \in {j \in cut : log[j].kind = "op"}})
  /\ up' = FALSE /\ ended' = {} /\ pending' = <<>> /\ mark' = 0 /\ ending' = {}
  /\ owed' = Nothing /\ walks' = <<>> /\ awaits' = <<>>
  /\ copies' = {c \in copies : \E i \in 1..keep : log[i].kind = "half" /\ log[i].n = c[1]}
  /\ UNCHANGED <<decided, told, asked, halfOffset, opOffset, file, crashes, files>>
TCrash ==
  /\ IF Ev.power /\ IsKnown THEN Over(Below(Ev.survived)) /\ forced' = Below(Ev.survived)
     ELSE Over(Len(log)) /\ UNCHANGED forced
  /\ fell' = (fell \/ Ev.power)
TShutdown ==
  /\ Over(Len(log)) /\ UNCHANGED fell
  /\ forced' = IF Ev.clean THEN Len(log) ELSE forced
TStarted ==
  /\ up' = TRUE /\ halfOffset' = N(Ev.half) /\ opOffset' = N(Ev.op)
  /\ LET mine == {f \in Found : Start(f) = Told}
     IN file' = (CHOOSE f \in mine : TRUE) /\ files' = IF fell THEN mine ELSE files
  /\ walks' = <<[half |-> Ev.half, op |-> Ev.op, mark |-> 0]>>
  /\ fell' = FALSE
  /\ decided' = [tx \in {x \in InUse : x = 0 \/ Has(x)} |-> decided[tx]]
  /\ told' = [tx \in {x \in InUse : x = 0 \/ Has(x)} |-> IF Has(tx) THEN told[tx] ELSE {}]
  /\ asked' = {a \in asked : Has(a[1])}
  /\ UNCHANGED <<ending, log, forced, ended, pending, mark, crashes, nextHalf, nextOp, places, owed,
                 copies, awaits>>

Does ==
  CASE Ev.e = "Append" -> TAppend
    [] Ev.e = "PrepareMessage" -> TPrepare
    [] Ev.e = "EndTransaction" -> TEnd
    [] Ev.e = "Committed" -> TCommitted
    [] Ev.e = "WriteOp" -> WriteOp(Ev.halves) /\ Counts(0, 1) /\ Claimed /\ UNCHANGED awaits
    [] Ev.e = "RefuseOp" -> RefuseOp(Ev.halves) /\ Counts(0, 0) /\ Claimed /\ UNCHANGED awaits
    [] Ev.e = "SkipEnded" -> TSkipEnded
    [] Ev.e = "Ask" -> TAsk
    [] Ev.e = "Discard" -> TDiscard
    [] Ev.e = "CommitOpOffset" -> TCommitOpOffset
    [] Ev.e = "PersistWalk" -> TPersist
    [] Ev.e = "Flushed" -> TFlushed
    [] Ev.e = "Forced" -> TForced
    [] Ev.e = "Crash" -> TCrash
    [] Ev.e = "Shutdown" -> TShutdown
    [] Ev.e = "TransactionStarted" -> TStarted
    [] Ev.e = "ObservedWalk" -> IF up THEN Forgets ELSE UNCHANGED <<vars, more>>
    [] OTHER -> UNCHANGED <<vars, more>>
Walkers == {"PrepareMessage", "EndTransaction", "Committed", "WriteOp", "RefuseOp", "SkipEnded", "Ask",
            "Discard", "CommitOpOffset", "PersistWalk", "TransactionStarted"}
Step ==
  \/ Between
  \/ /\ l <= Len(Trace) /\ Allows /\ l' = l + 1 /\ t' = t /\ LogStep /\ Does
     /\ settled' = CASE Ev.e = "RenameToMain" -> "no"
                     [] Ev.e = "Forced" -> "yes"
                     [] Ev.e = "ObservedFile" -> IF Ev.durable THEN "yes" ELSE "no"
                     [] Ev.e \in {"Crash", "Shutdown"} -> "unknown"
                     [] OTHER -> settled
     /\ busy' = CASE Ev.e = "RenameToMain" -> busy \cup {"file", "placed"}
                  [] Ev.e = "PersistWalk" -> (busy \ {"file"}) \cup {"walk"}
                  [] Ev.e \in {"Forced", "Recovered"} -> busy \cup {"placed"}
                  [] Ev.e = "ObservedFile" -> (busy \ {"placed"}) \cup {"look"}
                  [] Ev.e \in Walkers -> busy \cup {"walk"}
                  [] Ev.e = "ObservedWalk" -> (busy \ {"walk"}) \cup {"look"}
                  [] Ev.e \in {"Observed", "Crash", "Shutdown"} -> {}
                  [] OTHER -> busy

(* What would have been allowed, as events *)
Allowed ==
  LogAllowed
  \o Choice(owed.kind = "half", [e |-> "PrepareMessage", half |-> owed.n])
  \o Choice(owed.kind = "op", [e |-> "WriteOp", op |-> owed.n, halves |-> Len(pending)])
  \o Choice(owed.kind = "half" /\ MayGoOn,
            [e |-> "Ask", half |-> halfOffset, renewed |-> owed.n, times |-> Checks + 1])
  \o Choice(owed.kind = "discard" /\ MayGoOn, [e |-> "Discard", half |-> halfOffset])
  \o Choice(up /\ owed = Nothing /\ HasEnded, [e |-> "SkipEnded", half |-> halfOffset])
  \o Choice(up /\ owed = Nothing, [e |-> "CommitOpOffset", half |-> halfOffset, op |-> opOffset])
  \o (IF up THEN Choice("walk" \in busy, [e |-> "ObservedWalk", half |-> Reached.half,
                          op |-> Reached.op, pending |-> Len(pending), awaits |-> Len(awaits)])
                 \o Choice(TRUE, [e |-> "PersistWalk", half |-> Settled.half, op |-> Settled.op])
      ELSE <<>>)
  \o Choice(~up, [e |-> "TransactionStarted", half |-> Start(file).half, op |-> Start(file).op])
State ==
  [log |-> log, forced |-> forced, decided |-> {<<tx, decided[tx]>> : tx \in {x \in InUse : decided[x] # {}}},
   told |-> {<<tx, told[tx]>> : tx \in {x \in InUse : told[x] # {}}}, asked |-> asked,
   halfOffset |-> halfOffset, opOffset |-> opOffset, ended |-> ended, pending |-> pending,
   ending |-> ending, file |-> file, up |-> up, nextHalf |-> nextHalf, nextOp |-> nextOp,
   places |-> places, owed |-> owed, walks |-> walks, files |-> files, copies |-> copies,
   awaits |-> awaits, fell |-> fell, settled |-> settled, beneath |-> LogState]

Accept ==
  /\ l = Len(Trace) + 1 /\ PrintT(<<"ACCEPT", t>>)
  /\ l' = l + 1 /\ UNCHANGED <<vars, t, beneath, busy, all>>
Stuck == l <= Len(Trace) /\ ~ENABLED Step /\ Tells(Refusing, State, Allowed) /\ FALSE
After_(names) == l > 1 /\ l <= Len(Trace) + 1 /\ Trace[l - 1].e \in names   \* only they can break it
Report ==
  /\ After_({"EndTransaction"}) => Holds("OnlyCommittedIsVisible", OnlyCommittedIsVisible)
  /\ After_({"Committed", "Crash"}) => Holds("ToldIsVisible", ToldIsVisible)
  /\ After_({"WriteOp"}) => Holds("OpFollowsFinal", OpFollowsFinal)
  /\ After_({"PersistWalk", "TransactionStarted"}) =>
       Holds("PassedOperationsAreDone", up => PassedOperationsAreDone)
  /\ After_({"PersistWalk", "TransactionStarted"}) =>
       Holds("OpenIsFoundAgain", up => OpenIsFoundAgain)
  /\ Holds("ForcedIsWritten", ForcedIsWritten)

TInit ==
  /\ LogInit
  /\ log = <<>> /\ forced = 0 /\ asked = {} /\ ending = {} /\ halfOffset = 0 /\ opOffset = 0
  /\ decided = [tx \in {0} |-> {"commit", "rollback"}] /\ told = [tx \in {0} |-> {}]
  /\ ended = {} /\ pending = <<>> /\ file = Nowhere /\ mark = 0
  /\ up = FALSE /\ crashes = 0
  /\ nextHalf = 0 /\ nextOp = 0
  /\ places = <<>> /\ owed = Nothing /\ walks = <<>> /\ files = {Nowhere}
  /\ copies = {} /\ awaits = <<>> /\ fell = FALSE /\ settled = "unknown"
(* Verdicts for a batch; and for those that were not accepted, why *)
TSpec == TInit /\ [][Step \/ Accept]_<<vars, t, l, beneath, busy, all>>
WhySpec == TInit /\ [][Step \/ Accept \/ Stuck]_<<vars, t, l, beneath, busy, all>>
=============================================================================
