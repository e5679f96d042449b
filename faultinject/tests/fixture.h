/* A victim under injection, and what it leaves: for tests of the library and of the supervisor. */
#ifndef FAULTINJECT_TESTS_FIXTURE_H
#define FAULTINJECT_TESTS_FIXTURE_H

#include "cmocka_all.h"
#include "driver/control.h"
#include "driver/journal_file.h"

struct fixture {
    enum fi_backend backend;
    char top[64];
    char data[96]; /* where the victim works */
    char side[96];
    char block[96];
    struct fi_control *control;
    struct fi_journal *journal;
    const char *beside; /* another library to preload; NULL: none */
    char output[4096];  /* what the victim printed */
    int status;         /* of its end, as waitpid gives it */
};

/* Fails the test when it cannot. */
struct fixture *fixture_new(enum fi_backend backend);

/* For cmocka: releases *state. */
int fixture_free(void **state);

/* Arms a rule that must be one. */
void fixture_arm(struct fixture *f, const char *rule);

/* Runs the victim with these operations, see victim.c, and waits for its end. */
void fixture_run(struct fixture *f, const char *operations);

/* A rule, what the victim does under it, what it must print, and how often the rule must have fired. */
struct fixture_row {
    const char *rule;
    const char *operations;
    const char *printed;
    uint64_t fired;
};

/* Checks each row with a fixture of its own. */
void fixture_check_rows(enum fi_backend backend, const struct fixture_row *rows, size_t count);

/* Checks that an fsync that hangs goes on, and succeeds, when its rule is disarmed. */
void fixture_check_hang(struct fixture *f);

/* Of a file that the victim has left; -1: there is none. */
long fixture_size(struct fixture *f, const char *name);

#endif
