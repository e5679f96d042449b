#include "explore/examine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/copy.h"
#include "forkserver/protocol.h"
#include "redis/keyscan.h"
#include "report/evidence.h"
#include "report/result.h"
#include "report/row.h"
#include "run/recover.h"
#include "run/steps.h"

enum { CONNECT_TIMEOUT_MS = 20000, KNOCK_US = 200, FORKERS_MAX = 5 };

static void start_forker(struct la_examiner *examiner)
{
    char path[LA_PATH_MAX];
    struct la_error why = {""};
    const struct la_basis *recorded = examiner->recorded;
    la_path(path, "%s/fork.%u", examiner->dir, examiner->forkers++);
    if (la_forker_start(&examiner->forker, &recorded->run->nodes[0], recorded->forkserver, path, &why))
        snprintf(examiner->no_fork, sizeof examiner->no_fork, "%.255s", why.text);
}

int la_examiner_begin(struct la_examiner *examiner, const struct la_basis *recorded, const char *dir, bool fork,
                      struct la_error *error)
{
    *examiner = (struct la_examiner){.recorded = recorded, .cut = UINT32_MAX};
    la_path(examiner->dir, "%s", dir);
    if (la_make_dirs(dir, error))
        return -1;
    const struct la_node_spec *spec = recorded->run->nodes[0].spec;
    if (!fork)
        snprintf(examiner->no_fork, sizeof examiner->no_fork, "not asked for");
    else if (spec->config_file || spec->acl_file) /* a forked server has read them before it is given a state */
        snprintf(examiner->no_fork, sizeof examiner->no_fork, "what it reads first lies in its data directory");
    else
        start_forker(examiner);
    return 0;
}

void la_examiner_end(struct la_examiner *examiner)
{
    la_forker_end(&examiner->forker);
    la_trail_free(&examiner->trail);
    la_empty_folder(examiner->dir);
    rmdir(examiner->dir);
}

static int make_state(struct la_examiner *examiner, const struct la_choice *choice, const char *out,
                      struct la_error *error)
{
    if (examiner->cut != choice->cut) {
        la_trail_free(&examiner->trail);
        la_trail_at(examiner->recorded->trail, choice->cut, &examiner->trail);
        examiner->cut = choice->cut;
    }
    return mkdir(out, 0755) ? la_fail(error, "%s: %s", out, strerror(errno))
                            : la_space_make(&examiner->trail, choice, out, error);
}

/* ---- judging ---- */

/* A run of which nothing is known but what was left behind at the moment, and its ledger until then. */
static void begin_run(struct la_run *run, const struct la_basis *recorded, uint64_t moment_ns)
{
    const struct la_run *of = recorded->run;
    run->scenario = of->scenario;
    run->options = of->options;
    run->timeline = json_array();
    run->start_ns = of->start_ns;
    run->wall_offset_ns = of->wall_offset_ns;
    run->base_keys = of->base_keys;
    run->node_count = 1;
    run->replayed = run->at_moment = true;
    run->clock_changed = true; /* it is later now: times to live say nothing */
    run->moment_sync_ns = atomic_load(&of->nodes[0].control->slowest_sync_ns);
    run->fault_ns[0] = moment_ns;
    la_ledger_at(&of->ledger, moment_ns, &run->ledger);
    if (!recorded->kept_ns || moment_ns < recorded->kept_ns)
        run->ledger.head->mark_ns = 0;
}

static void read_back(struct la_run *run, const struct la_address *address)
{
    if (la_read_back(run, &run->nodes[0], address, (struct la_verify_options){0}) == 0)
        run->verified = &run->nodes[0];
}

int la_state_same_moment(const struct la_state *state, int ending)
{
    int same = 0;
    while (state->due_ns[same] != state->due_ns[ending])
        same++;
    return same;
}

const struct la_choice *la_state_choice(const struct la_state *state)
{
    int ending = 0;
    while (ending < LA_ENDINGS - 1 && !state->due_ns[ending])
        ending++;
    return &state->choices[ending];
}

/* ---- by a forked server ---- */

/* Connected once it lets clients in; NULL: it has ended, or does not. */
static redisContext *knock(struct la_examiner *examiner, const struct la_address *address, const char *socket)
{
    struct la_error ignored;
    const uint64_t until = la_now_ns() + CONNECT_TIMEOUT_MS * UINT64_C(1000000);
    redisContext *client = NULL;
    while (!client) { /* a socket is there before anybody listens */
        client = access(socket, F_OK) ? NULL : la_client_connect(address, CONNECT_TIMEOUT_MS, &ignored);
        if (!client && (la_forker_ended(&examiner->forker, 0) || la_now_ns() > until))
            return NULL;
        if (!client)
            usleep(KNOCK_US);
    }
    return client;
}

/* Takes reads and writes, and says nothing of being at something else. */
static bool serves(redisContext *client, const struct la_address *address)
{
    redisReply *reply = client ? la_client_send(client, address, "SET " LA_RECOVERY_KEY " x") : NULL;
    bool well = reply && reply->type != REDIS_REPLY_ERROR;
    if (reply)
        freeReplyObject(reply);
    return well;
}

static bool is_well_at(struct la_examiner *examiner, const struct la_address *address, uint64_t moment_ns)
{
    struct la_run *run = la_alloc(1, sizeof *run);
    begin_run(run, examiner->recorded, moment_ns);
    run->nodes[0].spec = &run->scenario->nodes[0];
    read_back(run, address);
    struct la_judgement judgement = la_judge(run);
    bool well = judgement.verdict == LA_HOLDS;
    la_judgement_free(&judgement);
    la_run_free(run);
    return well;
}

static unsigned int judge_endings(struct la_examiner *examiner, const struct la_address *address,
                                  const struct la_state *state)
{
    unsigned int well = 0;
    for (int ending = 0; ending < LA_ENDINGS; ending++) {
        const int same = la_state_same_moment(state, ending);
        const uint64_t due_ns = state->due_ns[ending];
        const bool is = same < ending ? well >> same & 1 : due_ns && is_well_at(examiner, address, due_ns);
        well |= (unsigned int)(is && due_ns) << ending;
    }
    return well;
}

/* One that was killed from outside, or does not answer in time, is replaced, a few times. */
static void renew_forker(struct la_examiner *examiner)
{
    la_forker_end(&examiner->forker);
    if (examiner->forkers < FORKERS_MAX)
        start_forker(examiner);
    else
        snprintf(examiner->no_fork, sizeof examiner->no_fork, "the fork server has ended %u times", examiner->forkers);
}

bool la_examine_forked(struct la_examiner *examiner, const struct la_state *state, unsigned int *well)
{
    char folder[LA_PATH_MAX];
    char socket[LA_PATH_MAX];
    char near[64];
    struct la_error error;
    *well = 0;
    la_path(folder, "%s/data", examiner->dir);
    la_path(socket, "%s/" FI_FORK_SOCKET, folder);
    bool made = make_state(examiner, la_state_choice(state), folder, &error) == 0;
    int fd = made ? open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
    snprintf(near, sizeof near, "/proc/self/fd/%d/" FI_FORK_SOCKET, fd); /* a socket's path is short */
    struct la_address address = examiner->recorded->run->nodes[0].address;
    address.socket = near;
    const bool forked = fd >= 0 && la_forker_fork(&examiner->forker, folder) == 0;
    if (forked) {
        redisContext *client = knock(examiner, &address, socket);
        if (serves(client, &address))
            *well = judge_endings(examiner, &address, state);
        if (client)
            la_client_close(client);
        la_forker_kill(&examiner->forker);
    } else if (fd >= 0) {
        renew_forker(examiner);
    }
    if (fd >= 0)
        close(fd);
    la_empty_folder(folder);
    rmdir(folder);
    return forked;
}

/* ---- by a server that is started as usual ---- */

/* What the node's data is to be: as if the server had just been killed. */
static int create_node(struct la_run *run, const struct la_server *server, const struct la_scenario *plain,
                       struct la_error *error)
{
    if (la_node_create(&run->nodes[0], &run->scenario->nodes[0], server, plain, run->dir, NULL, error))
        return -1;
    run->nodes[0].exits = 1;
    run->nodes[0].gone_ns = run->nodes[0].down_ns = run->nodes[0].down_gone_ns = la_now_ns();
    return 0;
}

/* A start that was refused, and repaired, is no life of the server's: it died once, at the moment. */
static void forget_starts(struct la_run *run, uint64_t moment_ns)
{
    memset(run->fault_ns, 0, sizeof run->fault_ns);
    run->fault_ns[0] = moment_ns;
    run->ledger.head->life = 1;
}

static void recover(struct la_run *run, const struct la_step *step, uint64_t moment_ns)
{
    struct la_spec *usual = la_alloc(1, la_step_recover.form.size);
    la_step_recover.set_defaults(usual);
    const int bad = la_step_recover.run(run, step ? step->spec : usual);
    forget_starts(run, moment_ns);
    if (!bad && run->nodes[0].pid)
        read_back(run, &run->nodes[0].address);
    free(usual);
}

/* What replay reads, beside the node's folder. */
static int leave_bundle(const struct la_run *run, const struct la_judgement *judgement, struct la_error *error)
{
    char path[LA_PATH_MAX];
    la_path(path, "%s/ledger", run->dir);
    if (la_ledger_save(&run->ledger, path, error))
        return -1;
    la_path(path, "%s/scenario.yaml", run->dir);
    if (la_copy_file(run->scenario->path, path, error))
        return -1;
    json_t *result = json_pack("{ss, ss, ss, sb, s[], so, so, si}", "name", run->scenario->name, "server",
                               run->options->server.path, "verdict", la_verdict_name(judgement->verdict), "explored", 1,
                               "doubts", "reasons", la_json_texts(&judgement->reasons), "violated",
                               la_json_texts(&judgement->violated), "crash_lives", 1);
    la_path(path, "%s/scenario.json", run->dir);
    int failed = la_result_write(result, path, error);
    json_decref(result);
    return failed ? -1 : la_evidence_seal(run->dir, error);
}

static int conclude(struct la_run *run, const char *bundle, struct la_examined *examined, struct la_error *error)
{
    struct la_judgement judgement = la_judge(run);
    *examined =
        (struct la_examined){.verdict = judgement.verdict, .kinds = judgement.violated, .reasons = judgement.reasons};
    judgement.violated = judgement.reasons = (struct la_strings){0};
    struct la_judgement told = {
        .verdict = examined->verdict, .reasons = examined->reasons, .violated = examined->kinds};
    int result = bundle ? leave_bundle(run, &told, error) : 0;
    la_judgement_free(&judgement);
    return result;
}

int la_examine_plainly(struct la_examiner *examiner, const struct la_state *state, enum la_ending ending,
                       const char *bundle, struct la_examined *examined, struct la_error *error)
{
    char data[LA_PATH_MAX];
    char dir[LA_PATH_MAX];
    const struct la_basis *recorded = examiner->recorded;
    la_path(data, "%s/state", examiner->dir);
    la_path(dir, "%s/plain", examiner->dir);
    *examined = (struct la_examined){.verdict = LA_INCONCLUSIVE};
    struct la_run *run = la_alloc(1, sizeof *run);
    begin_run(run, recorded, state->due_ns[ending]);
    la_path(run->dir, "%s", bundle ? bundle : dir);
    struct la_server server = *recorded->run->nodes[0].server;
    struct la_scenario plain = *run->scenario;
    server.data = data;
    server.data_is_left = true;
    server.shim = NULL;
    plain.power_cut = NULL;
    int result = make_state(examiner, &state->choices[ending], data, error) || la_make_dirs(run->dir, error) ||
                         create_node(run, &server, &plain, error)
                     ? -1
                     : 0;
    if (!result) {
        recover(run, recorded->recover, state->due_ns[ending]);
        result = conclude(run, bundle, examined, error);
    }
    la_node_free(&run->nodes[0]);
    la_run_free(run);
    la_empty_folder(data);
    rmdir(data);
    la_empty_folder(dir);
    rmdir(dir);
    return result;
}

void la_examined_kinds(const struct la_examined *examined, char kinds[LA_EXAMINED_KINDS_MAX])
{
    size_t used = 0;
    kinds[0] = '\0';
    for (size_t i = 0; examined->verdict == LA_VIOLATED && i < examined->kinds.count && used < LA_EXAMINED_KINDS_MAX;
         i++)
        used += (size_t)snprintf(kinds + used, LA_EXAMINED_KINDS_MAX - used, "%s%s", i ? "," : "",
                                 examined->kinds.items[i]);
}

void la_examined_free(struct la_examined *examined)
{
    la_strings_free(&examined->kinds);
    la_strings_free(&examined->reasons);
    *examined = (struct la_examined){0};
}
