/* Scenario files: what is wrong is said with file, line and what was expected. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmocka_all.h"
#include "judge/expectations.h"
#include "scenario/read.h"
#include "scenario/scenario.h"

#define HEAD   "name: x\ntitle: t\n"
#define STEPS  "steps:\n  - verify: {}\n"
#define EXPECT "expect:\n  - lost: {max: 0}\n"

static struct la_scenario *read_text(const char *text, struct la_error *error)
{
    char path[] = "/tmp/scenario-XXXXXX";
    int fd = mkstemp(path);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    struct la_scenario *scenario = la_scenario_read(path, &la_kinds, error);
    unlink(path);
    return scenario;
}

static const struct {
    const char *text;
    const char *line; /* ":LINE:" */
    const char *message;
} bad[] = {
    {"", ":1:", "the file is empty"},
    {"- 1\n", ":1:", "expected a mapping"},
    {HEAD STEPS, ":1:", "'expect' is missing"},
    {HEAD STEPS EXPECT "wibble: 1\n", ":7:", "unknown key 'wibble'; expected one of: name, title"},
    {HEAD "steps:\n  - verify: {}\n  - kil: {}\n" EXPECT, ":5:", "unknown key 'kil'; expected one of: load"},
    {HEAD "steps:\n  - sleep: {ms: soon}\n" EXPECT, ":4:", "expected a whole number, found 'soon'"},
    {HEAD "steps:\n  - sleep: {ms: -1}\n" EXPECT, ":4:", "expected a whole number"},
    {HEAD "steps:\n  - kill: {scope: town}\n" EXPECT, ":4:", "expected one of process, group, found 'town'"},
    {HEAD "steps:\n  - kill: {}\n" EXPECT, ":4:", "'scope' is missing"},
    {HEAD "steps: all\n" EXPECT, ":3:", "expected a list"},
    {HEAD "steps:\n  - {verify: {}, sleep: {ms: 1}}\n" EXPECT, ":4:", "a step has exactly one key"},
    {HEAD "steps:\n  - verify: {node: nobody}\n" EXPECT, ":4:", "there is no node 'nobody'"},
    {HEAD "steps:\n  - arm: {rule: op=write file=dump do=kill}\n" EXPECT,
     ":4:", "file=dump: a part is aof, aof-all, aof-base"},
    {HEAD "steps:\n  - arm: {rule: op=write do=kill}\n  - disarm: {rule: 2}\n  - verify: {}\n" EXPECT,
     ":5:", "rule 2: 1 have been armed on the node by then"},
    {HEAD "alone: true\nsteps:\n  - bench: {of: [{name: disk, fio: 4096, clients: 1}]}\n"
          "expect:\n  - figure: {name: disk-rate, min: 1}\n",
     ":5:", "'disk' is fio's turn"},
    {HEAD "alone: true\nsteps:\n  - bench: {of: [{name: disk, fio: 4096}]}\n"
          "expect:\n  - figure: {name: disk-p50, min: 1}\n",
     ":7:", "no step of the scenario measures 'disk-p50'"},
    {HEAD "steps:\n  - command: {send: REPLICAOF @nobody}\n  - verify: {}\n" EXPECT,
     ":4:", "there is no node 'nobody'"},
    {HEAD "nodes: [{name: a}, {name: b, sentinel_of: c}]\n" STEPS EXPECT,
     ":3:", "'b' is a Sentinel of 'c', which is no"},
    {HEAD "nodes: [{name: a}, {name: b, replicates: a}, {name: b, replicates: a}]\n" STEPS EXPECT,
     ":3:", "there are two nodes 'b'"},
    {HEAD "nodes: [{name: a}, {name: b, sentinel_of: a, replicates: a}]\n" STEPS EXPECT, ":3:", "replicates nobody"},
    {HEAD "nodes: [{name: a}, {name: b, sentinel_of: a}, {name: c, replicates: b}]\n" STEPS EXPECT,
     ":3:", "'b' is a Sentinel, which holds no data"},
    {HEAD "nodes: [{name: a, cluster: true}, {name: b, replicates: a}]\n" STEPS EXPECT, ":3:", "both are of a cluster"},
    {HEAD "nodes: [{name: a, cluster: true}, {name: b, sentinel_of: a, cluster: true}]\n" STEPS EXPECT,
     ":3:", "a cluster has no Sentinels"},
    {HEAD "nodes: [{name: a}, {name: b, sentinel_of: a}]\nsteps:\n  - verify: {node: b}\n" EXPECT,
     ":5:", "'verify' is for other nodes"},
    {HEAD
     "nodes: [{name: a}, {name: b, sentinel_of: a}]\nsteps:\n  - load: {node: b, acked: 1}\n  - verify: {}\n" EXPECT,
     ":5:", "a Sentinel takes no writes"},
    {HEAD "nodes: [{name: a}, {name: b, replicates: a}]\nsteps:\n  - load: {node: b, acked: 1}\n  - verify: {}\n" EXPECT
          "load: {commands: 10}\n",
     ":5:", "sent to one node"},
    {HEAD "steps:\n  - truncate: {file: \"@log\", drop: 1}\n" EXPECT,
     ":4:", "file=log: a part is aof, aof-all, aof-base"},
    {HEAD STEPS "expect:\n  - full_syncs: {node: b, min: 1}\n"
                "nodes: [{name: a}, {name: b, replicates: a}, {name: c, replicates: a}]\n",
     ":6:", "a primary with one replica"},
    {HEAD "steps:\n  - verify: {}\n  - arm: {rule: op=write do=explode}\n" EXPECT,
     ":5:", "rule, column 13: unknown action 'explode'"},
    {HEAD "steps:\n  - kill_child: {command: BGSAVE, role: nanny}\n" EXPECT, ":4:", "unknown role 'nanny'"},
    {HEAD STEPS "expect:\n  - lost: {}\n", ":6:", "'lost' needs max, min, before_mark, promised, since_move or"},
    {HEAD STEPS "expect:\n  - lost: {since_move: 0}\n", ":6:", "the load moves nowhere"},
    {HEAD STEPS "expect:\n  - lost: {since_move: 3}\n", ":6:", "'since_move' is 0"},
    {HEAD STEPS "expect:\n  - exit: {how: gracefully}\n",
     ":6:", "'how' is killed, outgrown, failed, crashed, stopped or alive"},
    {HEAD STEPS EXPECT "load: {value_size: 3}\n", ":7:", "value_size is 48"},
    {HEAD STEPS EXPECT "load: {mix: [{type: strong, share: 1}]}\n", ":7:", "mix: there is no type 'strong'"},
    {HEAD STEPS EXPECT "load: {mix: [{type: set, share: 0}]}\n", ":7:", "the share of 'set' is 1 to 1000"},
    {HEAD STEPS EXPECT "load: {mix: [{type: set, share: 1}, {type: set, share: 2}]}\n", ":7:", "'set' is there twice"},
    {HEAD STEPS EXPECT "load: {ramp_ms: 5}\n", ":7:", "ramp_ms needs a rate"},
    {HEAD STEPS EXPECT "load: {user: app}\n", ":7:", "user and password go together"},
    {HEAD STEPS EXPECT "load: {big_size: 99999999}\n", ":7:", "big_size is 48"},
    {HEAD STEPS EXPECT "nodes:\n  - {name: a, replicates: b}\n", ":8:", "'b', which is no node named before it"},
    {HEAD STEPS EXPECT "nodes:\n  - {name: a, replicates: a}\n", ":8:", "'a', which is no node named before it"},
    {HEAD STEPS EXPECT "nodes:\n  - {name: a}\n  - {name: a}\n", ":9:", "there are two nodes 'a'"},
    {HEAD STEPS EXPECT "load: {min_acked: 0}\n", ":7:", "0 is not a value here"},
    {HEAD STEPS EXPECT "load: {min_acked: 010}\n", ":7:", "expected a whole number, found '010'"},
    {HEAD STEPS EXPECT "load: {rate: 5, rate: 6}\n", ":7:", "'rate' is there twice"},
    {HEAD STEPS EXPECT "load: {busy_ms: 5}\n", ":7:", "busy_ms needs idle_ms"},
    {HEAD STEPS EXPECT "load: {big_every: 5}\n", ":7:", "big_every needs big_size"},
    {HEAD STEPS EXPECT "load: {keys: 60000, mix: [{type: string, share: 1}, {type: set, share: 1}]}\n",
     ":7:", "at most 60000 keys together"},
    {HEAD STEPS "expect:\n  - keys: {}\n", ":6:", "'keys' needs max or min"},
    {HEAD STEPS "expect:\n  - restarts: {}\n", ":6:", "'restarts' needs max or min"},
    {HEAD STEPS "expect:\n  - full_syncs: {}\n", ":6:", "'full_syncs' needs max or min"},
    {HEAD STEPS "expect:\n  - exit: {node: nobody, how: killed}\n", ":6:", "there is no node 'nobody'"},
    {HEAD STEPS "expect:\n  - log: {contains: ''}\n", ":6:", "the text that the log is to contain is empty"},
    {HEAD STEPS "expect:\n  - start: {refused: true, log: ''}\n", ":6:", "that the log is to contain is empty"},
    {HEAD STEPS "expect:\n  - keys: {node: b, min: 1}\nnodes: [{name: a}, {name: b}]\n",
     ":6:", "'keys' are counted on the node that 'verify' reads, a"},
    {"name: A/B\ntitle: t\n" STEPS EXPECT, ":1:", "a scenario's name is made of"},
    {HEAD "steps:\n  - truncate: {file: ../../victim, drop: 1}\n" EXPECT, ":4:", "relative to the data directory"},
    {HEAD STEPS EXPECT "history: {versions: all}\n", ":7:", "'tracker' is missing"},
    {HEAD STEPS EXPECT "history: {tracker: redis#1}\n", ":7:", "'versions' is missing"},
    {HEAD STEPS EXPECT "history: {tracker: '#1', versions: all}\n", ":7:", "'tracker' is redis#NUMBER, valkey#NUMBER"},
    {HEAD STEPS EXPECT "history: {tracker: 'redis#1, redis#', versions: all}\n", ":7:", "'tracker' is redis#NUMBER"},
    {HEAD STEPS EXPECT "history: {tracker: redis@main, versions: all}\n", ":7:", "'tracker' is redis#NUMBER"},
    {HEAD STEPS EXPECT "history: {tracker: redis#1, versions: ''}\n", ":7:", "'versions' says which ones"},
    {HEAD STEPS "expect:\n  - lost: {before_mark: 0}\n", ":6:", "needs a step 'mark'"},
    {HEAD "steps:\n  - verify: {}\n  - verify: {}\n" EXPECT, ":5:", "verifies once"},
    {HEAD "steps:\n  - recover: {}\n  - mark: {}\n" EXPECT, ":5:", "marks once, before the crash"},
    {HEAD "steps:\n  - recover: {}\n" EXPECT, ":6:", "'lost' needs a step 'verify'"},
    {HEAD STEPS "expect:\n  - start: {refused: true}\n", ":6:", "'start' needs a step 'recover'"},
    {HEAD STEPS "expect:\n  - restarts: {min: 1}\n", ":6:", "a node with a restart policy"},
    {HEAD STEPS "expect:\n  - full_syncs: {min: 1}\n", ":6:", "a node that replicates another"},
    {HEAD "steps:\n  - verify: {}\n  - arm: {rule: op=fsync do=revert:EIO}\n" EXPECT, ":5:", "needs the journal"},
    {HEAD "steps:\n  - sleep: {ms: 1000000000}\n" EXPECT, ":4:", "out of range: 0 to 999999999"},
    {HEAD STEPS EXPECT "---\nname: b\n", ":7:", "a second document"},
    {HEAD STEPS EXPECT "why: &a x\ntune: *a\n", ":8:", "an alias"},
    {HEAD "steps: [\n" EXPECT, ":", "did not find"},
};

static void says_what_is_wrong_and_where(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct la_error error = {""};
        struct la_scenario *scenario = read_text(bad[i].text, &error);
        if (scenario || !strstr(error.text, bad[i].line) || !strstr(error.text, bad[i].message))
            fail_msg("row %zu: expected '%s' '%s', got '%s'", i, bad[i].line, bad[i].message, error.text);
    }
}

static void fills_in_what_is_not_said(void **state)
{
    (void)state;
    struct la_error error;
    struct la_scenario *scenario = read_text(HEAD STEPS EXPECT, &error);
    assert_non_null(scenario);
    assert_int_equal(scenario->node_count, 1);
    assert_string_equal(scenario->nodes[0].name, "primary");
    assert_int_equal(scenario->load->clients, 8);
    assert_int_equal(scenario->load->min_acked, 1000);
    assert_ptr_equal(scenario->expect[0].kind, &la_expect_lost);
    la_scenario_free(scenario);
}

/* Any beginning of a sound file is either sound itself or refused with a message. */
static void a_truncated_file_is_survived(void **state)
{
    (void)state;
    const char *whole =
        HEAD "load: {clients: 3}\nsteps:\n  - arm: {rule: \"op=write nth=3 do=kill\"}\n  - verify: {}\n" EXPECT
             "claims:\n  - {id: S0-01, when: yes}\n";
    for (size_t length = 0; length < strlen(whole); length++) {
        char text[512] = "";
        struct la_error error = {""};
        memcpy(text, whole, length);
        struct la_scenario *scenario = read_text(text, &error);
        assert_true(scenario || error.text[0]);
        la_scenario_free(scenario);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_is_wrong_and_where),
        cmocka_unit_test(fills_in_what_is_not_said),
        cmocka_unit_test(a_truncated_file_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
