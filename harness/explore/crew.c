#include "explore/crew.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run/steps.h"

enum { IDLE_US = 500, LOOK_MS = 5 };

/* Once a state is done by a plain start, its verdict is final: PLAIN is set. */
enum { PLAIN = 1, REASON_MAX = 400 };

enum { ALIKE_SLOTS = 1 << 14, ALIKE_ENOUGH = 3 };

struct alike {
    _Atomic uint64_t key;
    _Atomic uint32_t well;
    _Atomic uint32_t violated;
};

struct la_crew_board {
    _Atomic uint32_t next;  /* place in the order that is taken next */
    _Atomic uint32_t limit; /* places that were handed in */
    _Atomic uint32_t done;
    _Atomic uint32_t forked;
    _Atomic uint32_t compared;
    _Atomic uint32_t differ;
    _Atomic uint32_t failed;
    _Atomic uint32_t stop;
    _Atomic uint32_t plain; /* forked and plain starts differ: from now on only plain ones count */
    char no_fork[256];
    struct alike alike[ALIKE_SLOTS];
    uint32_t order[2 * LA_STATES_MAX]; /* each once, and once more where the forked one does not count */
    uint8_t outcomes[LA_STATES_MAX][LA_ENDINGS];
    uint64_t judged_ns[LA_STATES_MAX][LA_ENDINGS]; /* the moment that was meant */
    uint8_t flags[LA_STATES_MAX];
};

struct worker {
    const struct la_crew_plan *plan;
    struct la_crew_board *board;
    struct la_examiner examiner;
    FILE *violations;
};

static void violations_path(const struct la_crew_plan *plan, unsigned int number, char path[LA_PATH_MAX])
{
    la_path(path, "%s/violations.%u", plan->dir, number);
}

/* ---- in a process of its own ---- */

static void write_down(struct worker *worker, uint32_t state, int ending, const struct la_examined *examined)
{
    char reason[REASON_MAX];
    char kinds[LA_EXAMINED_KINDS_MAX];
    snprintf(reason, sizeof reason, "%.*s", REASON_MAX - 1, examined->reasons.count ? examined->reasons.items[0] : "");
    la_printable(reason);
    la_examined_kinds(examined, kinds);
    if (examined->verdict == LA_INCONCLUSIVE)
        snprintf(kinds, sizeof kinds, LA_OPEN_KIND);
    la_violation_write(worker->violations, state, (enum la_ending)ending, kinds, reason);
    fflush(worker->violations);
}

static void settle(struct worker *worker, uint32_t number, int ending, enum la_outcome outcome)
{
    struct la_crew_board *board = worker->board;
    board->outcomes[number][ending] = (uint8_t)outcome;
    board->judged_ns[number][ending] = worker->plan->states->items[number].due_ns[ending];
}

/* The outcome by one ending, by a plain start. One that was interrupted says nothing. */
static enum la_outcome look_plainly(struct worker *worker, uint32_t number, int ending)
{
    struct la_error error;
    struct la_examined examined;
    const struct la_state *state = &worker->plan->states->items[number];
    enum la_outcome outcome = LA_SEEN_OPEN;
    if (la_examine_plainly(&worker->examiner, state, (enum la_ending)ending, NULL, &examined, &error) == 0 &&
        examined.verdict != LA_INCONCLUSIVE)
        outcome = examined.verdict == LA_HOLDS ? LA_SEEN_WELL : LA_SEEN_VIOLATED;
    if (la_interrupted())
        outcome = LA_UNSEEN;
    else if (outcome != LA_SEEN_WELL)
        write_down(worker, number, ending, &examined);
    la_examined_free(&examined);
    return outcome;
}

static void look_at_all_plainly(struct worker *worker, uint32_t number)
{
    const struct la_state *state = &worker->plan->states->items[number];
    for (int ending = 0; ending < LA_ENDINGS; ending++)
        if (state->due_ns[ending])
            settle(worker, number, ending, look_plainly(worker, number, ending));
    worker->board->flags[number] |= PLAIN;
}

/* What plain starts have made of states that look alike, where a forked server was not content with them. */
static struct alike *alike_to(struct la_crew_board *board, const struct la_state *state, int ending)
{
    const uint64_t key = state->likeness * LA_ENDINGS + (uint64_t)ending + 1;
    struct alike *alike = &board->alike[key % ALIKE_SLOTS];
    uint64_t free = 0;
    if (!atomic_compare_exchange_strong(&alike->key, &free, key) && free != key)
        return NULL; /* another's */
    return alike;
}

/*
 * After so many that were all violated, one more that looks like them is not started anew. That others were well says
 * nothing: what looks alike may be damaged in another place.
 */
static enum la_outcome known_outcome(const struct alike *alike)
{
    return alike && !alike->well && alike->violated >= ALIKE_ENOUGH ? LA_SEEN_VIOLATED : LA_UNSEEN;
}

static enum la_outcome decide(struct worker *worker, uint32_t number, int ending, bool is_well)
{
    static const struct la_examined as_those = {LA_VIOLATED, {0}, {0}};
    struct la_crew_board *board = worker->board;
    struct alike *alike = is_well ? NULL : alike_to(board, &worker->plan->states->items[number], ending);
    const enum la_outcome known = known_outcome(alike);
    if (known == LA_SEEN_VIOLATED)
        write_down(worker, number, ending, &as_those);
    if (known)
        return known;
    const enum la_outcome plainly = look_plainly(worker, number, ending);
    board->compared++;
    board->differ += is_well != (plainly == LA_SEEN_WELL) && !worker->plan->recorded->repairs;
    if (is_well && plainly == LA_SEEN_VIOLATED)
        board->plain = 1;
    if (alike && plainly == LA_SEEN_WELL)
        alike->well++;
    else if (alike && plainly == LA_SEEN_VIOLATED)
        alike->violated++;
    return plainly;
}

/* Where the forked server is not content, a plain start decides; and now and then in any case. */
static void look_by_both(struct worker *worker, uint32_t number, bool compare)
{
    struct la_crew_board *board = worker->board;
    const struct la_state *state = &worker->plan->states->items[number];
    unsigned int well;
    const bool forked = la_examine_forked(&worker->examiner, state, &well);
    const uint8_t *outcomes = board->outcomes[number];
    if (la_interrupted()) /* it may have been that with which it was not content */
        return;
    if (!forked) {
        look_at_all_plainly(worker, number);
        return;
    }
    board->flags[number] = 0;
    for (int ending = 0; ending < LA_ENDINGS; ending++) {
        const bool is_well = well >> ending & 1;
        const int same = la_state_same_moment(state, ending);
        if (!state->due_ns[ending])
            continue;
        if (is_well && !compare) {
            settle(worker, number, ending, LA_SEEN_WELL);
            continue;
        }
        settle(worker, number, ending,
               same < ending ? (enum la_outcome)outcomes[same] : decide(worker, number, ending, is_well));
        if (same < ending && outcomes[ending] == LA_SEEN_VIOLATED)
            write_down(worker, number, ending, &(struct la_examined){LA_VIOLATED, {0}, {0}});
        compare = false;
    }
    board->forked++;
}

static void look(struct worker *worker, uint32_t place)
{
    const uint32_t number = worker->board->order[place];
    if (worker->examiner.no_fork[0] || worker->board->plain)
        look_at_all_plainly(worker, number);
    else
        look_by_both(worker, number, place < LA_PLAIN_FIRST || place % LA_PLAIN_EVERY == 0);
    worker->board->done++;
}

static int work(struct worker *worker)
{
    struct la_crew_board *board = worker->board;
    while (!board->stop) {
        uint32_t place = board->next;
        if (place >= board->limit)
            usleep(IDLE_US);
        else if (atomic_compare_exchange_strong(&board->next, &place, place + 1))
            look(worker, place);
    }
    return 0;
}

static int run_worker(const struct la_crew_plan *plan, struct la_crew_board *board, unsigned int number)
{
    char dir[LA_PATH_MAX];
    char path[LA_PATH_MAX];
    struct la_error error = {""};
    struct worker worker = {.plan = plan, .board = board};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    signal(SIGPIPE, SIG_IGN); /* a fork server may have ended behind our back */
    la_path(dir, "%s/%u", plan->dir, number);
    violations_path(plan, number, path);
    worker.violations = fopen(path, "we");
    if (!worker.violations || la_examiner_begin(&worker.examiner, plan->recorded, dir, !plan->plain, &error)) {
        board->failed++;
        return 1;
    }
    if (number == 0)
        memcpy(board->no_fork, worker.examiner.no_fork, sizeof board->no_fork);
    int status = work(&worker);
    la_examiner_end(&worker.examiner);
    fclose(worker.violations);
    return status;
}

/* ---- outside ---- */

int la_crew_begin(struct la_crew *crew, const struct la_crew_plan *plan, struct la_error *error)
{
    *crew = (struct la_crew){.plan = plan};
    if (la_make_dirs(plan->dir, error))
        return -1;
    void *memory =
        mmap(NULL, sizeof *crew->board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return la_fail(error, "no memory for the states: %s", strerror(errno));
    crew->board = memory;
    crew->board->plain = plan->distrusted;
    fflush(NULL);
    for (unsigned int i = 0; i < plan->jobs; i++) {
        crew->pids[i] = fork();
        if (crew->pids[i] == 0)
            _exit(run_worker(plan, crew->board, i));
        if (crew->pids[i] < 0)
            return la_fail(error, "fork: %s", strerror(errno));
    }
    return 0;
}

void la_crew_hand_in(struct la_crew *crew, uint32_t state)
{
    struct la_crew_board *board = crew->board;
    const uint32_t limit = board->limit;
    if (limit == 2 * LA_STATES_MAX)
        return;
    board->order[limit] = state;
    board->limit = limit + 1;
}

void la_crew_know(struct la_crew *crew, uint32_t state, enum la_ending ending, enum la_outcome outcome,
                  uint64_t judged_ns, bool plainly)
{
    struct la_crew_board *board = crew->board;
    if (outcome == LA_UNSEEN || outcome == LA_SEEN_OPEN)
        return;
    board->outcomes[state][ending] = (uint8_t)outcome;
    board->judged_ns[state][ending] = judged_ns;
    board->flags[state] = plainly ? PLAIN : 0;
}

bool la_crew_knows(const struct la_crew *crew, uint32_t state)
{
    const struct la_state *of = &crew->plan->states->items[state];
    for (int ending = 0; ending < LA_ENDINGS; ending++)
        if (of->due_ns[ending] && la_crew_outcome(crew, state, (enum la_ending)ending) == LA_UNSEEN)
            return false;
    return true;
}

/* One that has ended before it was told to is not replaced. */
static void look_after(struct la_crew *crew)
{
    for (unsigned int i = 0; i < crew->plan->jobs; i++)
        if (crew->pids[i] > 0 && waitpid(crew->pids[i], NULL, WNOHANG) == crew->pids[i]) {
            crew->pids[i] = 0;
            crew->board->failed++;
        }
}

/* What a forked server has found to be well is looked at once more. */
static void do_again(struct la_crew *crew)
{
    struct la_crew_board *board = crew->board;
    static const uint8_t unseen[LA_ENDINGS];
    const uint32_t count = crew->plan->states->count;
    for (uint32_t state = 0; state < count; state++) {
        if (board->flags[state] & PLAIN || !memcmp(board->outcomes[state], unseen, sizeof unseen))
            continue;
        la_crew_hand_in(crew, state);
    }
}

bool la_crew_wait(struct la_crew *crew, uint64_t until_ns)
{
    struct la_crew_board *board = crew->board;
    bool again = board->plain;
    while (board->done < board->limit) {
        look_after(crew);
        if (la_now_ns() > until_ns || la_interrupted() || board->failed) {
            board->stop = 1;
            return false;
        }
        la_sleep_ms(LOOK_MS);
        if (board->plain && !again && board->done == board->limit) {
            again = true;
            do_again(crew);
        }
    }
    return true;
}

static bool is_seen(const struct la_crew *crew, uint32_t state)
{
    bool seen = false;
    for (int ending = 0; ending < LA_ENDINGS; ending++)
        seen = seen || la_crew_outcome(crew, state, (enum la_ending)ending) != LA_UNSEEN;
    return seen;
}

void la_crew_count(const struct la_crew *crew, struct la_crew_counts *counts)
{
    const struct la_crew_board *board = crew->board;
    *counts = (struct la_crew_counts){.looked_at = board->done,
                                      .forked = board->forked,
                                      .compared = board->compared,
                                      .differ = board->differ,
                                      .failed = board->failed,
                                      .distrusted = board->plain};
    for (uint32_t state = 0; state < crew->plan->states->count; state++)
        counts->done += is_seen(crew, state);
    snprintf(counts->no_fork, sizeof counts->no_fork, "%s",
             board->plain ? "forked and plain starts differ" : board->no_fork);
}

/* That a cut loses something at one moment, nothing takes back; that all is well may be otherwise at a later one. */
enum la_outcome la_crew_outcome(const struct la_crew *crew, uint32_t state, enum la_ending ending)
{
    const struct la_crew_board *board = crew->board;
    const enum la_outcome outcome = (enum la_outcome)board->outcomes[state][ending];
    const bool is_last = board->judged_ns[state][ending] == crew->plan->states->items[state].due_ns[ending];
    return is_last || outcome == LA_SEEN_VIOLATED ? outcome : LA_UNSEEN;
}

uint64_t la_crew_judged_ns(const struct la_crew *crew, uint32_t state, enum la_ending ending)
{
    return crew->board->judged_ns[state][ending];
}

bool la_crew_was_plain(const struct la_crew *crew, uint32_t state)
{
    return crew->board->flags[state] & PLAIN;
}

void la_crew_stop(struct la_crew *crew)
{
    crew->board->stop = 1;
    for (unsigned int i = 0; i < crew->plan->jobs; i++)
        if (crew->pids[i] > 0)
            waitpid(crew->pids[i], NULL, 0);
    memset(crew->pids, 0, sizeof crew->pids);
}

void la_crew_end(struct la_crew *crew)
{
    if (!crew->board)
        return;
    la_crew_stop(crew);
    munmap(crew->board, sizeof *crew->board);
    crew->board = NULL;
}

int la_crew_violations(const struct la_crew *crew, struct la_violations *violations, struct la_error *error)
{
    *violations = (struct la_violations){0};
    for (unsigned int i = 0; i < crew->plan->jobs; i++) {
        char path[LA_PATH_MAX];
        violations_path(crew->plan, i, path);
        if (la_violations_read(violations, path, error))
            return -1;
    }
    la_violations_sort(violations);
    return 0;
}
