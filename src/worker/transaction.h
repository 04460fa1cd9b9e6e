// SPDX-License-Identifier: MIT
//
// A handler's transaction: its statements and the completion of its task, in one commit.
//
//     BEGINNING --> OPEN --commit--> COMPLETING --done--> COMMITTING --> committed
//                    |                  |--locked: again in 50 ms   |
//                    |                  '--lost, or failed--.       '--no answer--> ASKING
//                    '--roll back, or failed before--> ROLLING_BACK     |--> committed
//                                                           '---> over <'--> aborted
//
// 1. Completion is the last statement before COMMIT, and names the claim: a task that was taken
//    over meanwhile is rolled back.
//
// 2. If the answer to COMMIT is lost, a new connection asks whether the completion is there, for as
//    long as it takes, before anybody decides: also after a failover to a server that has lost it.
//
// 3. Whatever ends early (a statement given up, a lost connection, an owner that goes) closes the
//    connection, so the server rolls back; only a connection that has answered everything is
//    reused.
//
// Belongs to the thread of its executor.
#ifndef TQ_WORKER_TRANSACTION_H
#define TQ_WORKER_TRANSACTION_H

#include "database/client_pool.h"
#include "database/repository.h"

struct tq_transaction;

enum tq_transaction_end {
    TQ_TRANSACTION_BEGUN,
    TQ_TRANSACTION_COMMITTED,
    TQ_TRANSACTION_ROLLED_BACK,
    TQ_TRANSACTION_LOST, /* rolled back: the task is not this worker's any more */
};

/* An operation under way; embedded in its owner. on_done is called once, perhaps before
   tq_transaction_commit() or _roll_back() returns, unless the transaction is freed first. err tells
   why a transaction that was to go on was rolled back, and is NULL otherwise. */
struct tq_transaction_step {
    void (*on_done)(struct tq_transaction_step *step, enum tq_transaction_end end,
                    const struct tq_err *err);
};

struct tq_transaction_config {
    uv_loop_t *loop;
    struct tq_client_pool *clients;
    int64_t answer_timeout_ms; /* of its own statements */
    int64_t id, worker_id;     /* of the task, with claims: the fence */
    int32_t claims;
};

struct tq_transaction *tq_transaction_begin(const struct tq_transaction_config *config,
                                            struct tq_transaction_step *step);

/* Completes the task with that result (JSON, or NULL) and commits, unless a statement has failed.
   notes: what the handler has said, JSON or NULL. */
void tq_transaction_commit(struct tq_transaction *transaction, struct tq_transaction_step *step,
                           const char *result, const char *notes);
void tq_transaction_roll_back(struct tq_transaction *transaction, struct tq_transaction_step *step);

/* At any time, also from on_done. */
void tq_transaction_free(struct tq_transaction *transaction);

/* COMMIT is under way: it must not be given up now. */
bool tq_transaction_is_deciding(const struct tq_transaction *transaction);

/* Then: what the task is completed with, if it is; JSON or NULL. */
const char *tq_transaction_result(const struct tq_transaction *transaction);

/* For a statement of the handler; NULL: there is nothing left to run it on, see its failure. */
struct tq_client *tq_transaction_client(struct tq_transaction *transaction);
const struct tq_err *tq_transaction_failure(const struct tq_transaction *transaction);

/* After each of them. Returns what to tell the handler: err, or why the transaction is spoilt. */
const struct tq_err *tq_transaction_note(struct tq_transaction *transaction,
                                         const struct tq_statement *statement,
                                         const struct tq_err *err);

/* A statement of the handler is under way and given up. */
void tq_transaction_spoil(struct tq_transaction *transaction);

#endif
