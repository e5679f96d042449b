/* Statistics with known answers: medians and their intervals, quotients of pairs, a line and what it foretells. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cmocka_all.h"
#include "judge/fit.h"
#include "judge/measured.h"

static struct la_measures some(const double *values, size_t count)
{
    struct la_measures measures = {0};
    for (size_t i = 0; i < count; i++)
        la_measures_add(&measures, "x", "ms", (struct la_sample){.value = values[i]});
    return measures;
}

static void near(double is, double wanted)
{
    if (fabs(is - wanted) > 1e-6 * (1 + fabs(wanted)))
        fail_msg("%.9g, not %.9g", is, wanted);
}

static void a_median_and_where_it_lies(void **state)
{
    (void)state;
    static const double values[] = {5, 1, 4, 2, 3, 9, 8, 7, 6, 10, 12, 11};
    static const struct {
        size_t count;
        double median, low, high; /* from six on by the sign test: of nine the second and the eighth */
    } rows[] = {{1, 5, 5, 5}, {2, 3, 1, 5}, {5, 3, 1, 5}, {6, 3.5, 1, 9}, {9, 5, 2, 8}, {12, 6.5, 3, 10}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct la_measures measures = some(values, rows[i].count);
        struct la_middle middle = la_middle_of(la_measures_find(&measures, "x"));
        assert_int_equal(middle.count, rows[i].count);
        near(middle.median, rows[i].median);
        near(middle.low, rows[i].low);
        near(middle.high, rows[i].high);
        la_measures_free(&measures);
    }
}

/* P(at most 28 of 75 heads) is 0.0187, of 29 0.0321: 28 values lie outside at each end. */
static void many_samples_lie_as_the_binomial_has_it(void **state)
{
    (void)state;
    double values[1500];
    static const struct {
        size_t count;
        double low, high;
    } rows[] = {{75, 28, 46}, {1500, 711, 788}};
    for (int i = 0; i < 1500; i++)
        values[i] = i;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct la_measures measures = some(values, rows[i].count);
        struct la_middle middle = la_middle_of(la_measures_find(&measures, "x"));
        near(middle.low, rows[i].low);
        near(middle.high, rows[i].high);
        la_measures_free(&measures);
    }
}

static void pairs_are_taken_off_pair_by_pair(void **state)
{
    (void)state;
    struct la_measures one = some((const double[]){11, 42, 93}, 3);
    struct la_measures other = some((const double[]){10, 40, 90}, 3);
    const struct la_measure *from = la_measures_find(&one, "x");
    struct la_middle rest = la_middle_of_difference(from, la_measures_find(&other, "x"));
    near(rest.low, 1);
    near(rest.median, 2);
    near(rest.high, 3);
    la_measures_add(&other, "x", "ms", (struct la_sample){.value = 50});
    rest = la_middle_of_difference(from, la_measures_find(&other, "x"));
    near(rest.median, 42 - 45);
    near(rest.low, 11 - 90);
    near(rest.high, 93 - 10);
    assert_int_equal(rest.count, 3);
    la_measures_free(&one);
    la_measures_free(&other);
}

static void what_is_apart_is_no_part(void **state)
{
    (void)state;
    struct la_measures measures = {0};
    la_measures_add(&measures, "x", "ms", (struct la_sample){.value = 7});
    la_measures_add(&measures, "x", "s", (struct la_sample){.value = 1000, .apart = true});
    la_measures_note(&measures, "y", "a text");
    la_measures_note(&measures, "y", "another");
    const struct la_measure *x = la_measures_find(&measures, "x");
    near(la_middle_of(x).high, 7);
    assert_string_equal(x->unit, "ms");
    assert_string_equal(la_measures_find(&measures, "y")->text, "another");
    assert_int_equal(la_middle_of(la_measures_find(&measures, "y")).count, 0);
    assert_null(la_measures_find(&measures, "z"));
    la_measures_free(&measures);
}

static void pairs_are_divided_pair_by_pair(void **state)
{
    (void)state;
    static const double ones[] = {10, 40,
                                  90}; /* the machine became slower all the while: of each pair the quotient is 10 */
    static const double others[] = {1, 4, 9};
    struct la_measures one = some(ones, 3);
    struct la_measures other = some(others, 3);
    struct la_middle ratio = la_middle_of_ratio(la_measures_find(&one, "x"), la_measures_find(&other, "x"));
    near(ratio.low, 10);
    near(ratio.high, 10);
    la_measures_add(&other, "x", "ms", (struct la_sample){.value = 4});
    ratio = la_middle_of_ratio(la_measures_find(&one, "x"), la_measures_find(&other, "x"));
    near(ratio.median, 10); /* no pairs: of the medians, from the least over the largest on */
    near(ratio.low, 10.0 / 9);
    near(ratio.high, 90);
    la_measures_free(&other);
    other = some((const double[]){0, 1}, 2);
    assert_int_equal(la_middle_of_ratio(la_measures_find(&one, "x"), la_measures_find(&other, "x")).count, 0);
    la_measures_free(&one);
    la_measures_free(&other);
}

static void a_line_and_what_it_foretells(void **state)
{
    (void)state;
    static const struct {
        double at, value;
    } rows[] = {{1, 2.1}, {2, 3.9}, {3, 6.2}, {4, 7.8}, {5, 10.1}}; /* a textbook's: 1.99 x + 0.05, s = 0.2098 */
    struct la_measures measures = {0};
    struct la_fit_line line;
    for (size_t i = 0; i < 2; i++)
        la_measures_add(&measures, "x", "ms", (struct la_sample){rows[i].value, rows[i].at, false});
    assert_int_equal(la_fit_line(la_measures_find(&measures, "x"), &line), -1);
    for (size_t i = 2; i < sizeof rows / sizeof *rows; i++)
        la_measures_add(&measures, "x", "ms", (struct la_sample){rows[i].value, rows[i].at, false});
    la_measures_add(&measures, "x", "ms", (struct la_sample){500, 50, true});
    assert_int_equal(la_fit_line(la_measures_find(&measures, "x"), &line), 0);
    near(line.slope, 1.99);
    near(line.offset, 0.05);
    near(line.largest, 5);
    near(line.error, sqrt(0.107 / 3));
    struct la_middle far = la_fit_foretell(&line, 10);
    near(far.median, 19.95);
    near(far.high - far.median, 3.182 * line.error * sqrt(1 + 0.2 + 49.0 / 10));
    near(far.median - far.low, far.high - far.median);
    la_measures_free(&measures);
}

static void sizes_count_and_not_samples(void **state)
{
    (void)state;
    struct la_measures measures = {0};
    struct la_fit_line line;
    for (int i = 0; i < 10; i++)
        la_measures_add(&measures, "x", "ms", (struct la_sample){i, 1 + i % 2, false});
    assert_int_equal(la_fit_line(la_measures_find(&measures, "x"), &line), -1);
    la_measures_free(&measures);
}

static void a_measured_quantity_in_words(void **state)
{
    (void)state;
    struct la_measured measured = {.value = NAN};
    unsigned int five = 5;
    unsigned int nine = 9;
    char *text = la_measured_text(&measured);
    assert_string_equal(text, "nothing was measured");
    free(text);
    la_measured_once(&measured, 12.345, "ms", "time of %s", "it");
    la_measured_bound(&measured, &five, &nine, "ms");
    assert_string_equal(measured.bound, "5 to 9 ms");
    text = la_measured_text(&measured);
    assert_string_equal(text, "time of it: 12.3 ms");
    free(text);
    measured.low = 9;
    measured.high = 1234.5;
    measured.n = 4;
    strcpy(measured.words, "so");
    text = la_measured_text(&measured);
    assert_string_equal(text, "time of it: 12.3 ms (9 to 1234, n = 4); so");
    free(text);
    la_measured_bound(&measured, &five, NULL, "");
    assert_string_equal(measured.bound, "at least 5");
    la_measured_bound(&measured, &five, &five, "keys");
    assert_string_equal(measured.bound, "5 keys");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_median_and_where_it_lies),       cmocka_unit_test(many_samples_lie_as_the_binomial_has_it),
        cmocka_unit_test(pairs_are_taken_off_pair_by_pair), cmocka_unit_test(what_is_apart_is_no_part),
        cmocka_unit_test(pairs_are_divided_pair_by_pair),   cmocka_unit_test(a_line_and_what_it_foretells),
        cmocka_unit_test(sizes_count_and_not_samples),      cmocka_unit_test(a_measured_quantity_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
