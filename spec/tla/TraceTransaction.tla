--------------------------- MODULE TraceTransaction ---------------------------
(***************************************************************************)
(* Traces of a broker against Transaction, used unchanged within a life.   *)
(* See TraceGroupCommit for the pattern.                                   *)
(*                                                                         *)
(* Operations are taken as collected in every release: where one is        *)
(* written at once, its WriteOp follows.  A producer decides in a silent   *)
(* step before its first end, and may send an end twice.  What stands in   *)
(* the half queue, the operation queue and the log is held against the     *)
(* Append before the event that claims it.                                 *)
(***************************************************************************)
EXTENDS Transaction, TraceData, Integers, TLC
VARIABLES t, l,
          places,      \* where in the log each record of `log` ends
          owed,        \* [kind, n]: an Append that no event has claimed; kind "none"
          last,        \* where the log ends
          flushedTo,   \* flushed_where
          walks,       \* [half, op, mark]: where rounds of this life ended, and the log then
          files,       \* [half, op] that were ever written down
          copies,      \* <<copy, first>> of half messages that were put back while immune
          awaits,      \* commits whose producer is not answered, each by its half message
          begun,       \* half messages ever prepared
          fell         \* the power failed since the last start

more == <<places, owed, last, flushedTo, walks, files, copies, awaits, begun, fell>>
Trace == Traces[t]
Ev    == Trace[l]
Is(name) == IF l <= Len(Trace) THEN Ev.e = name ELSE FALSE
TraceTransactions == 1..100     \* more than one trace prepares
Max(a, b) == IF a > b THEN a ELSE b
N(offset) == Max(offset, 0)      \* -1: none
Below(where) == Len(SelectSeq(places, LAMBDA place : place <= where))
Nothing == [kind |-> "none", n |-> 0]

KindOf(topic) == CASE topic = "RMQ_SYS_TRANS_HALF_TOPIC" -> "half"
                   [] topic = "RMQ_SYS_TRANS_OP_HALF_TOPIC" -> "op"
                   [] topic = "TRANS_CHECK_MAX_TIME_TOPIC" -> "discard"
                   [] OTHER -> "none"
Claims(kind, n) == owed.kind = kind /\ owed.n = n
HasHalf(n) == n >= 0 /\ n < Halves
TxOf(n) == log[Half(n)].tx
(* a copy has ended with the half message that it was made of *)
FirstOf(n) == LET mine == {c \in copies : c[1] = n} IN IF mine = {} THEN n ELSE (CHOOSE c \in mine : TRUE)[2]
CopyEnded(n) == LET first == FirstOf(n) IN
  first # n /\ (first \in ended \/ \E i \in Kind("op") : log[i].n = first)
HasEnded == HasHalf(halfOffset) /\ (Known(halfOffset) \/ CopyEnded(halfOffset))
MayGoOn == HasHalf(halfOffset) /\ ~HasEnded
Checks == IF HasHalf(halfOffset) THEN log[Half(halfOffset)].m ELSE 0
What == IF Ev.commit THEN "commit" ELSE "rollback"
Settled == LET done == SelectSeq(walks, LAMBDA walk : walk.mark <= flushedTo) IN done[Len(done)]
Start(f) == [half |-> Min(f.half, Halves), op |-> Min(f.op, Operations)]
Starts == {Start(f) : f \in IF fell THEN files ELSE {file}}

Conditions ==
  CASE Ev.e = "Append" -> <<
         <<"what was appended is claimed", owed = Nothing>>,
         <<"the log grows", Ev.offset >= last>>,
         <<"the offset is the end of the half queue",
           KindOf(Ev.topic) = "half" => Ev.queue_offset = Halves>>,
         <<"the offset is the end of the operation queue",
           KindOf(Ev.topic) = "op" => Ev.queue_offset = Operations>> >>
    [] Ev.e = "PrepareMessage" -> <<
         <<"up", up>>,
         <<"a trace prepares a hundred messages at most", begun + 1 \in Transactions>>,
         <<"it stands in the half queue", Claims("half", Ev.half)>> >>
    [] Ev.e = "EndTransaction" -> <<
         <<"up", up>>,
         <<"what was appended is claimed", owed = Nothing>>,
         <<"there is a half message", HasHalf(Ev.half)>>,
         <<"its producer decides once",
           HasHalf(Ev.half) => decided[TxOf(Ev.half)] \in {"none", What}>>,
         <<"the final message stands in the log", IF Ev.commit THEN Ev.where = last
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
         <<"it is there and has not ended", HasHalf(halfOffset) /\ ~Known(halfOffset)>>,
         <<"it is moved out of the way", owed.kind = "discard">>,
         <<"it was checked too often", Ev.old \/ Checks = CheckMax>> >>
    [] Ev.e = "CommitOpOffset" -> <<
         <<"up", up>>,
         <<"what was appended is claimed", owed = Nothing>>,
         <<"halfOffset = half", halfOffset = Ev.half>>,
         <<"operations are passed in order", Ev.op >= opOffset /\ Ev.op <= Operations>>,
         <<"what is passed has ended",
           \A i \in Kind("op") : opOffset <= log[i].m /\ log[i].m < Ev.op => IsDone(i, Ev.op)>> >>
    [] Ev.e = "PersistWalk" /\ up -> <<
         <<"the log that it speaks of is durable",
           [half |-> N(Ev.half), op |-> N(Ev.op)] = [half |-> Settled.half, op |-> Settled.op]>> >>
    [] Ev.e = "PersistWalk" -> <<
         <<"it is what was loaded", [half |-> N(Ev.half), op |-> N(Ev.op)] \in Starts>> >>
    [] Ev.e = "TransactionStarted" -> <<
         <<"the broker was down", ~up>>,
         <<"the offsets were written down, and are in their queues",
           [half |-> N(Ev.half), op |-> N(Ev.op)] \in Starts>> >>
    [] Ev.e = "Crash" -> <<
         <<"what was appended is claimed", owed = Nothing>>,
         <<"what is durable survives", Ev.survived = -1 \/ ~Ev.power \/ forced <= Below(Ev.survived)>> >>
    [] Ev.e = "Shutdown" -> <<
         <<"what was appended is claimed", owed = Nothing>>,
         <<"what has ended is written",
           Ev.clean => pending = <<>> /\ awaits = <<>> >> >>
    [] OTHER -> <<>>
Allows == LET all == Conditions IN \A i \in 1..Len(all) : all[i][2]
Refusing == SelectSeq(Conditions, LAMBDA condition : ~condition[2])

(* Steps between events *)
Decides ==
  /\ Is("EndTransaction") /\ Allows /\ decided[TxOf(Ev.half)] = "none"
  /\ Decide(TxOf(Ev.half), What)
(* a request may be sent twice *)
Again ==
  /\ Is("EndTransaction") /\ Allows /\ <<TxOf(Ev.half), Ev.half>> \notin asked
  /\ asked' = asked \cup {<<TxOf(Ev.half), Ev.half>>}
  /\ UNCHANGED <<ending, log, forced, decided, told, halfOffset, opOffset, ended, pending, file,
                 mark, up, crashes>>
AgainCommitted ==
  /\ Is("Committed") /\ Allows /\ <<TxOf(Ev.half), Ev.half>> \notin ending
  /\ ending' = ending \cup {<<TxOf(Ev.half), Ev.half>>}
  /\ UNCHANGED <<asked, log, forced, decided, told, halfOffset, opOffset, ended, pending, file,
                 mark, up, crashes>>
Between == (Decides \/ Again \/ AgainCommitted) /\ UNCHANGED <<t, l, more>>

IsEvent(name) == Is(name) /\ Allows /\ l' = l + 1 /\ t' = t
Same == UNCHANGED vars
Placed == places' = places \o [i \in 1..(Len(log') - Len(log)) |-> last]
Claimed ==
  /\ Placed /\ owed' = Nothing
  /\ UNCHANGED <<last, flushedTo, walks, files, copies, fell>>
TAppend ==
  /\ IsEvent("Append") /\ Same
  /\ owed' = IF KindOf(Ev.topic) = "none" THEN Nothing
             ELSE [kind |-> KindOf(Ev.topic), n |-> Ev.queue_offset]
  /\ last' = Ev.offset + Ev.size
  /\ UNCHANGED <<places, flushedTo, walks, files, copies, awaits, begun, fell>>
TPrepare ==
  /\ IsEvent("PrepareMessage") /\ PrepareMessage(begun + 1)
  /\ begun' = begun + 1 /\ Claimed /\ UNCHANGED awaits
TEnd ==
  /\ IsEvent("EndTransaction") /\ EndTransaction(TxOf(Ev.half), Ev.half)
  /\ awaits' = IF Ev.commit THEN Append(awaits, Ev.half) ELSE awaits
  /\ Claimed /\ UNCHANGED begun
(* an answer that the disk has not confirmed promises nothing *)
TCommitted ==
  /\ IsEvent("Committed")
  /\ IF Ev.durable THEN Committed(TxOf(Ev.half), Ev.half)
     ELSE /\ ending' = ending \ {<<TxOf(Ev.half), Ev.half>>}
          /\ ended' = ended \cup {Ev.half} /\ pending' = Append(pending, Ev.half)
          /\ UNCHANGED <<log, forced, decided, told, asked, halfOffset, opOffset, file, mark, up,
                         crashes>>
  /\ LET i == CHOOSE i \in 1..Len(awaits) : awaits[i] = Ev.half
     IN awaits' = SubSeq(awaits, 1, i - 1) \o SubSeq(awaits, i + 1, Len(awaits))
  /\ Claimed /\ UNCHANGED begun
TWriteOp == IsEvent("WriteOp") /\ WriteOp(Ev.halves) /\ Claimed /\ UNCHANGED <<awaits, begun>>
TRefuseOp == IsEvent("RefuseOp") /\ RefuseOp(Ev.halves) /\ Claimed /\ UNCHANGED <<awaits, begun>>
TSkipEnded ==
  /\ IsEvent("SkipEnded") /\ UNCHANGED more
  /\ IF Known(halfOffset) THEN SkipEnded
     ELSE /\ halfOffset' = halfOffset + 1 /\ mark' = Len(log)
          /\ UNCHANGED <<log, ending, forced, decided, told, asked, opOffset, ended, pending, file,
                         up, crashes>>
TAsk ==
  /\ IsEvent("Ask") /\ Ask
  /\ Placed /\ owed' = Nothing
  /\ copies' = IF Ev.immune \/ FirstOf(Ev.half) # Ev.half
               THEN copies \cup {<<Ev.renewed, FirstOf(Ev.half)>>} ELSE copies
  /\ UNCHANGED <<last, flushedTo, walks, files, awaits, begun, fell>>
TDiscard ==
  /\ IsEvent("Discard")
  /\ IF Checks = CheckMax THEN Discard
     ELSE /\ log' = Append(log, Put("discard", TxOf(halfOffset), halfOffset, 0))
          /\ halfOffset' = halfOffset + 1 /\ mark' = Len(log')
          /\ UNCHANGED <<ending, forced, decided, told, asked, opOffset, ended, pending, file, up,
                         crashes>>
  /\ Claimed /\ UNCHANGED <<awaits, begun>>
TCommitOpOffset ==
  /\ IsEvent("CommitOpOffset")
  /\ IF Ev.op > opOffset THEN CommitOpOffset(Ev.op) ELSE Same
  /\ walks' = Append(walks, [half |-> Ev.half, op |-> Ev.op, mark |-> last])
  /\ UNCHANGED <<places, owed, last, flushedTo, files, copies, awaits, begun, fell>>
TPersist ==
  /\ IsEvent("PersistWalk")
  /\ file' = [half |-> N(Ev.half), op |-> N(Ev.op)]
  /\ files' = files \cup {file'}
  /\ UNCHANGED <<ending, log, forced, decided, told, asked, halfOffset, opOffset, ended, pending,
                 mark, up, crashes, places, owed, last, flushedTo, walks, copies, awaits, begun, fell>>
TFlushed ==
  /\ IsEvent("Flushed")
  /\ forced' = Max(forced, Below(Ev.where)) /\ flushedTo' = Ev.where
  /\ UNCHANGED <<ending, log, decided, told, asked, halfOffset, opOffset, ended, pending, file,
                 mark, up, crashes, places, owed, last, walks, files, copies, awaits, begun, fell>>
Over(keep) ==
  /\ log' = SubSeq(log, 1, keep) /\ places' = SubSeq(places, 1, keep)
  /\ up' = FALSE /\ ended' = {} /\ pending' = <<>> /\ mark' = 0 /\ ending' = {}
  /\ owed' = Nothing /\ walks' = <<>> /\ awaits' = <<>>
  /\ copies' = {c \in copies : \E i \in 1..keep : log[i].kind = "half" /\ log[i].n = c[1]}
  /\ UNCHANGED <<decided, told, asked, halfOffset, opOffset, file, crashes, last, flushedTo, files,
                 begun>>
TCrash ==
  /\ IsEvent("Crash")
  /\ Over(IF Ev.power /\ Ev.survived >= 0 THEN Below(Ev.survived) ELSE Len(log))
  /\ fell' = (fell \/ Ev.power) /\ UNCHANGED forced
TShutdown ==
  /\ IsEvent("Shutdown") /\ Over(Len(log)) /\ UNCHANGED fell
  /\ forced' = IF Ev.clean THEN Len(log) ELSE forced
TRecovered ==
  /\ IsEvent("Recovered") /\ Same
  /\ last' = Ev.max_offset /\ flushedTo' = Ev.flushed
  /\ UNCHANGED <<places, owed, walks, files, copies, awaits, begun, fell>>
TStarted ==
  /\ IsEvent("TransactionStarted")
  /\ up' = TRUE /\ halfOffset' = N(Ev.half) /\ opOffset' = N(Ev.op)
  /\ file' = CHOOSE f \in IF fell THEN files ELSE {file} :
               Start(f) = [half |-> N(Ev.half), op |-> N(Ev.op)]
  /\ walks' = <<[half |-> N(Ev.half), op |-> N(Ev.op), mark |-> 0]>>
  /\ fell' = FALSE
  /\ UNCHANGED <<ending, log, forced, decided, told, asked, ended, pending, mark, crashes, places,
                 owed, last, flushedTo, files, copies, awaits, begun>>
Step == \/ Between \/ TAppend \/ TPrepare \/ TEnd \/ TCommitted \/ TWriteOp \/ TRefuseOp
        \/ TSkipEnded \/ TAsk \/ TDiscard \/ TCommitOpOffset \/ TPersist \/ TFlushed
        \/ TCrash \/ TShutdown \/ TRecovered \/ TStarted

(* What would have been allowed, as events *)
Choice(enabled, event) == IF enabled THEN <<ToString(event)>> ELSE <<>>
Allowed ==
  Choice(owed.kind = "half", [e |-> "PrepareMessage", half |-> owed.n])
  \o Choice(owed.kind = "op", [e |-> "WriteOp", op |-> owed.n, halves |-> Len(pending)])
  \o Choice(owed.kind = "half" /\ MayGoOn,
            [e |-> "Ask", half |-> halfOffset, renewed |-> owed.n, times |-> Checks + 1])
  \o Choice(owed.kind = "discard" /\ MayGoOn, [e |-> "Discard", half |-> halfOffset])
  \o Choice(up /\ owed = Nothing /\ HasEnded, [e |-> "SkipEnded", half |-> halfOffset])
  \o Choice(up /\ owed = Nothing, [e |-> "CommitOpOffset", half |-> halfOffset, op |-> opOffset])
  \o Choice(up /\ owed = Nothing, [e |-> "Append", offset |-> last])
  \o (IF up THEN Choice(TRUE, [e |-> "PersistWalk", half |-> Settled.half, op |-> Settled.op])
      ELSE <<>>)
  \o Choice(~up, [e |-> "TransactionStarted", half |-> Min(file.half, Halves),
                  op |-> Min(file.op, Operations)])
State ==
  [log |-> log, forced |-> forced, halfOffset |-> halfOffset, opOffset |-> opOffset,
   ended |-> ended, pending |-> pending, ending |-> ending, file |-> file, owed |-> owed,
   last |-> last, flushedTo |-> flushedTo, walks |-> walks, copies |-> copies, up |-> up]

Accept ==
  /\ l = Len(Trace) + 1 /\ PrintT(<<"ACCEPT", t>>)
  /\ l' = l + 1 /\ UNCHANGED <<vars, t, more>>
Stuck ==
  /\ l <= Len(Trace) /\ ~ENABLED Step
  /\ PrintT(<<"STUCK", t, l, ToString([i \in 1..Len(Refusing) |-> Refusing[i][1]]),
              ToString(State), ToString(Allowed)>>)
  /\ FALSE
Holds(name, ok) == ok \/ (PrintT(<<"VIOLATES", t, l, name>>) /\ FALSE)
After(names) == l > 1 /\ l <= Len(Trace) + 1 /\ Trace[l - 1].e \in names   \* only they can break it
Report ==
  /\ After({"EndTransaction"}) => Holds("OnlyCommittedIsVisible", OnlyCommittedIsVisible)
  /\ After({"Committed", "Crash"}) => Holds("ToldIsVisible", ToldIsVisible)
  /\ After({"WriteOp"}) => Holds("OpFollowsFinal", OpFollowsFinal)
  /\ After({"PersistWalk", "TransactionStarted"}) =>
       Holds("PassedOperationsAreDone", up => PassedOperationsAreDone)
  /\ After({"PersistWalk", "TransactionStarted"}) =>
       Holds("OpenIsFoundAgain", up => OpenIsFoundAgain)

TInit ==
  /\ t \in 1..Len(Traces) /\ l = 1
  /\ log = <<>> /\ forced = 0 /\ asked = {} /\ ending = {} /\ halfOffset = 0 /\ opOffset = 0
  /\ decided = [tx \in Transactions |-> "none"] /\ told = [tx \in Transactions |-> "none"]
  /\ ended = {} /\ pending = <<>> /\ file = [half |-> 0, op |-> 0] /\ mark = 0
  /\ up = FALSE /\ crashes = 0
  /\ places = <<>> /\ owed = Nothing /\ last = 0 /\ flushedTo = 0
  /\ walks = <<>> /\ files = {[half |-> 0, op |-> 0]} /\ copies = {} /\ awaits = <<>> /\ begun = 0
  /\ fell = FALSE
(* Verdicts for a batch; and for those that were not accepted, why *)
TSpec == TInit /\ [][Step \/ Accept]_<<vars, t, l, more>>
WhySpec == TInit /\ [][Step \/ Accept \/ Stuck]_<<vars, t, l, more>>
=============================================================================
