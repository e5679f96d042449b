/*
 * The ledger: a memory-mapped, append-only record of every operation that the load
 * sent. An operation stands in it before it is sent, and is marked when its reply
 * arrives, so a kill of the load at any instant leaves a ledger that can be judged.
 *
 * The file is one head and `capacity` records of 32 bytes, described in docs/ledger-format.md. One
 * process (the load) appends; any may read at the same time. Nobody changes what the load wrote.
 *
 * Keys. Each connection, from connect to loss, is a *session* with keys of its own,
 * named la:SESSION:KEY. So one client alone determines the order of operations on a
 * key, what has no answer stands only at the end of a key's history, and writes
 * after a recovery cannot cover up what an earlier session lost.
 */
#ifndef LASTACK_LEDGER_LEDGER_H
#define LASTACK_LEDGER_LEDGER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/util.h"
#include "ledger/plan.h"

enum {
    LA_SESSIONS_MAX = 65536,
    LA_ERRORS_MAX = 16,
    LA_ERROR_TEXT = 120,
    LA_LIVES_MAX = 256,     /* of a server; a run with more cannot be judged */
    LA_OUTCOME_UNKNOWN = 0, /* no reply: may or may not have happened */
    LA_OUTCOME_OK = 1,
    LA_OUTCOME_WRONG = 2,  /* a success reply with a result that cannot be */
    LA_OUTCOME_ERROR = 16, /* 16 + n: refused with the error head->errors[n] */
};

struct la_op {
    uint64_t invoked_ns; /* CLOCK_MONOTONIC */
    uint64_t done_ns;    /* 0: no reply */
    uint32_t session;
    uint32_t seq;         /* 1, 2, ... within the key; what the written value carries */
    uint16_t key;         /* within the session */
    uint16_t field;       /* the type's own: which field, or how many operations back its target lies */
    _Atomic uint8_t kind; /* 1, 2, ...: one of the type's kinds; 0: not finished; written last */
    _Atomic uint8_t outcome;
    uint8_t type;   /* index into the types, see types.h */
    uint8_t result; /* the type's own: what the reply said; written before the outcome */
};

struct la_session {
    uint32_t client;
    uint32_t life; /* how many times the server had died before */
};

struct la_ledger_head {
    uint64_t magic;
    uint32_t version;
    uint32_t record_size;
    uint64_t capacity;
    struct la_plan plan;
    _Atomic uint64_t count; /* operations invoked */
    _Atomic uint64_t acked;
    _Atomic uint64_t refused;
    _Atomic uint32_t sessions;
    _Atomic uint32_t life;            /* raised by the runner when a server has died */
    _Atomic uint32_t stop;            /* set by the runner: finish what is in flight and end */
    uint64_t mark_ns;                 /* step `mark`: what was acknowledged by then must survive; 0: no mark */
    _Atomic uint32_t ended;           /* set by the load: it has nothing more to send */
    _Atomic uint32_t full;            /* an operation found no room: the run cannot be judged */
    _Atomic uint64_t last_acked_ns;   /* invocation time of the youngest acknowledged operation */
    _Atomic uint64_t last_refused_ns; /* time of the youngest error reply */
    struct {
        char text[LA_ERROR_TEXT]; /* without what stands in quotes, and hashes of scripts */
        _Atomic uint64_t count;
    } errors[LA_ERRORS_MAX]; /* the last slot takes what the others have no room for */
    struct la_session session[LA_SESSIONS_MAX];
    /* set by the runner: the power of life N was cut then, and what was answered later never was; 0: it was not cut */
    uint64_t cut_ns[LA_LIVES_MAX];
};

struct la_ledger {
    struct la_ledger_head *head;
    struct la_op *ops;
    uint64_t size;                     /* of the mapping, bytes */
    uint64_t changed_from, changed_to; /* records that are not as in the file, to this process alone */
};

/* Makes the file `path` with room for `capacity` operations (reserved on disk). Released with la_ledger_close. */
int la_ledger_create(struct la_ledger *ledger, const char *path, const struct la_plan *plan, uint64_t capacity,
                     struct la_error *error);

/*
 * Maps an existing ledger, which is never changed, and checks its head; who reads it opens it with la_ledger_open
 * (types/ledger_check.h).
 */
int la_ledger_map(struct la_ledger *ledger, const char *path, struct la_error *error);

void la_ledger_close(struct la_ledger *ledger);

/* Gives the room that was reserved and not used back to the disk; nothing can be appended afterwards. */
void la_ledger_trim(struct la_ledger *ledger, const char *path);

/*
 * The ledger as it is to be judged: what a server answered after its power was cut has no reply. To this process alone,
 * the file stays what the load wrote. Once nobody appends any more, and every record is sound.
 */
int la_ledger_settle(struct la_ledger *ledger, const char *path, struct la_error *error);
void la_ledger_apply_cuts(struct la_ledger *ledger); /* the second half of it, of one that was opened */

/* The same for what was sent to the server's lives from `lives` on: it is taken for refused. Of one that was opened. */
void la_ledger_forget_lives(struct la_ledger *ledger, uint32_t lives);

/*
 * A ledger of its own as it stood at a moment (CLOCK_MONOTONIC ns), had the server died then for the first time: what
 * was sent later was not, and what was answered later never was.
 */
void la_ledger_at(const struct la_ledger *whole, uint64_t moment_ns, struct la_ledger *at);

/* Writes such a ledger to a new file. */
int la_ledger_save(const struct la_ledger *ledger, const char *path, struct la_error *error);

/* Operations that can be read: up to the first record that was not finished. */
uint64_t la_ledger_count(const struct la_ledger *ledger);

/* Whether something was sent after `since_ns` that was not refused: it was acknowledged, or may have been done. */
bool la_ledger_sent_since(const struct la_ledger *ledger, uint64_t since_ns);

/* Operations that were acknowledged or refused so far: it grows as long as replies come. */
uint64_t la_ledger_answered(const struct la_ledger *ledger);

/*
 * For readers that go through from front to back, to be called with each index: what lies far behind it need not stay
 * in this process's memory. (It is a mapped file: the system has it still, or reads it again.)
 */
void la_ledger_passed(const struct la_ledger *ledger, uint64_t index);

/* The index of an error text, entered when it is new. */
unsigned int la_ledger_error(struct la_ledger *ledger, const char *text);

#endif
