--------------------------- MODULE MappedFileQueue ---------------------------
(***************************************************************************)
(* A directory of equally long files, written as one sequence of bytes.    *)
(*                                                                         *)
(* Rules    STORE-FILES-1..5, -11, STORE-FLUSH-1, -3, -9,                  *)
(*          STORE-RECOVERY-6, -7, STORE-RETENTION-10                       *)
(* Code     refimpl/store/mapped_file_queue.py, refimpl/store/mapped_file.py *)
(*                                                                         *)
(* Says     Files follow one another without gaps; an append goes to the   *)
(*          last, or to a new one when that is full or has too little      *)
(*          room.  A flush names the file at flushed_where and how far it  *)
(*          would reach; a force that failed leaves its bytes dirty.  A    *)
(*          crash keeps of each file any part of what was not forced, and  *)
(*          may forget a file whose name was not synced; then load takes   *)
(*          what the directory has, and recovery cuts at the first hole.   *)
(*          What was flushed is never cut.                                 *)
(*                                                                         *)
(* Leaves out, and why that is safe                                        *)
(*   - Contents: a byte is there or it is not.  What is not is zeros or    *)
(*     garbage, and recovery stops at either (Recovery, records with CRC). *)
(*   - Pages: how little is too little is the matter of AsyncFlush; here a *)
(*     flush may happen at any time, which allows more.                    *)
(*   - Order of bytes in a file: of an unforced part a prefix survives,    *)
(*     since recovery believes nothing behind the first hole.              *)
(*   - The files below flushed_where: full, forced, and never written      *)
(*     again; only `first` remembers them, so that the state is a window.  *)
(***************************************************************************)
EXTENDS Integers, Sequences, FiniteSets

CONSTANTS
  FileSize,
  Sizes,       \* of appends
  MaxFiles,    \* bound: files that are ever made
  Pool,        \* new files are written to a buffer of the pool
  Design       \* "right", or a wrong design kept on purpose

Designs == {"right", "names-unsynced", "failed-force-counts"}
ASSUME Design \in Designs

VARIABLES
  first,           \* file_from_offset of the oldest file; 0 while there was none
  files,           \* window: from the file that holds flushed_where to the last
  flushedWhere, committedWhere,
  forcing,         \* where the force under way will reach; 0 for none
  promised,        \* the greatest flushed_where of any life: what must never be cut
  phase            \* "up", "down" (after a crash), "loaded" (before truncation)

(* A file: from      file_from_offset
           wrote     wrote_position
           cached    bytes in the page cache (committed_position where there is a buffer)
           kept      bytes that survive every crash
           named     its name is durable *)
vars == <<first, files, flushedWhere, committedWhere, forcing, promised, phase>>
where == <<flushedWhere, committedWhere, forcing, promised>>

Offsets == 0..(MaxFiles * FileSize)
Positions == 0..FileSize
Min(a, b) == IF a < b THEN a ELSE b
Max(a, b) == IF a > b THEN a ELSE b
NextFile(offset) == (offset \div FileSize + 1) * FileSize
FileOf(offset) == (offset \div FileSize) * FileSize
Last == files[Len(files)]
End == IF files = <<>> THEN flushedWhere ELSE Last.from + FileSize
MaxWrotePosition == IF files = <<>> THEN flushedWhere ELSE Last.from + Last.wrote
(* of the file that stands at `offset`, 0 for none *)
IndexOf(offset) ==
  IF \E i \in 1..Len(files) : files[i].from = FileOf(offset)
  THEN CHOOSE i \in 1..Len(files) : files[i].from = FileOf(offset) ELSE 0
WithLast(file) == [files EXCEPT ![Len(files)] = file]
(* forget files that are flushed to their end *)
Window(s, flushed) == SelectSeq(s, LAMBDA file : file.from + FileSize > flushed)

Init ==
  /\ first = 0 /\ files = <<>> /\ flushedWhere = 0 /\ committedWhere = 0 /\ forcing = 0
  /\ promised = 0 /\ phase = "down"
----------------------------------------------------------------------------
(* roll, create: STORE-FILES-1, STORE-FILES-11: the name is durable before the file is used *)
Create ==
  /\ phase = "up" /\ End < MaxFiles * FileSize
  /\ IF files = <<>> THEN TRUE ELSE Last.wrote = FileSize
  /\ files' = files \o <<[from |-> End, wrote |-> 0, cached |-> 0, kept |-> 0,
                          named |-> Design # "names-unsynced"]>>
  /\ UNCHANGED <<first, where, phase>>

(* append_message: `size` bytes, or a blank to the end of the file where they do not fit *)
AppendMessage(size) ==
  /\ phase = "up" /\ files # <<>> /\ Last.wrote < FileSize
  /\ LET wrote == Min(Last.wrote + size, FileSize) IN
       files' = WithLast([Last EXCEPT !.wrote = wrote,
                                      !.cached = IF Pool THEN Last.cached ELSE wrote])
  /\ UNCHANGED <<first, where, phase>>

(* commit: one file's buffer to the page cache *)
Commit ==
  /\ phase = "up" /\ Pool /\ IndexOf(committedWhere) > 0
  /\ LET i == IndexOf(committedWhere) IN
       /\ files[i].cached < files[i].wrote
       /\ files' = [files EXCEPT ![i].cached = files[i].wrote]
       /\ committedWhere' = files[i].from + files[i].wrote
  /\ UNCHANGED <<first, flushedWhere, forcing, promised, phase>>

(* flush: STORE-FLUSH-3: the file at flushed_where, as far as it is in the page cache *)
Flush ==
  /\ phase = "up" /\ forcing = 0 /\ IndexOf(flushedWhere) > 0
  /\ LET file == files[IndexOf(flushedWhere)] IN
       /\ file.from + file.cached > flushedWhere
       /\ forcing' = file.from + file.cached
  /\ UNCHANGED <<first, files, flushedWhere, committedWhere, promised, phase>>

Forced(ok) ==
  LET i == IndexOf(forcing - 1)
      file == files[i]
      kept == [file EXCEPT !.kept = IF ok THEN Max(file.kept, forcing - file.from) ELSE file.kept]
  IN /\ flushedWhere' = Max(flushedWhere, forcing)
     /\ promised' = Max(promised, forcing)
     /\ files' = Window([files EXCEPT ![i] = kept], flushedWhere')

(* flushed: the force succeeded *)
Flushed ==
  /\ phase = "up" /\ forcing > 0 /\ Forced(TRUE) /\ forcing' = 0
  /\ UNCHANGED <<first, committedWhere, phase>>

(* dirty_again: it failed, and its bytes are written once more.  STORE-FLUSH-1 *)
DirtyAgain ==
  /\ phase = "up" /\ forcing > 0 /\ forcing' = 0
  /\ IF Design = "failed-force-counts" THEN Forced(FALSE)
     ELSE UNCHANGED <<files, flushedWhere, promised>>
  /\ UNCHANGED <<first, committedWhere, phase>>

(* remove_first, after delete_expired_files_by_time: never the last, never what is not flushed *)
RemoveFirst ==
  /\ phase = "up" /\ first + FileSize <= flushedWhere /\ first + FileSize < End
  /\ first' = first + FileSize
  /\ committedWhere' = Max(committedWhere, first')
  /\ UNCHANGED <<files, flushedWhere, forcing, promised, phase>>

(* The process ends, with or without the machine: of each file a part of the page cache stays
   that covers what was forced; files without a durable name may be gone *)
Survives(file, machine) ==
  IF machine THEN file.kept..file.cached ELSE {file.cached}
Gone(file, machine) == IF machine /\ ~file.named THEN {TRUE, FALSE} ELSE {FALSE}
CrashTo(machine, part, lost) ==
  /\ phase' = "down" /\ forcing' = 0
  /\ \A i \in 1..Len(files) :
       /\ part[i] \in Survives(files[i], machine)
       /\ lost[i] \in Gone(files[i], machine)
       /\ lost[i] => part[i] = files[i].kept
  /\ files' = [i \in 1..Len(files) |->
       [files[i] EXCEPT !.cached = IF lost[i] THEN 0 ELSE part[i], !.wrote = 0,
                        !.kept = IF lost[i] THEN 0 ELSE files[i].kept,
                        !.named = IF lost[i] THEN FALSE ELSE files[i].named]]
  /\ flushedWhere' = FileOf(flushedWhere) /\ committedWhere' = FileOf(flushedWhere)
  /\ UNCHANGED <<first, promised>>
Crash(machine) ==
  /\ phase \in {"up", "loaded"}
  /\ \E part \in [1..Len(files) -> Positions], lost \in [1..Len(files) -> BOOLEAN] :
       CrashTo(machine, part, lost)

(* load: every file is taken for full; STORE-FILES-3: a lost name ends the queue *)
Load ==
  /\ phase = "down" /\ phase' = "loaded"
  /\ LET there == IF \E i \in 1..Len(files) : ~files[i].named /\ files[i].cached = 0
                  THEN SubSeq(files, 1, (CHOOSE i \in 1..Len(files) :
                         /\ ~files[i].named /\ files[i].cached = 0
                         /\ \A j \in 1..(i - 1) : files[j].named \/ files[j].cached > 0) - 1)
                  ELSE files
     IN files' = [i \in 1..Len(there) |-> [there[i] EXCEPT !.wrote = FileSize, !.named = TRUE]]
  /\ UNCHANGED <<first, where>>

(* truncate_dirty_files: recovery found the first hole; what is behind it goes, and nothing that
   was read counts as flushed (STORE-RECOVERY-6, STORE-RECOVERY-7) *)
HoleAt ==
  IF \E i \in 1..Len(files) : files[i].cached < FileSize
  THEN LET i == CHOOSE j \in 1..Len(files) : /\ files[j].cached < FileSize
                  /\ \A k \in 1..(j - 1) : files[k].cached = FileSize
       IN files[i].from + files[i].cached
  ELSE End
Full(offset) == [from |-> offset, wrote |-> FileSize, cached |-> FileSize, kept |-> FileSize,
                 named |-> TRUE]
(* full files from `from` to the window: recovery counts them as unflushed once more *)
Refill(from) ==
  LET count == IF from >= flushedWhere THEN 0 ELSE (flushedWhere - FileOf(from)) \div FileSize
  IN [i \in 1..count |-> Full(FileOf(from) + (i - 1) * FileSize)]
(* STORE-RECOVERY-6: where something stood behind the cut, blanks end its file; `to` is its end *)
CloseTo(cut, to) ==
  LET start == IF cut = <<>> THEN HoleAt ELSE cut[Len(cut)].from + FileSize
      count == IF to > start THEN (to - start) \div FileSize ELSE 0
  IN [i \in 1..Len(cut) |-> [cut[i] EXCEPT !.wrote = FileSize, !.cached = FileSize]]
     \o [i \in 1..count |-> [Full(start + (i - 1) * FileSize) EXCEPT !.kept = 0]]
TruncateDirtyFiles(from, to) ==
  /\ to = HoleAt \/ (to % FileSize = 0 /\ to > HoleAt)
  /\ phase = "loaded" /\ phase' = "up"
     \* where the flushes of this life begin: a file below which all is durable, or the end
  /\ from >= first /\ from <= HoleAt
  /\ IF from % FileSize = 0 THEN from <= promised
     ELSE from = HoleAt /\ \A i \in 1..Len(files) :
            files[i].from < from => files[i].kept >= Min(FileSize, from - files[i].from)
  /\ LET stay == SelectSeq(files, LAMBDA file : file.from <= HoleAt)
         cut == [i \in 1..Len(stay) |->
           LET wrote == Min(stay[i].cached, Max(0, HoleAt - stay[i].from)) IN
           [stay[i] EXCEPT !.wrote = wrote, !.cached = wrote, !.kept = Min(@, wrote)]]
     IN files' = Window(Refill(from) \o (IF to = HoleAt THEN cut ELSE CloseTo(cut, to)), from)
  /\ committedWhere' = to
  /\ flushedWhere' = from
  /\ UNCHANGED <<first, forcing, promised>>

Next ==
  \/ Create
  \/ \E size \in Sizes : AppendMessage(size)
  \/ Commit \/ Flush \/ Flushed \/ DirtyAgain \/ RemoveFirst
  \/ \E machine \in BOOLEAN : Crash(machine)
  \/ Load \/ \E from \in Offsets, to \in Offsets : TruncateDirtyFiles(from, to)
Spec == Init /\ [][Next]_vars
(* A round of flush is made again and again, and forces succeed again and again *)
FairSpec == Spec /\ WF_vars(Commit) /\ WF_vars(Flush) /\ WF_vars(Flushed \/ DirtyAgain)
                 /\ SF_vars(Flushed) /\ WF_vars(Load)
                 /\ WF_vars(\E from \in Offsets, to \in Offsets : TruncateDirtyFiles(from, to))
----------------------------------------------------------------------------
TypeOK ==
  /\ first \in Offsets /\ flushedWhere \in Offsets /\ committedWhere \in Offsets
  /\ forcing \in Offsets /\ phase \in {"up", "down", "loaded"}
  /\ \A i \in 1..Len(files) : files[i].wrote \in Positions /\ files[i].kept \in Positions
(* STORE-FILES-1 *)
FilesMeet == \A i \in 1..(Len(files) - 1) : files[i].from + FileSize = files[i + 1].from
OnlyTheLastHasRoom == phase = "up" => \A i \in 1..(Len(files) - 1) : files[i].wrote = FileSize
PositionsOrdered ==
  phase = "up" => /\ flushedWhere <= MaxWrotePosition
                  /\ \A i \in 1..Len(files) : files[i].kept <= files[i].cached
                                              /\ files[i].cached <= files[i].wrote
(* STORE-FLUSH-3 *)
ForceStaysInItsFile == forcing > 0 => forcing <= NextFile(flushedWhere)
(* STORE-FLUSH-1: what was ever flushed is there after every crash and recovery *)
FlushedIsNeverCut == phase = "up" => MaxWrotePosition >= promised
FlushedIsDurable ==
  \A i \in 1..Len(files) : files[i].from < promised
      => files[i].named /\ files[i].kept >= Min(FileSize, promised - files[i].from)
(* Whatever is written becomes durable, or the process dies *)
EverythingIsFlushed ==
  \A o \in Offsets : (phase = "up" /\ MaxWrotePosition >= o) ~> (promised >= o \/ phase # "up")

(* Reachable: recovery cuts a whole file away that was written, because one below it has a hole.
   The files are those of appends: no recovery before it has closed one with blanks *)
ClosesNothing == phase = "loaded" /\ phase' = "up" => committedWhere' = HoleAt
NeverCutsAWholeFile ==
  ~(phase = "loaded" /\ Len(files) = 2 /\ files[2].cached > 0 /\ HoleAt < files[2].from)
=============================================================================
