/* What several scenarios say of one claim, as one row. */
#include <stdlib.h>
#include <string.h>

#include "cmocka_all.h"
#include "report/claims.h"
#include "report/repeat.h"

static json_t *said(const char *id, const char *verdict, const char *when)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:f, s:[f, f], s:i, s:s, s:s, s:s}", "id", id, "verdict", verdict,
                     "measured", verdict, "quantity", "q", "unit", "ms", "value", 2.0, "interval", 1.0, 3.0, "n", 1,
                     "document_says", "d", "bound", "b", "conditions", when);
}

static const char *text(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static void sides_make_a_verdict(void **state)
{
    (void)state;
    static const struct {
        const char *sides[3]; /* verdict, and behind a blank its condition */
        const char *together;
    } rows[] = {
        {{"holds", "holds"}, "holds"},
        {{"holds a", "violated b"}, "qualified"},
        {{"holds", "violated b"}, "qualified"},
        {{"holds a", "violated"}, "violated"}, /* nobody says under what condition */
        {{"violated a", "violated b"}, "violated"},
        {{"holds a", "violated b", "inconclusive c"}, "inconclusive"},
        {{"violated b", "inconclusive"}, "inconclusive"},
        {{"violated", "inconclusive c"}, "violated"},
        {{"holds a", "inconclusive b"}, "inconclusive"},
        {{"holds a", "violated b", "violated"}, "violated"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *scenarios = json_array();
        for (size_t s = 0; s < 3 && rows[i].sides[s]; s++) {
            char verdict[32];
            snprintf(verdict, sizeof verdict, "%s", rows[i].sides[s]);
            char *when = strchr(verdict, ' ');
            if (when)
                *when++ = '\0';
            json_array_append_new(scenarios, json_pack("{s:s, s:s, s:[o]}", "name", "s", "verdict", "holds",
                                                       "claim_verdicts", said("S0-01", verdict, when ? when : "")));
        }
        json_t *claims = la_claims_result(NULL, scenarios);
        assert_int_equal(json_array_size(claims), 1);
        if (strcmp(text(json_array_get(claims, 0), "verdict"), rows[i].together) != 0)
            fail_msg("row %zu: %s", i, text(json_array_get(claims, 0), "verdict"));
        assert_int_equal(json_array_size(json_object_get(json_array_get(claims, 0), "sides")),
                         json_array_size(scenarios));
        json_decref(claims);
        json_decref(scenarios);
    }
}

static void rows_come_by_id(void **state)
{
    (void)state;
    json_t *scenarios = json_pack("[{s:s, s:s, s:[o, o, o]}]", "name", "s", "verdict", "holds", "claim_verdicts",
                                  said("S1-02", "holds", ""), said("S0-10", "holds", ""), said("S0-02", "holds", ""));
    json_t *claims = la_claims_result(NULL, scenarios);
    assert_string_equal(text(json_array_get(claims, 0), "id"), "S0-02");
    assert_string_equal(text(json_array_get(claims, 1), "id"), "S0-10");
    assert_string_equal(text(json_array_get(claims, 2), "id"), "S1-02");
    json_decref(claims);
    json_decref(scenarios);
}

static void what_nobody_can_try_says_what_it_takes(void **state)
{
    (void)state;
    struct la_claim items[] = {{.id = "S0-01", .text = "one", .source = "there"},
                               {.id = "S0-14", .text = "other", .source = "here", .needs = "a moon"},
                               {.id = "S0-24", .text = "third", .source = "there", .from_document = true}};
    const struct la_claims catalogue = {items, 3};
    json_t *claims = json_array();
    la_claims_untestable(&catalogue, claims);
    assert_int_equal(json_array_size(claims), 2);
    assert_string_equal(text(json_array_get(claims, 0), "verdict"), "untestable");
    assert_string_equal(text(json_array_get(claims, 1), "measured"), "document not given: --deep --document DIR");
    assert_string_equal(text(json_array_get(claims, 0), "measured"), "a moon");
    assert_string_equal(text(json_array_get(claims, 0), "text"), "other");
    json_decref(claims);
}

/* Of several runs the samples count together, and the interval holds all of theirs. */
static void repeated_runs_are_one_sample_each(void **state)
{
    (void)state;
    json_t *runs = json_array();
    for (int i = 0; i < 3; i++) {
        json_t *one = said("S0-01", "holds", "");
        json_object_set_new(one, "interval", json_pack("[f, f]", 1.0 - i, 3.0 + i));
        json_array_append_new(runs,
                              json_pack("{s:s, s:s, s:[o]}", "name", "s", "verdict", "holds", "claim_verdicts", one));
    }
    json_t *merged = la_repeat_merge(runs);
    const json_t *together = json_array_get(json_object_get(merged, "claim_verdicts"), 0);
    assert_int_equal(json_integer_value(json_object_get(together, "n")), 3);
    const json_t *interval = json_object_get(together, "interval");
    assert_true(json_number_value(json_array_get(interval, 0)) == -1);
    assert_true(json_number_value(json_array_get(interval, 1)) == 5);
    json_decref(merged);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sides_make_a_verdict),
        cmocka_unit_test(rows_come_by_id),
        cmocka_unit_test(what_nobody_can_try_says_what_it_takes),
        cmocka_unit_test(repeated_runs_are_one_sample_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
