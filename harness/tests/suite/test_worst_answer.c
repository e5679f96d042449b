/* What certify answers to --rpo and --rto: by what the scenarios have found, and by no figure that one of them doubts.
 */
#include <math.h>
#include <string.h>

#include "cmocka_all.h"
#include "report/answer.h"
#include "suite/worst.h"

/* One situation, a loss of 2200 ms, and 50 ms until it served; `violated`: a demand, or "". */
static json_t *seen(const char *verdict, const char *violated, double window_ms)
{
    json_t *worst = json_pack("{s:s, s:b, s:f, s:i, s:f, s:b}", "situation", "kill", "sound", 1, "window_ms", window_ms,
                              "lost", 10, "ready_ms", 50.0, "by_itself", 1);
    json_t *kinds = *violated ? json_pack("[s]", violated) : json_array();
    return json_pack("[{s:s, s:s, s:[s], s:o, s:o}]", "name", "worst-kill", "verdict", verdict, "reasons", "a reason",
                     "violated", kinds, "worst", worst);
}

static void expect(json_t *scenarios, const char *rpo, const char *rto)
{
    struct la_suite suite = {.quick = true, .demands = {2000, 1000, true}};
    struct la_work work = {.suite = &suite, .results = scenarios, .unseen = json_array()};
    json_t *answer = la_worst_answer(&work);
    const json_t *list = json_object_get(answer, "requirements");
    assert_string_equal(json_string_value(json_object_get(json_array_get(list, 0), "verdict")), rpo);
    assert_string_equal(json_string_value(json_object_get(json_array_get(list, 1), "verdict")), rto);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *entry = json_array_get(list, i);
        double worst_ms = json_number_value(json_object_get(entry, "worst_ms"));
        bool violated = !strcmp(json_string_value(json_object_get(entry, "verdict")), "violated");
        assert_false(violated && worst_ms &&
                     worst_ms <= (double)json_integer_value(json_object_get(entry, "target_ms")));
    }
    json_decref(answer);
    json_decref(work.unseen);
    json_decref(scenarios);
}

static void the_scenarios_decide(void **state)
{
    (void)state;
    expect(seen("holds", "", 1500), "holds", "holds");
    expect(seen("violated", "rpo", 2200), "violated", "holds");
    expect(seen("violated", "rto", 1500), "holds", "violated"); /* another run of it, that was slower */
}

/* The machine stood still, say: that the figure is above the demand proves nothing. */
static void what_is_in_doubt_is_not_violated(void **state)
{
    (void)state;
    expect(seen("inconclusive", "", 2200), "inconclusive", "inconclusive");
    expect(seen("inconclusive", "", 1500), "inconclusive", "inconclusive");
}

/* One that does not load is the worst that there is, whoever is compared with it. */
static void a_server_that_does_not_load_is_not_forgotten(void **state)
{
    (void)state;
    for (int first = 0; first < 3; first++) {
        json_t *all = json_array();
        for (int i = 0; i < 3; i++) {
            json_t *one = seen("holds", "", i ? 1900 : 60);
            if (i == first) {
                json_t *worst = json_object_get(json_array_get(one, 0), "worst");
                json_object_set_new(worst, "lost", json_null());
                json_object_set_new(worst, "window_ms", json_null());
                json_object_set_new(worst, "by_itself", json_false());
            }
            json_array_extend(all, one);
            json_decref(one);
        }
        json_t *merged = la_answer_worst_of(all);
        assert_true(isinf(la_answer_loss(merged)));
        json_decref(merged);
        expect(all, "violated", "violated");
    }
}

static void lines_are_read_as_the_server_reads_them(void **state)
{
    (void)state;
    char *lines[] = {"appendonly \"YES\"", "appendfsync 'always'", "save 3600 1", "save 60 1000"};
    struct la_suite suite = {.quick = true, .demands = {-1, -1, true}, .set = {lines, 4}};
    struct la_work work = {.suite = &suite, .results = json_array(), .unseen = json_array()};
    json_t *answer = la_worst_answer(&work);
    assert_string_equal(json_string_value(json_object_get(answer, "strategy")),
                        "an append-only file: appendonly yes, appendfsync always; save \"3600 1 60 1000\"");
    json_decref(answer);
    json_decref(work.unseen);
    json_decref(work.results);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_scenarios_decide),
        cmocka_unit_test(what_is_in_doubt_is_not_violated),
        cmocka_unit_test(lines_are_read_as_the_server_reads_them),
        cmocka_unit_test(a_server_that_does_not_load_is_not_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
