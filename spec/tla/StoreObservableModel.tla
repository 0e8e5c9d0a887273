------------------------ MODULE StoreObservableModel ------------------------
(***************************************************************************)
(* The promises of the three ways to flush, as constants of                *)
(* StoreObservable.                                                        *)
(***************************************************************************)
EXTENDS StoreObservable

AllAnswers == {"waits", "ok", "cached", "unknown"}
(* SYNC_FLUSH: PUT_OK to one who waited is for ever; WAIT=false outlives the process only;
   readers are shown what is durable *)
NeverLostSync == [kill |-> AllAnswers, power |-> {"ok"}]
ShownIsSafeSync == [kill |-> TRUE, power |-> TRUE]
(* ASYNC_FLUSH: PUT_OK outlives the process and not the machine *)
NeverLostAsync == [kill |-> AllAnswers, power |-> {}]
ShownIsSafeAsync == [kill |-> TRUE, power |-> FALSE]
(* With the transient store pool PUT_OK does not outlive the process; what was shown does *)
NeverLostPool == [kill |-> {}, power |-> {}]
ShownIsSafePool == ShownIsSafeAsync
=============================================================================
